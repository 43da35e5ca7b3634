# A cache whose value many clients miss at once is computed by one of them (S5.7).

# By a lock that the winner holds for at most five seconds; the others wait for the value.
worker() {
  local value
  for _ in {1..500}; do
    value=$(r get page)
    [[ -n "$value" ]] && break
    if [[ "$(r set lock:page "$1" nx px 5000)" == OK ]]; then
      # Somebody may have been done between our question and our lock.
      if [[ -z "$(r get page)" ]]; then
        r incr computed >/dev/null
        r set page "a page" ex 60 >/dev/null
      fi
      r del lock:page >/dev/null
    else
      sleep 0.01
    fi
  done
}
workers=()
for i in {1..12}; do
  worker "$i" &
  workers+=($!)
done
for pid in "${workers[@]}"; do wait "$pid"; done
expect 1 get computed
expect "a page" get page

# By chance before the deadline ("XFetch"): who reads computes anew with a likelihood that grows as
# the deadline comes near, and with what computing costs. All of it are absolute times.
#   now - cost * beta * ln(random) >= deadline
early() { # early NOW COST DEADLINE RANDOM
  awk -v now="$1" -v cost="$2" -v deadline="$3" -v random="$4" \
    'BEGIN { exit !(now - cost * 1.0 * log(random) >= deadline) }'
}
now=$(r time | head -1)
r set report "data" exat $((now + 100)) >/dev/null
r set report:cost 2 exat $((now + 100)) >/dev/null
deadline=$(r expiretime report)
same "$deadline" $((now + 100)) "the deadline"
cost=$(r get report:cost)
early "$now" "$cost" "$deadline" 0.5 && fail "a hundred seconds before it is too early"
early $((deadline - 1)) "$cost" "$deadline" 0.9 && fail "nine in ten readers a second before do nothing"
early $((deadline - 1)) "$cost" "$deadline" 0.5 || fail "one of the others computes"
early "$deadline" "$cost" "$deadline" 0.999999 || fail "at the deadline everybody does"
