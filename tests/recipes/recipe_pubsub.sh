# Messages to whoever listens; nothing is kept (S6.1 to S6.3).
expect 0 publish news nobody
out=$(mktemp)
trap 'rm -f "$out"; kill "${listener:-}" 2>/dev/null || true' EXIT
redis-cli -s "$REDIS_SOCKET" psubscribe 'news*' >"$out" &
listener=$!
eventually answers 1 pubsub numpat
expect 1 publish news:it first
expect 0 publish weather sunny
expect 1 publish news second
eventually grep -q second "$out"
same "$(paste -sd' ' "$out")" "psubscribe news* 1 pmessage news* news:it first pmessage news* news second" "what was heard"
