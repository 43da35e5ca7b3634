"""What `run.py sizes` measures: every command of the table that works on data, and what it works on."""

# Commands on a collection of N elements named as FILL makes them; {m} is a member, {i} an index in the middle, {j}
# that and 10 more, {x} a new name for each call. What makes a collection larger or smaller is measured together with
# what undoes it (" ; "): the size stays what the line says.
FILL = {
    "list": lambda i: ("RPUSH", "list", f"m{i}"),
    "hash": lambda i: ("HSET", "hash", f"m{i}", f"v{i}"),
    "set": lambda i: ("SADD", "set", f"m{i}"),
    "ints": lambda i: ("SADD", "ints", i),
    "zset": lambda i: ("ZADD", "zset", i, f"m{i}"),
    "stream": lambda i: ("XADD", "stream", f"1-{i + 1}", "f", f"v{i}"),
    "bits": lambda i: ("SETBIT", "bits", i * 8, 1),
    "hll": lambda i: ("PFADD", "hll", f"m{i}"),
    "geo": lambda i: ("GEOADD", "geo", i * 0.37 % 360 - 180, i * 0.13 % 170 - 85, f"m{i}"),
    "numbers": lambda i: ("RPUSH", "numbers", i * 7919 % 1_000_003),
    "lex": lambda i: ("ZADD", "lex", 0, f"m{i:07}"),
    "queue": lambda i: ("XADD", "queue", f"1-{i + 1}", "f", f"v{i}"),
    "string": lambda i: ("APPEND", "string", "x"),
    "k": lambda i: ("SET", f"k{i}", i),
}
# What more a collection needs before it is measured: here each entry is pending.
PREPARE = {
    "queue": ["XGROUP CREATE queue g 0", "XREADGROUP GROUP g c COUNT {size} STREAMS queue >"],
}
AT_SIZES = {
    "list": ["LPUSH list x ; LPOP list", "RPUSH list x ; RPOP list", "LPUSH list x ; RPOP list", "RPUSH list x y ; LMPOP 1 list LEFT COUNT 2",
             "LLEN list", "LINDEX list 0", "LINDEX list -1", "LINDEX list {i}", "LSET list {i} y", "LRANGE list 0 9",
             "LRANGE list {i} {j}", "LINSERT list BEFORE m5 x ; LREM list 1 x", "LPOS list m7", "LMOVE list list LEFT RIGHT",
             "RPOPLPUSH list list", "LTRIM list 0 -1", "LRANGE list 0 -1", "LPOS list none",
             "LPUSHX list x ; BLPOP list 0", "RPUSHX list x ; BRPOP list 0", "RPUSH list x ; BLMPOP 0 1 list RIGHT",
             "BLMOVE list list LEFT RIGHT 0", "BRPOPLPUSH list list 0", "RESTORE other 0 <list> REPLACE"],
    "hash": ["HSET hash {m} y", "HSET hash {x} y ; HDEL hash {x}", "HGET hash {m}", "HMGET hash {m} m1 m2 none",
             "HEXISTS hash {m}", "HSTRLEN hash {m}", "HINCRBY hash counter 1", "HINCRBYFLOAT hash counter 1.5", "HLEN hash",
             "HRANDFIELD hash 5", "HRANDFIELD hash -5 WITHVALUES", "HSCAN hash 0", "HSETNX hash {x} y ; HDEL hash {x}",
             "HGETALL hash", "HKEYS hash", "HVALS hash", "HMSET hash {m} y m1 z", "RESTORE other 0 <hash> REPLACE"],
    "set": ["SADD set {x} ; SREM set {x}", "SADD set {m}", "SISMEMBER set {m}", "SMISMEMBER set {m} m1 none", "SCARD set",
            "SRANDMEMBER set", "SRANDMEMBER set 5", "SRANDMEMBER set -5", "SADD set {x} ; SPOP set", "SSCAN set 0",
            "SMEMBERS set", "SINTER set ints", "SINTERCARD 2 set ints LIMIT 5", "SUNION set ints", "SDIFF set ints",
            "SMOVE set moved {m} ; SMOVE moved set {m}", "SINTERSTORE other set set", "SUNIONSTORE other set ints",
            "SDIFFSTORE other set ints", "RESTORE other 0 <set> REPLACE"],
    "ints": ["SADD ints {i}", "SISMEMBER ints {i}", "SREM ints {i} ; SADD ints {i}", "SRANDMEMBER ints 5", "SMEMBERS ints"],
    "zset": ["ZADD zset {i} {m}", "ZADD zset {i} {x} ; ZREM zset {x}", "ZINCRBY zset 1 {m}", "ZSCORE zset {m}",
             "ZMSCORE zset {m} none", "ZRANK zset {m}", "ZREVRANK zset {m}", "ZCARD zset", "ZCOUNT zset 3 {i}",
             "ZLEXCOUNT zset - +", "ZRANGE zset 0 9", "ZRANGE zset {i} {j} WITHSCORES",
             "ZRANGE zset {i} +inf BYSCORE LIMIT 0 10", "ZREVRANGE zset 0 9", "ZRANGEBYSCORE zset {i} {j}",
             "ZADD zset -1 {x} ; ZPOPMIN zset", "ZADD zset 1e9 {x} ; ZPOPMAX zset", "ZRANDMEMBER zset 5", "ZSCAN zset 0",
             "ZADD zset -1 {x} ; ZREMRANGEBYRANK zset 0 0", "ZADD zset 0.5 {x} ; ZREMRANGEBYSCORE zset 0.5 0.5",
             "ZADD zset -1 {x} ; ZMPOP 1 zset MIN", "ZRANGE zset 0 -1", "ZUNION 2 zset zset", "ZINTER 2 zset zset",
             "ZDIFF 2 zset none", "ZRANGESTORE other zset 0 9", "ZUNIONSTORE other 1 zset", "ZINTERSTORE other 2 zset zset",
             "ZDIFFSTORE other 2 zset none", "ZINTERCARD 2 zset zset LIMIT 10", "ZREVRANGEBYSCORE zset {j} {i}",
             "ZADD zset -1 {x} ; BZPOPMIN zset 0", "ZADD zset 1e9 {x} ; BZPOPMAX zset 0", "ZADD zset -1 {x} ; BZMPOP 0 1 zset MIN",
             "RESTORE other 0 <zset> REPLACE"],
    "lex": ["ZRANGEBYLEX lex [m [n LIMIT 0 10", "ZREVRANGEBYLEX lex + (m0000005 LIMIT 0 10", "ZLEXCOUNT lex (m0000003 +",
            "ZRANGE lex - + BYLEX LIMIT 5 5", "ZADD lex 0 a{x} ; ZREMRANGEBYLEX lex - (b"],
    "stream": ["XADD stream MAXLEN = {size} * f v", "XLEN stream", "XRANGE stream - + COUNT 10", "XREVRANGE stream + - COUNT 10",
               "XRANGE stream 1-{i} + COUNT 10", "XREAD COUNT 10 STREAMS stream 1-{i}", "XDEL stream 1-{i}",
               "XTRIM stream MAXLEN 100000000", "XINFO STREAM stream", "XRANGE stream - +", "XSETID stream 9999999999999-0",
               "RESTORE other 0 <stream> REPLACE"],
    "queue": ["XPENDING queue g", "XPENDING queue g - + 10", "XPENDING queue g IDLE 0 - + 10 c", "XREADGROUP GROUP g c COUNT 10 STREAMS queue 1-{i}",
              "XREADGROUP GROUP g c COUNT 10 STREAMS queue >", "XCLAIM queue g c 0 1-{i}", "XCLAIM queue g d 0 1-{i} JUSTID", "XAUTOCLAIM queue g c 0 1-{i} COUNT 10",
              "XINFO GROUPS queue", "XINFO CONSUMERS queue g", "XINFO STREAM queue FULL COUNT 10",
              "XGROUP CREATE queue h $ ; XGROUP DESTROY queue h", "XGROUP CREATECONSUMER queue g {x} ; XGROUP DELCONSUMER queue g {x}",
              "RESTORE other 0 <queue> REPLACE", "XACK queue g 1-{i}",
              "XADD queue * f v ; XREADGROUP GROUP g d COUNT 1 NOACK STREAMS queue > ; XTRIM queue MAXLEN {size}"],
    "bits": ["SETBIT bits {i} 1", "GETBIT bits {i}", "BITCOUNT bits", "BITPOS bits 0", "BITFIELD bits INCRBY u8 {i} 1",
             "BITOP NOT other bits", "BITOP AND other bits bits", "BITCOUNT bits 0 9", "STRLEN bits", "GETRANGE bits 0 9",
             "DUMP bits", "BITFIELD_RO bits GET u8 {i}", "BITOP XOR other bits bits", "RESTORE other 0 <bits> REPLACE"],
    "hll": ["PFADD hll {m}", "PFADD hll {x}", "PFCOUNT hll", "PFCOUNT hll none", "PFMERGE merged hll"],
    "geo": ["GEOADD geo 15.5 40.5 {m}", "GEOPOS geo {m}", "GEODIST geo {m} m1", "GEOHASH geo {m}",
            "GEOSEARCH geo FROMMEMBER {m} BYRADIUS 100 km", "GEOSEARCH geo FROMMEMBER {m} BYRADIUS 300 km ASC COUNT 5",
            "GEOSEARCH geo FROMMEMBER {m} BYBOX 500 500 km COUNT 5 ANY",
            "GEOSEARCHSTORE other geo FROMMEMBER {m} BYRADIUS 100 km", "GEORADIUS geo 15 40 100 km", "GEORADIUS_RO geo 15 40 100 km COUNT 5",
            "GEORADIUSBYMEMBER geo {m} 100 km", "GEORADIUSBYMEMBER_RO geo {m} 100 km WITHDIST"],
    "numbers": ["SORT numbers LIMIT 0 10", "SORT numbers ALPHA LIMIT 0 10", "SORT numbers BY nosort LIMIT 0 10",
                "SORT_RO numbers LIMIT 0 10", "SORT numbers LIMIT 0 10 STORE other", "SORT numbers BY nosort GET k* LIMIT 0 10"],
    "string": ["SETRANGE string {i} y", "GETRANGE string {i} {j}", "SUBSTR string {i} {j}",
               "STRLEN string", "GET string", "COPY string other REPLACE", "DUMP string", "RESTORE other 0 <string> REPLACE",
               "SETBIT string {i} 1", "LCS string string LEN"],
    # As many keys.
    "k": ["GET k{i}", "SET k{i} {i}", "SET k{i} {i} EX 1000", "SET k{i} {i} KEEPTTL", "SET k{i} {i} XX GET", "SETEX k{i} 1000 {i}",
          "PSETEX k{i} 1000000 {i}", "SETNX k{i} x", "SETNX {x} v ; DEL {x}", "GETSET k{i} {i}", "GETDEL k{i} ; SET k{i} {i}",
          "GETEX k{i} EX 1000", "MGET k{i} k1 k2 none", "MSET k{i} 1 k{j} 2", "MSETNX k{i} 1 {x} 2", "INCR k{i}", "DECR k{i}",
          "INCRBY k{i} 5", "DECRBY k{i} 5", "INCRBYFLOAT k{i} 0.5 ; SET k{i} {i}", "APPEND k{i} 1 ; SET k{i} {i}", "STRLEN k{i}",
          "EXISTS k{i} none", "TYPE k{i}", "TOUCH k{i}", "EXPIRE k{i} 1000", "PEXPIRE k{i} 1000000 XX", "EXPIREAT k{i} 9999999999",
          "PEXPIREAT k{i} 9999999999999", "TTL k{i}", "PTTL k{i}", "EXPIRETIME k{i}", "PEXPIRETIME k{i}", "PERSIST k{i}",
          "OBJECT ENCODING k{i}", "MEMORY USAGE k{i}", "DUMP k{i}", "RESTORE k{i} 0 <k1> REPLACE", "COPY k{i} {x} ; UNLINK {x}",
          "RENAME k{i} {x} ; RENAMENX {x} k{i}", "DEL k{i} ; SET k{i} {i}", "UNLINK k{i} ; SET k{i} {i}",
          "MOVE k{i} 9 ; SELECT 9 ; MOVE k{i} 0 ; SELECT 0", "SWAPDB 9 10", "SELECT 9 ; SET a 1 ; FLUSHDB ; SELECT 0", "RANDOMKEY",
          "SCAN 0 COUNT 10", "SCAN 0 MATCH k1* TYPE string", "DBSIZE", "KEYS none*", "MULTI ; SET k{i} 1 ; INCR k{i} ; EXEC",
          "MULTI ; DISCARD", "WATCH k{i} ; UNWATCH", "MEMORY USAGE zset", "MEMORY USAGE hash", "OBJECT ENCODING zset",
          "SUBSCRIBE c ; UNSUBSCRIBE c", "PSUBSCRIBE c* ; PUNSUBSCRIBE c*", "PUBLISH c x", "SPUBLISH c x",
          "PUBSUB NUMSUB c", "PUBSUB CHANNELS", "PING", "ECHO x", "TIME", "INFO commandstats", "INFO", "CONFIG GET maxmemory*", "CLIENT ID",
          "CLIENT INFO", "CLIENT LIST", "COMMAND COUNT", "COMMAND INFO get", "SLOWLOG LEN", "LATENCY LATEST", "ROLE", "LASTSAVE"],
}
# What answers, or goes through, all elements.
WHOLE = ("RESTORE other", "SDIFFSTORE", "GET string", "COPY string", "KEYS", "LCS", "SORT_RO", "XPENDING queue g IDLE", "MEMORY USAGE", "GEORADIUS", "list 0 -1", "list none", "GETALL", "HKEYS", "HVALS", "SMEMBERS", "SINTER", "SUNION", "SDIFF", "zset 0 -1", "ZUNION",
         "ZINTER", "ZDIFF", "- +", "BITCOUNT bits", "BITPOS", "BITOP", "DUMP", "LINDEX list {i}", "LSET", "LRANGE list {i}",
         "LINSERT", "LREM", "LPOS", "GEOSEARCH", "SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER", "LTRIM", "SORT numbers LIMIT", "SORT numbers ALPHA")

# Of these, what takes so long at a million that once a round is enough.
ONCE = ("RESTORE other", "list 0 -1", "GETALL", "HKEYS", "HVALS", "SMEMBERS", "SINTER", "SUNION", "SDIFF", "zset 0 -1", "ZUNION", "ZINTER",
        "ZDIFF", "stream - +", "SORT")

# Takes as long as the size's square.
NEVER_AT_A_MILLION = ("LCS",)
