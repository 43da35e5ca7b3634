#!/usr/bin/env bash
# Everything that CI does, on a bare Debian 12: installs packages, builds, runs every test. The last lines are
# ctest's summary. Arguments go to ctest: tests/run.sh -L integration
set -u

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/packages.sh
. "$top/deploy/packages.sh"
# shellcheck source=deploy/install.sh
. "$top/deploy/install.sh"

install=yes
case ${1:-} in
  --no-install)
    install=no
    shift
    ;;
  --help | -h)
    echo "tests/run.sh [--no-install] [ctest arguments]   installs, builds, and runs every test"
    exit 0
    ;;
esac

if [ "$install" = yes ]; then
  packages=$TEST_PACKAGES
  command -v node >/dev/null || packages="$packages nodejs"
  command -v npm >/dev/null || packages="$packages npm"
  # shellcheck disable=SC2086
  install_packages $packages
fi
for tool in redis-server redis-sentinel redis-cli redis-benchmark node npm sidekiq nft ip unshare docker-compose clang-format; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "$tool" >/dev/null ||
    fail "$tool is missing" "run without --no-install, or install: $TEST_PACKAGES nodejs npm"
done
/usr/bin/python3 -c 'import redis, rq, yaml' ||
  fail "Debian's python3 with the modules redis, rq and yaml is missing" "apt-get install python3-redis python3-rq python3-yaml"

build_redan "$top"

clients=$top/tests/integration/clients
if ! cmp -s "$clients/package-lock.json" "$clients/node_modules/.installed-lock"; then
  as_owner "$clients" npm ci --prefix "$clients" --ignore-scripts --no-audit --no-fund ||
    fail "npm could not install what $clients/package.json names" "its message is above; the tests of real clients need it"
  as_owner "$clients" cp "$clients/package-lock.json" "$clients/node_modules/.installed-lock"
fi

# The code that holds the data and reads what strangers send, once more under AddressSanitizer and UBSan.
if [ $# -eq 0 ]; then
  (cd "$top" && as_owner "$top" cmake --preset asan >/dev/null &&
    as_owner "$top" cmake --build --preset asan --target data_plane_tests) || fail "the build with sanitizers failed"
  (cd "$top" && as_owner "$top" ctest --preset asan -L data_plane -j2) ||
    fail "tests fail under the sanitizers" "the report is above; alone: ctest --preset asan -R NAME"
  # Loops and logs that several threads use, under ThreadSanitizer; the whole node's threads take longer (tests/README.md).
  (cd "$top" && as_owner "$top" cmake --preset tsan >/dev/null &&
    as_owner "$top" cmake --build --preset tsan --target threads_quick_tests) || fail "the build with ThreadSanitizer failed"
  (cd "$top" && as_owner "$top" ctest --preset tsan -L threads_quick -j2) ||
    fail "tests fail under ThreadSanitizer" "the report is above; alone: ctest --preset tsan -R NAME"
fi

cd "$top/build/release" || exit 1
export REDAN_FRESH_SEEDS=${REDAN_FRESH_SEEDS:-1000}
rm -f tests.xml
as_owner "$top" ctest -j2 --output-on-failure --no-tests=error --output-junit tests.xml "$@"
status=$?
# ctest takes a test that did not run for a success; here it is none.
grep -q 'skipped="0"' tests.xml && grep -q 'disabled="0"' tests.xml ||
  fail "some tests did not run" "ctest names them above" "$top/build/release/tests.xml tells why"
exit "$status"
