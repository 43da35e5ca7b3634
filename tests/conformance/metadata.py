"""What the servers say about themselves: COMMAND INFO, DOCS and GETKEYS, and INFO's field names."""


import rules

# The families that issue 2 builds; each must be known. Later families join this list.
REQUIRED = """
APPEND DECR DECRBY GET GETDEL GETEX GETRANGE GETSET INCR INCRBY INCRBYFLOAT LCS MGET MSET MSETNX PSETEX SET
SETEX SETNX SETRANGE STRLEN SUBSTR
BITCOUNT BITFIELD BITFIELD_RO BITOP BITPOS GETBIT SETBIT PFADD PFCOUNT PFDEBUG PFMERGE PFSELFTEST
GEOADD GEODIST GEOHASH GEOPOS GEORADIUS GEORADIUSBYMEMBER GEORADIUSBYMEMBER_RO GEORADIUS_RO GEOSEARCH
GEOSEARCHSTORE
COPY DEL DUMP EXISTS EXPIRE EXPIREAT EXPIRETIME KEYS MIGRATE MOVE OBJECT PERSIST PEXPIRE PEXPIREAT PEXPIRETIME
PTTL RANDOMKEY RENAME RENAMENX RESTORE SCAN SORT SORT_RO TOUCH TTL TYPE UNLINK WAIT
AUTH CLIENT ECHO HELLO PING QUIT RESET SELECT
ASKING CLUSTER READONLY READWRITE
ACL BGSAVE COMMAND CONFIG DBSIZE DEBUG FLUSHALL FLUSHDB INFO LASTSAVE LOLWUT MEMORY MODULE MONITOR PSYNC REPLCONF REPLICAOF ROLE SAVE SHUTDOWN
SLAVEOF SLOWLOG SWAPDB SYNC TIME
BLMOVE BLMPOP BLPOP BRPOP BRPOPLPUSH LINDEX LINSERT LLEN LMOVE LMPOP LPOP LPOS LPUSH LPUSHX LRANGE LREM LSET LTRIM
RPOP RPOPLPUSH RPUSH RPUSHX
SADD SCARD SDIFF SDIFFSTORE SINTER SINTERCARD SINTERSTORE SISMEMBER SMEMBERS SMISMEMBER SMOVE SPOP SRANDMEMBER SREM
SSCAN SUNION SUNIONSTORE
HDEL HEXISTS HGET HGETALL HINCRBY HINCRBYFLOAT HKEYS HLEN HMGET HMSET HRANDFIELD HSCAN HSET HSETNX HSTRLEN HVALS
ZADD ZCARD ZCOUNT ZDIFF ZDIFFSTORE ZINCRBY ZINTER ZINTERCARD ZINTERSTORE ZLEXCOUNT ZMPOP ZMSCORE ZPOPMAX ZPOPMIN
ZRANDMEMBER ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZRANGESTORE ZRANK ZREM ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE
ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE ZUNION ZUNIONSTORE BZMPOP BZPOPMAX BZPOPMIN
DISCARD EXEC MULTI UNWATCH WATCH PSUBSCRIBE PUBLISH PUBSUB PUNSUBSCRIBE SUBSCRIBE UNSUBSCRIBE
""".split()

