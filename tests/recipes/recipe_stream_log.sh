# A stream that any number of readers follow, each from where it is (S6.9 to S6.12).
expect 1-1 xadd mail 1-1 to ann
expect 1-2 xadd mail 1-2 to bob
expect 2-0 xadd mail '2-*' to cem
[[ "$(r xadd mail 1-1 to dia)" == *"equal or smaller than the target stream top item"* ]] || fail "ids rise"
expect 3 xlen mail
for reader in 1 2; do
  expect "mail 1-1 to ann 1-2 to bob 2-0 to cem" xread count 10 streams mail 0
done
expect "mail 2-0 to cem" xread streams mail 1-2
expect "" xread streams mail '$'
expect "1-1 to ann 1-2 to bob" xrange mail - + count 2
expect "1-2 to bob 2-0 to cem" xrange mail '(1-1' +
expect "2-0 to cem" xrevrange mail + - count 1
expect 1 xdel mail 1-2
expect 1 xtrim mail maxlen 1
expect "2-0 to cem" xrange mail - +
# Without a stream nothing is made, if so wished.
expect "" xadd none nomkstream '*' a b
# Waiting for what comes.
out=$(mktemp)
redis-cli -s "$REDIS_SOCKET" xread block 30000 streams mail '$' >"$out" &
reader=$!
trap 'rm -f "$out"; kill "$reader" 2>/dev/null || true' EXIT
eventually sh -c "redis-cli -s $REDIS_SOCKET info clients | grep -q 'blocked_clients:1'"
expect 9-1 xadd mail 9-1 to eva
wait "$reader"
same "$(paste -sd' ' "$out")" "mail 9-1 to eva" "what the reader got"
# A stream stays when it is empty.
expect 2 xtrim mail maxlen 0
expect 1 exists mail
