# Daily active users (S4.8): a bit for each user.
for id in 7 14 100; do expect 0 setbit uv:20261125 $id 1; done
for id in 7 14; do expect 0 setbit uv:20261126 $id 1; done
expect 1 setbit uv:20261126 7 1 # Seen already.
expect 3 bitcount uv:20261125
expect 2 bitcount uv:20261126
# Who came on both days?
expect 13 bitop and event uv:20261125 uv:20261126
expect 2 bitcount event
expect 13 bitop or either uv:20261125 uv:20261126
expect 3 bitcount either
# Ids 7 and 14 are the last bit of byte 0 and the last but one of byte 1.
bytes=$(r get uv:20261126 | od -An -v -tu1 | xargs)
same "$bytes" "1 2 10" "the bytes, and redis-cli's end of line"
ids=$(awk '{for (i = 1; i < NF; ++i) for (b = 0; b < 8; ++b) if (int($i / 2 ^ (7 - b)) % 2) print (i - 1) * 8 + b}' <<<"$bytes")
same "$(paste -sd' ' - <<<"$ids")" "7 14" "ids from bits"
expect 7 bitpos uv:20261126 1
# Eight counters of four bits in one string.
expect "1 2" bitfield counters incrby u4 '#0' 1 incrby u4 '#1' 2
expect "15" bitfield counters overflow sat incrby u4 '#0' 100
expect "15 2" bitfield_ro counters get u4 '#0' get u4 '#1'
# Four billion ids take half a gigabyte, but only what is needed is there.
expect 0 setbit far 1000000 1
expect 125001 strlen far
