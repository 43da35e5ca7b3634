# Scores of several days as one (S4.2).
r zadd day:1 10 ann 20 bob >/dev/null
r zadd day:2 5 ann 7 cem >/dev/null
r zadd day:3 1 bob 1 cem 1 dia >/dev/null
expect 4 zunionstore week 3 day:1 day:2 day:3
expect "bob 21 ann 15 cem 8 dia 1" zrevrange week 0 -1 withscores
# Wednesday counts twice.
expect 4 zunionstore week 3 day:1 day:3 day:2 weights 1 1 2
expect "bob 21 ann 20 cem 15 dia 1" zrevrange week 0 -1 withscores
expect 4 zunionstore best 3 day:1 day:2 day:3 aggregate max
expect "bob 20 ann 10 cem 7 dia 1" zrevrange best 0 -1 withscores
# Who played each day? Nobody.
expect 0 zinterstore each 3 day:1 day:2 day:3
expect 0 exists each
expect "bob" zdiff 2 day:1 day:2
