"""Random calls made from the command table: every command on data, each argument with every edge value of its type.

The table is what redis-server says in COMMAND DOCS, so a command that joins it is called without a line here. A pool
below belongs to an argument whose name says more than its type: most of its values make sense, the others are edges.
"""

import generate_geo
import generate_hashes
import generate_lists
import generate_sets
import generate_sorted_sets
import generate_streams

GROUPS = ("string", "bitmap", "hash", "list", "set", "sorted-set", "stream", "geo", "hyperloglog", "generic")
# Each with the reason why no random call is made of the table's line.
LEFT_OUT = {
    "MIGRATE": "needs a third server: tests/integration",
    "WAIT": "waits for replicas: replicated.py, sequences",
    "PFSELFTEST": "takes seconds: sequences/hyperloglogs",
    "XGROUP CREATE": "StreamCommands makes it, with the consumers that 7.0 makes later than 7.2",
    "XGROUP HELP": "7.2's words", "XINFO HELP": "7.2's words", "OBJECT HELP": "7.2's words",
}

EXACT = [0, 1, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1, 2**32, 2**32 + 1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1, 2**64]
INTEGER_EDGES = [b"%d" % number for edge in EXACT for number in ((edge, -edge) if edge else (0,))]
NOT_INTEGERS = [b"", b" 1", b"1 ", b"+1", b"01", b"-0", b"1e3", b"0x10", b"1.0", b"nan", b"inf", b"1\x00", b"one"]
DOUBLE_EDGES = INTEGER_EDGES + [b"nan", b"-nan", b"inf", b"-inf", b"+inf", b"Infinity", b"0.1", b"-0.1", b"-0", b"1e308",
                                b"-1e308", b"1e309", b"5e-324", b"1e-400", b"9007199254740993", b"0x1p3", b"", b" 1",
                                b"1 ", b"1\x00", b"one"]
