# Consumer groups (S6.13 to S6.19): each entry goes to one consumer, and stays pending until it says
# that it is done.
expect OK xgroup create mail billing 0 mkstream
expect OK xgroup create mail audit 0
for i in 1 2 3 4; do expect "$i-0" xadd mail "$i-0" n "$i"; done
expect "mail 1-0 n 1 2-0 n 2" xreadgroup group billing one count 2 streams mail '>'
expect "mail 3-0 n 3 4-0 n 4" xreadgroup group billing two streams mail '>'
expect "" xreadgroup group billing one streams mail '>'
# Groups know nothing of each other.
expect "mail 1-0 n 1" xreadgroup group audit one count 1 streams mail '>'
expect "4 1-0 4-0 one 2 two 2" xpending mail billing
expect 1 xack mail billing 1-0
expect 0 xack mail billing 1-0
# "one" crashed; what it had is its own history when it comes back.
expect "mail 2-0 n 2" xreadgroup group billing one streams mail 0
# Another takes it over, at once here, and usually only after some time.
expect "2-0 n 2" xclaim mail billing two 0 2-0
expect "" xclaim mail billing three 3600000 2-0
expect "3 2-0 4-0 two 3" xpending mail billing
# Or whatever lies too long.
expect "0-0 2-0 3-0 4-0 " xautoclaim mail billing three 0 0 justid
expect 3 xack mail billing 2-0 3-0 4-0
# At least once becomes exactly once by a set of what was done.
handle() {
  [[ "$(r sadd done "$1")" == 1 ]] && r incr handled >/dev/null
  r xack mail audit "$1" >/dev/null
}
handle 1-0
handle 1-0
expect 1 get handled
[[ "$(r xreadgroup group BILLING one streams mail '>')" == NOGROUP* ]] || fail "names of groups are exact"
same "$(r xinfo groups mail | paste -sd' ' - | grep -o 'name billing consumers 3 pending 0')" "name billing consumers 3 pending 0" "the group"
