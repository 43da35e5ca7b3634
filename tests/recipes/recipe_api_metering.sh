# How many different callers an API had (S4.9): an estimate in 12 KB, whatever their number.
callers() { seq -f 'pfadd %.0f' "$2" "$3" | sed "s/pfadd/pfadd $1/" | r | sort | uniq -c >/dev/null; }
callers api:mon 1 20000
callers api:tue 10001 30000
near() { # near KEYS EXPECTED: within 3 %, more than three standard errors
  local got
  got=$(r pfcount $1)
  ((got * 100 > $2 * 97 && got * 100 < $2 * 103)) || fail "pfcount $1 answered $got, not about $2"
}
near api:mon 20000
near "api:mon api:tue" 30000
expect OK pfmerge api:week api:mon api:tue
near api:week 30000
expect 12304 strlen api:week
expect 0 pfadd api:week 15 # Known already.
# A few callers take a few bytes.
r pfadd api:new 10.0.0.1 10.0.0.2 >/dev/null
expect 2 pfcount api:new
(($(r strlen api:new) < 40)) || fail "two callers need no 12 KB"
