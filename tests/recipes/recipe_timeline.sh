# Timelines of followers (S6.6): only of those who have one in the cache.
expect 1 rpush timeline:ann post:1
for follower in ann bob; do r rpushx "timeline:$follower" post:2 >/dev/null; done
expect "post:1 post:2" lrange timeline:ann 0 -1
expect 0 exists timeline:bob
# The newest hundred are kept.
for i in {3..150}; do echo "lpush timeline:ann post:$i"; done | r >/dev/null
expect OK ltrim timeline:ann 0 99
expect 100 llen timeline:ann
expect post:150 lindex timeline:ann 0
expect "post:150 post:149 post:148" lrange timeline:ann 0 2
expect 101 linsert timeline:ann before post:149 advert
expect "post:150 advert post:149" lrange timeline:ann 0 2
expect 1 lrem timeline:ann 1 advert
expect 1 lpos timeline:ann post:149
expect OK lset timeline:ann 0 edited
expect edited lpop timeline:ann