HUGE = b"huge" * 17_000
TEXT_EDGES = [b"", b"x", b"1", b"-1", b"01", b"1.5", b"a\r\nb", b"\x00\xff", b"t" * 44, b"t" * 45, b"t" * 64, b"t" * 65,
              b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808"]

END_STREAM = generate_streams.END_STREAM
KEYS_OF = {
    "bitmap": [b"a", b"b", b"counter", b"bits:1", b"bits:2"],
    "hash": generate_hashes.HASH_KEYS, "list": generate_lists.LIST_KEYS, "set": generate_sets.SET_KEYS,
    "sorted-set": [*generate_sorted_sets.SETS, generate_sorted_sets.LEX_SET, generate_sorted_sets.MIXED_SET],
    "stream": generate_streams.STREAMS, "geo": generate_geo.GEO_KEYS,
    "hyperloglog": [b"hll:1", b"hll:2", b"hll:3", b"hll:4"],
}
PLAIN_KEYS = [b"a", b"b", b"counter", b"k1", b"k2", b"k3", b"key with space", b""]
MISSING = [b"missing:1", b"missing:2"]
# Written only by those who know how: where all scores are equal, where no two places are, where elements are numbers.
DELICATE = {*generate_geo.GEO_KEYS, generate_sorted_sets.LEX_SET, generate_sorted_sets.MIXED_SET}
ALL_KEYS = [*PLAIN_KEYS, *MISSING, END_STREAM, *(key for keys in KEYS_OF.values() for key in keys if key not in DELICATE)]
LCS_KEYS = [b"lcs:1", b"lcs:2", b"lcs:3", b"lcs:missing"]
NO_TEXTS = [b"num:list", b"num:set", b"num:zset", b"num:missing"]
SORT_KEYS = [b"num:list", b"num:set", b"num:zset", b"num:many", b"num:many", b"num:missing", b"lcs:1"]

SMALL = [b"%d" % number for number in range(-12, 40)]
IDLES = [b"0", b"0", b"0", b"-1", b"-9223372036854775808", b"9223372036854775807", b"9223372036854775808",
         b"10000000000000", b"x", b""]
STREAM_IDS = generate_streams.NEAR_IDS + generate_streams.ODD_IDS
POOLS = {
    "cursor": [b"0"], "db": [b"0", b"1", b"15"], "destination-db": [b"0", b"1", b"15"],
    "timeout": generate_lists.TIMEOUTS, "milliseconds BLOCK": generate_streams.BLOCKS,
    "encoding": [b"u1", b"u7", b"u8", b"u63", b"i1", b"i8", b"i64", b"i33", b"u64", b"i65", b"u0", b"x8"],
    "operation": [b"AND", b"OR", b"XOR", b"NOT"], "bit": [b"0", b"1"], "value SETBIT": [b"0", b"1"],
    "offset SETBIT": SMALL + [b"1000"], "offset BITFIELD": SMALL + [b"#1", b"#3", b"#-1"],
    "offset SETRANGE": SMALL + [b"100"],
    "subcommand": [b"GETREG", b"DECODE", b"ENCODING", b"TODENSE"], "type": [b"string", b"list", b"zset", b"stream", b"nope"],
    "min-idle-time": IDLES, "group": [b"g1", b"g2", b"none"], "groupname": [b"g1", b"g2", b"none"],
    "consumer": generate_streams.CONSUMERS, "consumername": [b"gone soon"],
    "id": STREAM_IDS, "last-id": STREAM_IDS, "threshold": STREAM_IDS + SMALL, "max_deleted_entry_id": STREAM_IDS,
    "start stream": STREAM_IDS + [b"-"] * 40, "end stream": STREAM_IDS + [b"+"] * 40,
    "pattern": [b"*", b"k?", b"[a-c]*", b"w_*", b"h_*->f", b"#", b"h1->f*", b"no star", b""],
    "field": generate_hashes.FIELDS, "pivot": generate_lists.ELEMENTS,
    "element": generate_lists.ELEMENTS, "element hyperloglog": SMALL,
    "member": generate_sets.MEMBERS + SMALL, "member geo": [b"m%d" % number for number in range(300)],
    "member sorted-set": generate_sorted_sets.MEMBERS + SMALL,
    "score": generate_sorted_sets.SCORES, "weight": [b"1", b"2", b"0.5", b"-1", b"0"],
    "min": generate_sorted_sets.BOUNDS + generate_sorted_sets.SCORES, "max": generate_sorted_sets.BOUNDS + generate_sorted_sets.SCORES,
    "min lex": generate_sorted_sets.LEX, "max lex": generate_sorted_sets.LEX,
    "start sorted-set": SMALL + generate_sorted_sets.LEX + generate_sorted_sets.BOUNDS,
    "stop sorted-set": SMALL + generate_sorted_sets.LEX + generate_sorted_sets.BOUNDS,
}
EDGES_OF = {"integer": INTEGER_EDGES + NOT_INTEGERS, "double": DOUBLE_EDGES, "unix-time": INTEGER_EDGES + NOT_INTEGERS,
            "string": [*TEXT_EDGES, HUGE], "pattern": TEXT_EDGES,
            "key": [b"k1", b"list:1", b"set:1", b"set:ints", b"h1", b"z1", b"stream:1", b"hll:1", b"missing:1", b""]}
PLACES = {"longitude", "latitude"}
# Arguments whose edges would be a race, a wait or another consumer than both servers have.
ONLY_POOL = {"timeout", "milliseconds BLOCK", "min-idle-time", "consumer", "consumername", "group", "groupname"}


class Table:
    """The commands on data, as COMMAND DOCS has them, and payloads for RESTORE."""

    def __init__(self, client):
        self.calls = []  # (words of the name, group, arguments)
        for name, docs in pairs(client.call("COMMAND", "DOCS")):
            self.add(name.decode().upper(), dict(pairs(docs)))
        self.calls.sort(key=lambda call: call[0])
        # (call, argument, its edge), and calls whose keys are all the same: (call, None, key).
        self.aims = [(call, leaf, edge) for call in self.calls for leaf in leaves(call) for edge in leaf.edges()]
        self.aims += [(call, None, key) for call in self.calls for key in EDGES_OF["key"] if has_keys(call)]
        self.payloads = payloads(client)

    def add(self, name, docs, group=None):
        group = group or docs[b"group"].decode()
        if group not in GROUPS or name in LEFT_OUT:
            return
        for child, child_docs in pairs(docs.get(b"subcommands", [])):
            self.add(child.decode().upper().replace("|", " "), dict(pairs(child_docs)), group)
        if b"subcommands" not in docs:
            self.calls.append((tuple(word.encode() for word in name.split(" ")), group,
                               tuple(Argument(one) for one in docs.get(b"arguments", []))))


def table_of(server):
    with server.client() as client:
        return Table(client)


def key_role(argument):
    return "destination" if argument.token in (b"STORE", b"STOREDIST") else argument.name


def leaves(call):
    return [leaf for argument in call[2] for leaf in argument.leaves]


def has_keys(call):
    keys = [leaf for leaf in leaves(call) if leaf.type == "key"]
    return len(keys) > 1 or any(key.multiple for key in keys)


def pairs(flat):
    return zip(flat[::2], flat[1::2])


class Argument:
    """One of COMMAND DOCS. `leaves` are the plain ones in it, in the order of the table."""

    def __init__(self, docs):
        facts = dict(pairs(docs))
        self.name = facts[b"name"].decode()
        self.type = facts[b"type"].decode()
        self.token = facts.get(b"token")
        flags = {flag.decode() if isinstance(flag, bytes) else flag for flag in facts.get(b"flags", [])}
        self.optional = "optional" in flags
        self.multiple = "multiple" in flags
        self.token_each_time = "multiple_token" in flags
        self.parts = [Argument(part) for part in facts.get(b"arguments", [])]
        self.leaves = [leaf for part in self.parts for leaf in part.leaves] or [self]

    def edges(self):
        """What it must have been once, of all that its type allows."""
        if self.name in ONLY_POOL or f"{self.name} {(self.token or b'').decode()}" in ONLY_POOL or self.name in PLACES:
            return []
        if self.name == "serialized-value":
            return []
        return EDGES_OF.get(self.type, [])


def payloads(client):
    """What DUMP says of values of all types; then the same damaged, so that the checksum tells."""
    client.call("SELECT", 15)
    for command in (["SET", "p1", "12"], ["SET", "p2", "text"], ["SET", "p3", "long " * 100], ["RPUSH", "p4", *range(20)],
                    ["RPUSH", "p5", "x" * 9000, "y"], ["SADD", "p6", 1, 2, 70000], ["SADD", "p7", "a", "b"],
                    ["HSET", "p8", "f", "v", "g", 1], ["HSET", "p9", "f", "v" * 100], ["ZADD", "p10", 1, "a", "-inf", "b"],
                    ["ZADD", "p11", "0.1", "m" * 70], ["XADD", "p12", "5-1", "f", "v"], ["PFADD", "p13", *range(40)]):
        client.call(*command)
    whole = [client.call("DUMP", f"p{number}") for number in range(1, 14)]
    client.call("FLUSHDB")
    client.call("SELECT", 0)
    damaged = [b"", whole[0][:-1], whole[3][:-10], whole[1][:-3] + b"xyz", whole[5][:-10] + b"\xff\xff" + whole[5][-8:]]
    return whole * 3 + damaged


class TableCommands:
    """A part of Generator. Half of the calls have one edge and make sense elsewhere, half are edges all over."""

    table = None
    target, edge = None, None  # The argument that gets an edge. Without a target an edge is the key of all.
    aim, aims = None, ()
    sent = None  # Aims that became commands, where somebody wants to know.

    def from_table(self):
        self.aim = self.target = self.edge = None
        if self.random.random() < 0.5:
            return self.made(self.random.choice(self.table.calls))
        if not self.aims:
            self.aims = self.random.sample(self.table.aims, len(self.table.aims))
        self.aim = self.aims.pop()
        call, self.target, self.edge = self.aim
        return self.made(call)

    def made(self, call):
        name, group, arguments = call
        self.call, self.group, self.lexical = b" ".join(name).decode(), group, b"LEX" in name[0]
        self.homes = {b"SORT": SORT_KEYS, b"SORT_RO": SORT_KEYS, b"LCS": LCS_KEYS}.get(name[0]) or KEYS_OF.get(group, ALL_KEYS)
        if self.lexical and self.edge is not None:
            self.homes = [generate_sorted_sets.LEX_SET, generate_sorted_sets.MIXED_SET]
        words = [*map(self.word, name), *(word for argument in arguments for word in self.argument(argument))]
        return self.settled(name, words)

    def argument(self, argument):
        aimed_at = self.target in argument.leaves
        if argument.optional and not aimed_at and self.random.random() < (0.65 if self.edge is None else 0.8):
            return []
        times = self.random.choice([1, 1, 2, 3, 4]) if argument.multiple else 1
        if argument.token is None:
            return [word for _ in range(times) for word in self.values(argument)]
        token = [self.word(argument.token or b'""')] if argument.token else [b""]
        if argument.token_each_time:
            return [word for _ in range(times) for word in (*token, *self.values(argument))]
        return [*token, *(word for _ in range(times) for word in self.values(argument))]

    def values(self, argument):
        if argument.type == "pure-token":
            return []
        if argument.type == "oneof":
            aimed_at = [part for part in argument.parts if self.target in part.leaves]
            # The id that is the time would not be the same twice.
            return self.argument(self.random.choice(aimed_at or [part for part in argument.parts if part.name != "auto_id"]))
        if argument.type == "block":
            words = [word for part in argument.parts for word in self.argument(part)]
            return words
        return [self.table_value(argument)]

    def table_value(self, argument):
        if self.edge is not None and (argument is self.target or (self.target is None and argument.type == "key")):
            return self.safe_key(key_role(argument), self.edge) if argument.type == "key" else self.edge
        return self.draw(argument)

    def draw(self, argument):
        name = argument.name
        dice = self.random.random() * (1 if self.edge is None else 0.5)
        if argument.type == "key":
            return self.table_key(key_role(argument), dice)
        if argument.type == "unix-time":
            scale = 1 if name.endswith("seconds") and "milli" not in name else 1000
            if dice < 0.6:
                return b"%d" % (4102444800 * scale + self.random.randrange(1000))
            return self.random.choice(EDGES_OF["unix-time"])
        if name == "serialized-value":
            return self.random.choice(self.table.payloads)
        if name in PLACES:  # No valid edge: two places there would be equally far.
            if dice < 0.9:
                return self.place()[name == "latitude"]
            odd = self.random.choice(generate_geo.ODD)
            return b"" if name == "longitude" and odd in generate_geo.ODD_LATITUDES else odd
        if self.group == "geo" and argument.type == "double" and dice < 0.8:
            return b"%.3f" % (10 ** self.random.uniform(-1, 4.5))
        if name in ("seconds", "ttl", "milliseconds") and argument.token != b"BLOCK" and dice < 0.6:
            return b"%d" % (self.random.randint(1000, 10**6) * 1000)
        pool, only = self.pool_of(argument)
        if only or dice < (0.7 if argument.type == "string" else 0.55):
            return self.random.choice(pool)
        if argument.type == "string":
            return self.one(TEXT_EDGES, TEXT_EDGES, INTEGER_EDGES)
        return self.random.choice(EDGES_OF[argument.type])

    def table_key(self, name, dice):
        if self.homes in (LCS_KEYS, SORT_KEYS) and name not in DESTINATIONS:
            return self.random.choice(self.homes)
        return self.safe_key(name, self.random.choice(self.homes if dice < 0.75 else ALL_KEYS))

    def safe_key(self, name, key):
        """The key, or a missing one in its place where both servers could not agree any more."""
        if key == generate_sorted_sets.MIXED_SET and self.call in ("ZADD", "ZINCRBY"):
            return b"z1"  # It stays small.
        if self.lexical and key not in DELICATE:
            return self.random.choice(generate_sorted_sets.NEVER_SETS)
        if self.homes is LCS_KEYS and key not in LCS_KEYS:
            return self.random.choice(NO_TEXTS)
        if self.homes is SORT_KEYS and name not in DESTINATIONS and key not in SORT_KEYS:
            return self.random.choice(SORT_KEYS)
        if name in DESTINATIONS and (key in DELICATE or key in SORT_KEYS or key in LCS_KEYS):
            return b"missing:1"
        if self.group == "geo" and key not in DELICATE and name not in DESTINATIONS:
            if self.call == "GEOADD":
                return b"a"
            return self.random.choice(generate_sorted_sets.NEVER_SETS)  # Distances of what is no place are equal.
        # What is changed by the byte is no HyperLogLog any more.
        return b"missing:2" if self.group in ("string", "bitmap") and key in KEYS_OF["hyperloglog"] else key

    def pool_of(self, argument):
        name = argument.name
        first = self.call.split(" ")[0]
        for full in (f"{name} {(argument.token or b'').decode()}", f"{name} {first}", f"{name} lex" if self.lexical else name,
                     f"{name} {self.group}", name):
            if full in POOLS:
                return POOLS[full], full in ONLY_POOL
        return (SMALL if argument.type == "integer" else TEXT_EDGES), False

    def settled(self, name, words):
        """The number of keys is mostly right, and what would be a race, or the end of a stream, is not."""
        upper = name[0]
        count_at = {b"BLMPOP": 2, b"BZMPOP": 2, b"ZUNIONSTORE": 2, b"ZINTERSTORE": 2, b"ZDIFFSTORE": 2}.get(upper, 1)
        if upper in COUNTED and self.random.random() < 0.85:
            keys = 0
            while count_at + 1 + keys < len(words) and words[count_at + 1 + keys] in KEY_SET:
                keys += 1
            words[count_at] = b"%d" % keys
            weights = [at for at, word in enumerate(words) if word.upper() == b"WEIGHTS"]
            if weights and self.random.random() < 0.8:
                end = weights[0] + 1
                while end < len(words) and words[end].upper() not in (b"AGGREGATE", b"WITHSCORES"):
                    end += 1
                words[weights[0] + 1:end] = [self.random.choice(POOLS["weight"] + [b"inf", b"-inf", b"nan"])
                                             for _ in range(keys)]
        if upper == b"SPOP" and len(words) == 2:
            words.append(b"100000")
        if upper == b"SORT" and b"STORE" in map(bytes.upper, words):
            words.append(b"ALPHA")
        if upper in (b"EXPIRE", b"PEXPIRE") and len(words) > 3 and words[2].isdigit() and len(words[2]) < 20:
            words[2] = b"%d" % (self.random.randint(2, 10**6) * 1000)
        if upper == b"XADD" and any(len(word) > 18 for word in words[2:]):
            words[1] = END_STREAM
        if upper == b"XSETID" and words[2][:1].isdigit():
            words[2] = b"%d-%d" % (self.last_id_ms(), self.random.choice([0, 1, 2**63, 2**64]))
        if upper in (b"XSETID", b"COPY", b"RENAME", b"RENAMENX") and words[1] == END_STREAM:
            words[1] = b"stream:1"  # Behind the last ids there is none for XSETID, under whatever name they are.
        if upper in (b"XREAD", b"XREADGROUP"):
            at = next((at for at, word in enumerate(words) if word.upper() == b"STREAMS"), len(words))
            keys = [word for word in words[at + 1:] if word in KEY_SET]
            last = b">" if upper == b"XREADGROUP" else b"0"
            if keys and self.random.random() < 0.85:
                words[at + 1:] = [*keys, *(self.random.choice([last, self.stream_id()]) for _ in keys)]
        return words


DESTINATIONS = {"destination", "destkey", "dst", "newkey"}
COUNTED = {b"BLMPOP", b"BZMPOP", b"LMPOP", b"ZMPOP", b"SINTERCARD", b"ZINTERCARD", b"ZUNION", b"ZINTER", b"ZDIFF",
           b"ZUNIONSTORE", b"ZINTERSTORE", b"ZDIFFSTORE"}
KEY_SET = {*ALL_KEYS, *DELICATE}
