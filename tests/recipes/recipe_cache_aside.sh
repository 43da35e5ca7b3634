# A look-aside cache with invalidation (S5.1, S5.2).
read_through() { # asks the cache, then the "database", and keeps the answer for a minute
  local value
  value=$(r get "cache:$1")
  if [[ -z "$value" ]]; then
    r incr database:reads >/dev/null
    value="row of $1"
    r set "cache:$1" "$value" ex 60 >/dev/null
  fi
  echo "$value"
}
same "$(read_through 7)" "row of 7" "first read"
same "$(read_through 7)" "row of 7" "second read"
expect 1 get database:reads
# A write invalidates.
expect 1 del cache:7
read_through 7 >/dev/null
expect 2 get database:reads
# Deadlines: -2 no key, -1 no deadline.
expect -2 ttl nothing
r set plain x >/dev/null
expect -1 ttl plain
expect 1 expire plain 100
expect 0 expire plain 50 gt
expect 1 expire plain 50 lt
expect OK set plain y keepttl
[[ "$(r ttl plain)" -gt 0 ]] || fail "KEEPTTL keeps it"
expect OK set plain z
expect -1 ttl plain
expect 1 pexpire plain 1
eventually answers 0 exists plain
# Only once, or only over an old value.
expect OK set fresh 1 nx
expect "" set fresh 2 nx
expect "" set missing 2 xx
expect 1 set fresh 3 get
