# Random draws (S4.5): a positive count draws different elements, a negative one may repeat them.
for i in {1..20}; do
  r sadd fruits "f$i" >/dev/null
  r hset prices "f$i" "$i" >/dev/null
  r zadd ranking "$i" "f$i" >/dev/null
done
for draw in "srandmember fruits" "hrandfield prices" "zrandmember ranking"; do
  [[ "$(r $draw)" == f* ]] || fail "$draw drew nothing"
  same "$(r $draw 5 | sort -u | wc -l)" 5 "$draw 5: different ones"
  same "$(r $draw 100 | sort -u | wc -l)" 20 "$draw 100: all there are"
  same "$(r $draw -100 | wc -l)" 100 "$draw -100: as many as asked for"
done
r hrandfield prices 5 withvalues | while read -r field && read -r value; do
  same "f$value" "$field" "a field comes with its value"
done
r zrandmember ranking 5 withscores | while read -r member && read -r score; do
  same "f$score" "$member" "a member comes with its score"
done
same "$(r randomkey | grep -cE '^(fruits|prices|ranking)$')" 1 "a random key"
# Winners are drawn once.
same "$({ r spop fruits 5; r spop fruits 15; } | sort -u | wc -l)" 20 "each is drawn once"
expect 0 exists fruits
