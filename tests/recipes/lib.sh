# What recipes share; run.sh sources it before each. REDIS_SOCKET names the server.
set -euo pipefail

r() { redis-cli -s "$REDIS_SOCKET" "$@"; }

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# expect TEXT COMMAND...: the command's reply, its elements joined by single spaces.
expect() {
  local wanted=$1 got
  shift
  got=$(r "$@" | paste -sd' ' -)
  [[ "$got" == "$wanted" ]] || fail "$* answered '$got', not '$wanted'"
}

# same TEXT TEXT WHAT
same() { [[ "$1" == "$2" ]] || fail "$3: '$1', not '$2'"; }

# eventually COMMAND...: until the shell command succeeds, at most ten seconds.
eventually() {
  local end=$((SECONDS + 10))
  until "$@"; do
    ((SECONDS < end)) || fail "never true: $*"
    sleep 0.02
  done
}

answers() { # answers TEXT COMMAND...
  local wanted=$1
  shift
  [[ "$(r "$@" | paste -sd' ' -)" == "$wanted" ]]
}
