# Workers that wait for jobs (S6.7): the first that came gets the first job.
place=$(mktemp -d)
workers=()
trap 'for pid in "${workers[@]}"; do kill "$pid" 2>/dev/null || true; done; rm -rf "$place"' EXIT
for i in 1 2 3; do
  redis-cli -s "$REDIS_SOCKET" blpop urgent jobs 30 >"$place/$i" &
  workers+=($!)
  eventually sh -c "redis-cli -s $REDIS_SOCKET info clients | grep -q 'blocked_clients:$i'"
done
expect 2 rpush jobs one two
expect 1 rpush urgent now
for pid in "${workers[@]}"; do wait "$pid"; done
same "$(paste -sd' ' "$place/1")" "jobs one" "the first worker"
same "$(paste -sd' ' "$place/2")" "jobs two" "the second worker"
same "$(paste -sd' ' "$place/3")" "urgent now" "the third worker"
expect 0 exists jobs
# Nobody sends anything: the wait ends with nothing.
expect "" blpop jobs 0.05
# From one list to another without a moment in between.
redis-cli -s "$REDIS_SOCKET" blmove jobs working left right 30 >"$place/4" &
workers=($!)
eventually sh -c "redis-cli -s $REDIS_SOCKET info clients | grep -q 'blocked_clients:1'"
expect 1 lpush jobs three
wait "${workers[0]}"
same "$(cat "$place/4")" three "the one who waited"
expect three lrange working 0 -1