GETKEYS = [
    ["GET", "k"], ["SET", "k", "v", "EX", "1"], ["MSET", "a", "1", "b", "2"], ["MGET", "a", "b", "c"],
    ["DEL", "a", "b"], ["COPY", "a", "b"], ["RENAME", "a", "b"], ["LCS", "a", "b"], ["PING"], ["SET", "k"],
    ["NOSUCH", "a"], ["SORT", "a", "STORE", "b"], ["SORT", "a", "BY", "w_*", "GET", "#", "STORE", "b"],
    ["SORT_RO", "a"], ["OBJECT", "ENCODING", "k"], ["TOUCH", "a", "b"], ["EXISTS", "a"], ["MSETNX", "a", "1"],
    ["MIGRATE", "h", "1", "k", "0", "10"], ["MIGRATE", "h", "1", "", "0", "10", "KEYS", "a", "b"],
    ["RESTORE", "k", "0", "x"], ["DUMP", "k"], ["WATCH", "a", "b"], ["GETEX", "k"], ["CONFIG", "GET", "x"],
    ["LPUSH", "k", "e"], ["LMOVE", "a", "b", "LEFT", "RIGHT"], ["BLPOP", "a", "b", "0"], ["LMPOP", "2", "a", "b", "LEFT"],
    ["BLMPOP", "0", "2", "a", "b", "LEFT", "COUNT", "1"], ["LMPOP", "3", "a", "LEFT"], ["BLMOVE", "a", "b", "LEFT", "LEFT", "0"],
    ["SADD", "k", "m"], ["SMOVE", "a", "b", "m"], ["SINTERCARD", "2", "a", "b", "LIMIT", "1"], ["SINTERCARD", "0", "a"],
    ["SINTERCARD", "3", "a"], ["SINTERSTORE", "d", "a", "b"], ["SUNION", "a", "b"], ["SPOP", "k", "3"],
    ["BITOP", "AND", "d", "a", "b"], ["BITFIELD", "k", "GET", "u8", "0"], ["PFMERGE", "d"], ["PFMERGE", "d", "a", "b"],
    ["PFCOUNT", "a", "b"], ["PFDEBUG", "GETREG", "k"], ["GEOSEARCHSTORE", "d", "k", "FROMMEMBER", "m", "BYRADIUS", "1", "m"],
    ["GEORADIUS", "k", "1", "1", "1", "m", "STORE", "d"], ["GEORADIUS", "k", "1", "1", "1", "m", "STOREDIST", "d"],
    ["GEORADIUSBYMEMBER", "k", "m", "1", "m", "STORE", "a", "STOREDIST", "d"],
    ["ZADD", "k", "1", "m"], ["ZRANGESTORE", "d", "s", "0", "-1"], ["ZUNION", "2", "a", "b", "WEIGHTS", "1", "2"],
    ["ZUNIONSTORE", "d", "2", "a", "b"], ["ZINTERCARD", "3", "a"], ["ZMPOP", "2", "a", "b", "MIN"], ["ZDIFF", "0", "a"],
    ["ZUNIONSTORE", "d", "0", "a"], ["ZUNIONSTORE", "d", "9", "a"], ["MIGRATE", "h", "1", "k", "0", "1", "KEYS", "a"],
    ["MIGRATE", "h", "1", "", "0", "1", "AUTH", "KEYS", "KEYS", "a"], ["SPUBLISH", "c", "m"], ["SSUBSCRIBE", "a", "b"],
    ["SUNSUBSCRIBE"], ["XREADGROUP", "GROUP", "STREAMS", "c", "STREAMS", "a", ">"], ["SORT", "a", "GET", "STORE", "STORE", "d"],
    ["BITFIELD", "k"], ["BITFIELD", "k", "SET", "u8", "0", "1"], ["BITFIELD", "k", "GET", "u8", "0", "GET", "u8", "8"],
    ["BITFIELD", "k", "OVERFLOW", "SAT", "GET", "u8", "0", "INCRBY", "u8", "0", "1"], ["BITFIELD", "k", "GET", "u8"],
    ["BITFIELD", "k", "overflow", "sat", "get", "u8", "0"], ["SET", "k", "v", "GET"], ["GETEX", "k"], ["PFCOUNT", "a", "b"],
    ["BZPOPMIN", "a", "b", "0"], ["BZMPOP", "0", "2", "a", "b", "MAX", "COUNT", "3"], ["ZMPOP", "x", "a", "MIN"],
]



def compare(subject, oracle, report):
    """The oracle's word on every command that both know."""
    with subject.client() as mine, oracle.client() as theirs:
        known = {name.decode().upper() for name in mine.call("COMMAND", "LIST")}
        missing = sorted(set(REQUIRED) - known)
        report.check("COMMAND LIST", ["COMMAND", "LIST"], repr(missing).encode(), b"[]")
        names = sorted(known & {name.decode().upper() for name in theirs.call("COMMAND", "LIST")})
        compare_info(mine, theirs, [name for name in names if "|" not in name], report)
        compare_docs(mine, theirs, [name for name in names if "|" not in name], report)
        for command in GETKEYS:
            call = ["COMMAND", "GETKEYS", *command]
            report.check("COMMAND GETKEYS", call, *(repr(client.pipeline([call])[0]).encode()
                                                    for client in (mine, theirs)))
            call = ["COMMAND", "GETKEYSANDFLAGS", *command]
            report.check("COMMAND GETKEYSANDFLAGS", call, *(flagged(client.pipeline([call])[0])
                                                            for client in (mine, theirs)))
        compare_info_sections(mine, theirs, report)


