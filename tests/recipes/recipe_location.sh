# Who is near (S4.10), and an alert to those who listen.
expect 3 geoadd travel 126.9780 37.5665 seoul 129.0756 35.1796 busan 126.7052 37.4563 incheon
expect zset type travel
expect 2 geoadd cafe 126.9784 37.5670 corner 126.9900 37.5700 hill
same "$(r geopos travel seoul | awk '{printf "%s%.2f", n++ ? " " : "", $1}')" "126.98 37.57" "a place"
km=$(r geodist travel seoul incheon km)
awk -v km="$km" 'BEGIN { exit !(km > 26 && km < 28) }' || fail "Seoul and Incheon are not $km km apart"
# Within a kilometre, the nearest first.
expect "corner" geosearch cafe fromlonlat 126.9780 37.5665 byradius 1 km asc
expect "corner hill" geosearch cafe fromlonlat 126.9780 37.5665 byradius 2 km asc
# A box reaches half of its width and height to each side.
expect "corner" geosearch cafe fromlonlat 126.9780 37.5665 bybox 1 1 km
expect "seoul incheon busan" geosearch travel frommember seoul byradius 500 km asc
expect "busan" geosearch travel frommember seoul byradius 500 km desc count 1
expect 2 geosearchstore near travel frommember seoul byradius 100 km
expect "seoul incheon" geosearch near frommember seoul byradius 100 km asc
expect 3 geosearchstore near travel frommember seoul byradius 500 km storedist
expect "seoul incheon busan" zrange near 0 -1
# Everybody within a kilometre hears of it.
out=$(mktemp)
redis-cli -s "$REDIS_SOCKET" subscribe alert:corner >"$out" &
listener=$!
trap 'rm -f "$out"; kill "$listener" 2>/dev/null || true' EXIT
eventually answers "alert:corner 1" pubsub numsub alert:corner
for name in $(r geosearch cafe fromlonlat 126.9780 37.5665 byradius 1 km); do
  expect 1 publish "alert:$name" "rain"
done
eventually grep -q rain "$out"
