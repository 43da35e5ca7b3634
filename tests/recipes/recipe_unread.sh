# Unread messages for each channel of a user (S4.7).
expect 1 hincrby user:234 channel:4234 1
expect 2 hincrby user:234 channel:4234 1
expect 5 hincrby user:234 channel:7 5
expect 1 hincrby user:234 channel:4234 -1
same "$(r hgetall user:234 | paste - - | sort | paste -sd' ' - | tr '\t' '=')" "channel:4234=1 channel:7=5" "all channels"
# All read.
expect 1 hdel user:234 channel:7
expect "1 " hmget user:234 channel:4234 channel:7
r hset user:234 name ann >/dev/null
[[ "$(r hincrby user:234 name 1)" == *"hash value is not an integer"* ]] || fail "a name is no counter"
