# Keys whose time has come go by themselves, without being read (S5.3, S5.4).
for i in {1..5000}; do echo "set temp:$i x px 50"; done | r | sort | uniq -c >/dev/null
for i in {1..10}; do echo "set stays:$i x"; done | r >/dev/null
eventually answers 10 dbsize
same "$(r info stats | tr -d '\r' | awk -F: '$1 == "expired_keys" && $2 >= 5000' | wc -l)" 1 "they count as expired"
