# A leaderboard: scores in a sorted set, the best first (S4.1).
expect 4 zadd board 120 ann 80 bob 200 cem 95 dia
expect 150 zincrby board 70 bob
expect "cem 200 bob 150 ann 120" zrevrange board 0 2 withscores
expect "dia ann bob cem" zrange board 0 -1
expect "cem bob ann dia" zrange board 0 -1 rev
expect 1 zrevrank board bob # second of all, counted from 0
expect 120 zscore board ann
# A player's best result stays: GT takes only what is higher.
expect 0 zadd board gt ch 100 ann
expect 1 zadd board gt ch 130 ann
# Equal scores stand in the order of their bytes.
r zadd board 130 eva >/dev/null
expect "ann eva" zrange board 130 130 byscore
expect 2 zcount board 121 "(150"
