#!/usr/bin/env bash
# Runs recipes, each against an empty server.
#   run.sh SERVER [RECIPE...]      SERVER: build/release/bin/redan-server, or redis-server
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
server=${1:?run.sh SERVER [RECIPE...]}
shift
[[ $# -gt 0 ]] || set -- "$here"/recipe_*.sh
place=$(mktemp -d)
export REDIS_SOCKET=$place/socket
"$server" --port 0 --unixsocket "$REDIS_SOCKET" --dir "$place" --save "" --logfile "$place/log" \
  --daemonize no >"$place/output" 2>&1 &
pid=$!
trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; rm -rf "$place"' EXIT
for ((i = 0; i < 500; ++i)); do
  [[ "$(redis-cli -s "$REDIS_SOCKET" ping 2>/dev/null)" == PONG ]] && break
  kill -0 "$pid" 2>/dev/null || { cat "$place/output" "$place/log"; exit 1; }
  sleep 0.02
done

failed=0
for recipe in "$@"; do
  redis-cli -s "$REDIS_SOCKET" flushall >/dev/null
  if bash -c 'source "$0"; source "$1"' "$here/lib.sh" "$recipe"; then
    echo "ok      $(basename "$recipe" .sh)"
  else
    echo "FAILED  $(basename "$recipe" .sh)"
    failed=1
  fi
done
exit "$failed"
