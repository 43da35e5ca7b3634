# Sessions on hashes that end when nobody comes back (S5.8).
expect 3 hset session:a1 user 234 name ann visits 1
expect 1 expire session:a1 1800
expect 2 hincrby session:a1 visits 1
[[ "$(r ttl session:a1)" -gt 1700 ]] || fail "a change keeps the deadline"
expect 1 expire session:a1 1800 # Seen again.
expect "234 ann 2" hmget session:a1 user name visits
expect 1 hexists session:a1 name
expect 1 pexpire session:a1 1
eventually answers 0 exists session:a1
expect 0 hlen session:a1
