# Tags of posts, and posts of tags (S4.4).
r sadd post:47:tags IT Redis DataStore >/dev/null
r sadd post:22:tags IT Python >/dev/null
r sadd tag:IT:posts 22 47 >/dev/null
r sadd tag:Redis:posts 47 >/dev/null
r sadd tag:Python:posts 22 >/dev/null
same "$(r smembers post:47:tags | sort | paste -sd' ' -)" "DataStore IT Redis" "tags of 47"
same "$(r smembers tag:IT:posts | sort | paste -sd' ' -)" "22 47" "posts about IT"
expect 47 sinter tag:IT:posts tag:Redis:posts
expect 22 sdiff tag:IT:posts tag:Redis:posts
expect 2 sunionstore either tag:Redis:posts tag:Python:posts
expect 1 sintercard 2 tag:IT:posts tag:Redis:posts
expect 1 srem post:47:tags DataStore
expect 0 sismember post:47:tags DataStore
# The last member takes the key with it.
expect 2 srem post:22:tags IT Python
expect 0 exists post:22:tags
