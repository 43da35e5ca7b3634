#!/usr/bin/env bash
# rdb_bench.sh [keys]: rdb_bench beside redis-server: BGSAVE wall time and memory, and the time to
# load the very file that rdb_bench wrote. Builds nothing.
set -eu
keys=${1:-2000000}
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
port=${PORT:-17911}
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$work"' EXIT

${RUN:-} "$top/build/release/tests/rdb_bench" "$keys" "$work"

${RUN:-} redis-server --port "$port" --dir "$work" --save '' --logfile "$work/log" --daemonize no &
server=$!
until [ "$(redis-cli -p "$port" ping 2>/dev/null)" = PONG ]; do sleep 0.1; done
grep -h 'DB loaded' "$work/log" | sed 's/.*\* /redis-server: /'
before=$(awk '/Pss:/ {sum += $2} END {print sum}' "/proc/$server/smaps_rollup")
redis-cli -p "$port" bgsave >/dev/null
begin=$(date +%s.%N)
while redis-cli -p "$port" info persistence | grep -q 'rdb_bgsave_in_progress:1'; do sleep 0.02; done
end=$(date +%s.%N)
echo "redis-server: BGSAVE wall $(echo "$end - $begin" | bc) s, fork $(redis-cli -p "$port" info stats |
  sed -n 's/latest_fork_usec:\([0-9]*\).*/\1/p') us, copied $(redis-cli -p "$port" info persistence |
  sed -n 's/rdb_last_cow_size:\([0-9]*\).*/\1/p') bytes of $before KiB"
