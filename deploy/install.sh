# Sourced by quickstart.sh and tests/run.sh: brings Debian's packages without starting anybody's services.
# shellcheck shell=bash

fail() {
  printf '\n%s: %s\n' "$(basename "$0")" "$1" >&2
  shift
  for line in "$@"; do printf '  %s\n' "$line" >&2; done
  exit 1
}

# Runs a command as root: directly, or through sudo.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "this step needs root: $*" "run this script as root, or install sudo"
  fi
}

# Runs a command as the owner of a folder, so that `sudo` leaves no files of root in somebody's tree.
as_owner() {
  local owner
  owner=$(stat -c %U "$1")
  shift
  if [ "$(id -u)" -eq 0 ] && [ "$owner" != root ] && [ "$owner" != UNKNOWN ]; then
    runuser -u "$owner" -- env "HOME=$(getent passwd "$owner" | cut -d: -f6)" "$@"
  else
    "$@"
  fi
}

missing_packages() {
  local package
  for package in "$@"; do
    dpkg-query -W -f='${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' || echo "$package"
  done
}

# install_packages PACKAGE...: only what is missing. Newly installed services do not start, now or at boot;
# what the machine had before stays as it is.
install_packages() {
  command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
    fail "this is no Debian: apt-get is missing" "install these by hand, then use --no-install: $*"
  local missing service policy=/usr/sbin/policy-rc.d made_policy=no
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "Installing ${#missing[@]} packages: ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q ||
    fail "apt-get update failed" "check the machine's package sources and its network"
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    made_policy=yes
  fi
  local status=0
  as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get install -y -q --no-install-recommends "${missing[@]}" || status=$?
  [ "$made_policy" = no ] || as_root rm -f "$policy"
  [ "$status" -eq 0 ] || fail "apt-get could not install: ${missing[*]}" "its message is above"
  for service in redis-server redis-sentinel; do
    if [[ " ${missing[*]} " == *" $service "* ]] && [ -d /run/systemd/system ]; then
      as_root systemctl disable "$service" >/dev/null 2>&1 ||
        echo "note: Debian's $service starts at the next boot unless you disable it"
    fi
  done
}

# build_redan TOP [TARGET...]: configures and builds the release preset.
build_redan() {
  local top=$1 tool
  shift
  for tool in cmake ninja g++ protoc grpc_cpp_plugin; do
    command -v "$tool" >/dev/null || fail "$tool is missing" "run without --no-install, or install: $BUILD_PACKAGES"
  done
  (cd "$top" && as_owner "$top" cmake --preset release) ||
    fail "cmake could not configure the build" "its message is above" "a clean try: rm -r $top/build/release"
  (cd "$top" && as_owner "$top" cmake --build --preset release ${1:+--target "$@"}) ||
    fail "the build failed" "the compiler's message is above"
}
