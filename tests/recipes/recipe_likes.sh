# Who likes a comment (S4.6): a set, so that nobody counts twice.
expect 1 sadd comment:42:likes user:1
expect 0 sadd comment:42:likes user:1
expect 2 sadd comment:42:likes user:2 user:3
expect 3 scard comment:42:likes
expect 1 sismember comment:42:likes user:2
expect 1 srem comment:42:likes user:2
expect "1 0" smismember comment:42:likes user:1 user:2
expect 2 scard comment:42:likes
