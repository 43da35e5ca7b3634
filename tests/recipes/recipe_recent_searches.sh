# The last five searches of a user, each once (S4.3): the time is the score, and what falls behind
# the fifth goes.
now=1700000000
for word in tea coffee cake tea milk sugar bread; do
  now=$((now + 1))
  r zadd recent:7 $now "$word" >/dev/null
  r zremrangebyrank recent:7 -6 -6 >/dev/null
done
expect "bread sugar milk tea cake" zrevrange recent:7 0 -1
expect 5 zcard recent:7