def flagged(reply):
    """Keys with their flags, which are a set."""
    return repr(reply if isinstance(reply, Exception) else [[key, sorted(flags)] for key, flags in reply]).encode()


def compare_info(mine, theirs, names, report):
    call = ["COMMAND", "INFO", *names]
    for name, ours, redis in zip(names, mine.call(*call), theirs.call(*call)):
        compare_entry(name, ours, redis, report)


def compare_entry(name, ours, redis, report):
    """name, arity, flags, first key, last key, step, ACL categories, tips, key specs, subcommands."""
    titles = ["name", "arity", "flags", "first key", "last key", "step", "categories", "tips", "key specs"]
    for title, a, b in zip(titles, ours, redis):
        if title in ("flags", "categories", "tips"):
            a, b = sorted(map(text, a)), sorted(map(text, b))
        if title == "key specs":
            a, b = [plain(spec) for spec in a], [plain(spec) for spec in b]
        report.check("COMMAND INFO", ["COMMAND INFO", name, title], repr(a).encode(), repr(b).encode())
    children = {text(child[0]): child for child in ours[9]}
    for child in redis[9]:
        child_name = text(child[0])
        if child_name in children:
            compare_entry(child_name, children[child_name], child, report)


def compare_docs(mine, theirs, names, report):
    """Group, version and argument tree. The words of summaries are 7.2's, so they are not compared."""
    for name in names:
        compare_doc(name, *(docs_of(client, name) for client in (mine, theirs)), report)


def compare_doc(name, ours, redis, report):
    for title in ("group", "since", "arguments"):
        a, b = (shape(reply.get(title.encode())) for reply in (ours, redis))
        report.check("COMMAND DOCS", ["COMMAND DOCS", name, title], repr(a).encode(), repr(b).encode())
    for title in (b"summary", b"complexity"):
        if title in redis:
            report.check("COMMAND DOCS", ["COMMAND DOCS", name, title.decode()],
                         b"has one" if ours.get(title) else b"none", b"has one")
    mine, theirs = (rules.as_map(reply.get(b"subcommands", [])) for reply in (ours, redis))
    for child in sorted(set(mine) & set(theirs)):
        compare_doc(text(child), *(rules.as_map(docs[child]) for docs in (mine, theirs)), report)


def docs_of(client, name):
    reply = rules.as_map(client.call("COMMAND", "DOCS", name))
    return rules.as_map(list(reply.values())[0])


def shape(value):
    """An argument tree without the display texts, which 7.2 added."""
    if isinstance(value, list) and value and isinstance(value[0], bytes) and value[0] == b"name":
        fields = rules.as_map(value)
        return {key.decode(): shape(item) for key, item in sorted(fields.items())
                if key not in (b"display_text", b"summary")}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return text(value)


def plain(value):
    """A key spec as sorted pairs, its flags as a set; 7.2 writes the same facts in its own order."""
    if isinstance(value, list) and value and len(value) % 2 == 0 and isinstance(value[0], (bytes, str)):
        pairs = {text(key): item for key, item in zip(value[::2], value[1::2])}
        if "flags" in pairs:
            pairs["flags"] = sorted(map(text, pairs["flags"]))
        return {key: plain(item) for key, item in sorted(pairs.items()) if key != "notes"}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return text(value)


def text(value):
    return value.decode() if isinstance(value, bytes) else value




def compare_info_sections(mine, theirs, report):
    """Every field of 7.0.15's INFO is in ours, in the same section."""
    ours, redis = (sections(client.call("INFO", "everything").decode()) for client in (mine, theirs))
    for section, fields in redis.items():
        if section in ("Modules", "Commandstats", "Errorstats", "Latencystats"):
            continue
        absent = sorted(fields - ours.get(section, set()))
        report.check("INFO", ["INFO", section], repr(absent).encode(), b"[]")


def sections(reply):
    found, current = {}, None
    for line in reply.splitlines():
        if line.startswith("# "):
            current = found.setdefault(line[2:].strip(), set())
        elif ":" in line:
            current.add(line.split(":", 1)[0])
    return found



