"""Random commands on sorted sets: a part of generate.Generator, whose methods make the words.

Ranges by bytes mean something where all scores are equal. With others a skiplist of Redis answers by chance, a
listpack what a walk over it finds: they are asked of LEX, whose scores are all 0, and of MIXED, which stays small.
"""

SETS = [b"z1", b"z2", b"z3", b"z4", b"zbig", b"set:1"]
LEX_SET, MIXED_SET = b"zlex", b"zmixed"
NEVER_SETS = [b"lcs:1", b"num:list", b"num:set", b"num:missing"]  # What has their names is no sorted set.
MEMBERS = [b"", b"a", b"b", b"c", b"d", b"member", b"1", b"2", b"10", b"-5", b"01", b"99999999999999999999",
           b"\x00\xff", b"a\r\nb", b"m" * 64, b"m" * 65, b"n" * 300]
SCORES = [b"0", b"1", b"-1", b"2", b"3", b"1.5", b"-1.5", b"0.1", b"1e17", b"1e300", b"-1e300", b"inf", b"-inf",
          b"+inf", b"-0", b"0.30000000000000004", b"4611686018427387904", b"4503599627370497", b"9007199254740993",
          b"3.0e3", b"5e-324", b"10", b"127", b"128", b"4096", b"32768", b"8388608", b"2147483648"]
ODD_SCORES = [b"", b"nan", b"-nan", b"x", b" 1", b"1 ", b"0x10", b"1e400", b"(1", b"infinity", b"1\x00", b"1e-400"]
BOUNDS = [b"-inf", b"+inf", b"(0", b"(1", b"(-inf", b"(inf", b"(1.5"]
ODD_BOUNDS = [b"(", b"((1", b"(nan", b"", b" 1", b"1e400", b"(x"]
LEX = [b"-", b"+", b"[a", b"(a", b"[b", b"(b", b"[c", b"[", b"(", b"[m", b"[1", b"[\x00", b"[zz"]
ODD_LEX = [b"a", b"", b"+x", b"-x", b"+\x00", b"[a\x00b", b"*"]
RANKS = [b"0", b"-1", b"1", b"2", b"-2", b"-3", b"5", b"100", b"-100", b"9223372036854775807",
         b"-9223372036854775808", b"9223372036854775808", b"x", b""]
COUNTS = [b"0", b"1", b"2", b"3", b"10", b"-1", b"-2", b"x", b"9223372036854775807", b"9223372036854775808"]


def key(g):
    return g.random.choice(SETS)


def source(g):
    """A key that is only read."""
    return g.random.choice(SETS + [LEX_SET, MIXED_SET, b"a"])


def lex_source(g):
    return g.random.choice([LEX_SET, LEX_SET, MIXED_SET])


def member(g):
    if g.random.random() < 0.4:
        return b"m%d" % g.random.randrange(200)
    return g.random.choice(MEMBERS)


def score(g):
    dice = g.random.random()
    if dice < 0.3:
        return b"%d" % g.random.randrange(-50, 50)
    if dice < 0.4:
        return b"%.3f" % g.random.uniform(-5, 5)
    return g.random.choice(ODD_SCORES if dice > 0.97 else SCORES)


def add(g):
    options = g.random.sample([b"NX", b"XX", b"GT", b"LT", b"CH", b"INCR"], g.random.choice([0, 0, 0, 1, 1, 2, 3]))
    pairs = 1 if b"INCR" in options and g.random.random() < 0.9 else g.random.choice([1, 1, 2, 3, 8])
    return [g.word(b"ZADD"), key(g), *map(g.word, options),
            *(part for _ in range(pairs) for part in (score(g), member(g)))]


def add_lex(g):
    """Scores that are all equal, and now and then so many members that the set becomes large."""
    if g.random.random() < 0.1:
        start = g.random.randrange(1000)
        return [b"ZADD", b"zbig", *(part for i in range(start, start + 140)
                                    for part in (b"%d" % (i % 37), b"e%d" % i))]
    if g.random.random() < 0.3:
        return [b"ZADD", MIXED_SET, *(part for _ in range(3)
                                      for part in (score(g), b"m%d" % g.random.randrange(60)))]
    return [b"ZADD", LEX_SET, *(part for _ in range(3) for part in (b"0", member(g)))]


def change(g):
    kind = g.random.randrange(5)
    if kind < 2:
        return [g.word(b"ZINCRBY"), key(g), score(g), member(g)]
    if kind < 4:
        return [g.word(b"ZREM"), key(g), *g.some(lambda: member(g))]
    return [g.word(b"DEL", b"UNLINK"), key(g)]


def read(g):
    kind = g.random.randrange(6)
    if kind == 0:
        return [g.word(b"ZCARD"), source(g)]
    if kind == 1:
        return [g.word(b"ZMSCORE"), source(g), *g.some(lambda: member(g))]
    if kind == 2:
        return [g.word(b"ZSCORE"), source(g), member(g)]
    if kind == 3:
        return [b"ZSCAN", source(g), b"0", *g.random.choice([[], [b"MATCH", g.random.choice([b"*", b"m1*", b"a"])]]),
                b"COUNT", b"5000"]
    if kind == 4:
        return [b"ZSCAN", source(g), g.random.choice([b"0", b"x", b"-1", b""]),
                *g.random.choice([[b"COUNT", b"0"], [b"COUNT", b"x"], [b"TYPE", b"zset"], [b"COUNT"]])]
    return [g.word(b"ZRANK", b"ZREVRANK"), source(g), member(g),
            *g.random.choice([[], [], [], [g.word(b"WITHSCORE")]])]


def bounds(g, kind):
    pools = {"score": (BOUNDS, SCORES, SCORES, BOUNDS, ODD_BOUNDS), "lex": (LEX,) * 8 + (ODD_LEX,), "rank": (RANKS,)}
    return [g.one(*pools[kind]), g.one(*pools[kind])]


def limit(g):
    return [g.word(b"LIMIT"), g.random.choice([b"0", b"1", b"2", b"-1", b"100", b"x"]), g.random.choice(COUNTS)]


def ranges(g):
    kind = g.random.choice(["score", "lex", "rank"])
    options = {"score": [[b"BYSCORE"]], "lex": [[b"BYLEX"]], "rank": [[]]}[kind]
    if g.random.random() < 0.4:
        options.append([g.word(b"REV")])
    if g.random.random() < (0.5 if kind != "rank" else 0.1):
        options.append(limit(g))
    if g.random.random() < (0.4 if kind != "lex" else 0.05):
        options.append([g.word(b"WITHSCORES")])
    g.random.shuffle(options)
    words = [part for option in options for part in option]
    where = lex_source(g) if kind == "lex" else source(g)
    if g.random.random() < 0.15:
        return [g.word(b"ZRANGESTORE"), key(g), where, *bounds(g, kind),
                *(word for word in words if word.upper() != b"WITHSCORES")]
    return [g.word(b"ZRANGE"), where, *bounds(g, kind), *words]


def old_ranges(g):
    kind, names = g.random.choice([("score", (b"ZRANGEBYSCORE", b"ZREVRANGEBYSCORE")),
                                   ("lex", (b"ZRANGEBYLEX", b"ZREVRANGEBYLEX")), ("rank", (b"ZREVRANGE",))])
    options = []
    if g.random.random() < 0.4:
        options += limit(g) if kind != "rank" or g.random.random() < 0.1 else []
    if g.random.random() < 0.4 and (kind != "lex" or g.random.random() < 0.1):
        options.append(g.word(b"WITHSCORES"))
    where = lex_source(g) if kind == "lex" else source(g)
    return [g.word(*names), where, *bounds(g, kind), *options]


def counts(g):
    if g.random.random() < 0.5:
        return [g.word(b"ZCOUNT"), source(g), *bounds(g, "score")]
    return [g.word(b"ZLEXCOUNT"), lex_source(g), *bounds(g, "lex")]


def erase_range(g):
    kind, name = g.random.choice([("score", b"ZREMRANGEBYSCORE"), ("lex", b"ZREMRANGEBYLEX"),
                                  ("rank", b"ZREMRANGEBYRANK")])
    return [g.word(name), lex_source(g) if kind == "lex" else source(g), *bounds(g, kind)]


def pop(g):
    kind = g.random.randrange(6)
    if kind < 2:
        return [g.word(b"ZPOPMIN", b"ZPOPMAX"), key(g), *g.random.choice([[], [g.random.choice(COUNTS)]])]
    if kind < 4:
        keys = g.some(lambda: source(g), 3)
        count = g.random.choice([[], [], [g.word(b"COUNT"), g.random.choice(COUNTS)]])
        number = b"%d" % len(keys) if g.random.random() < 0.9 else g.random.choice(COUNTS)
        return [g.word(b"ZMPOP"), number, *keys, g.word(b"MIN", b"MAX"), *count]
    count = g.random.choice([[], [b"1"], [b"3"], [b"1000"], [b"0"], [b"x"], [b"-3"], [b"3", b"WITHSCORES"],
                             [b"-2", g.word(b"WITHSCORES")], [b"9223372036854775807", b"WITHSCORES"],
                             [b"-9223372036854775808"], [b"1", b"WITHSCORE"]])
    return [g.word(b"ZRANDMEMBER"), key(g), *count]


def combine(g):
    keys = g.some(lambda: source(g), 3)
    number = b"%d" % len(keys) if g.random.random() < 0.95 else g.random.choice(COUNTS)
    name = g.random.choice([b"ZUNION", b"ZINTER", b"ZDIFF"])
    stored = g.random.random() < 0.3
    options = []
    if name != b"ZDIFF" and g.random.random() < 0.4:
        options += [g.word(b"WEIGHTS"), *(g.random.choice([b"1", b"2", b"0", b"-1", b"0.5", b"inf", b"-inf", b"x"])
                                          for _ in keys)]
    if name != b"ZDIFF" and g.random.random() < 0.4:
        options += [g.word(b"AGGREGATE"), g.word(b"SUM", b"MIN", b"MAX", b"MIN", b"MAX", b"AVG")]
    if stored:
        return [g.word(name + b"STORE"), key(g), number, *keys, *options]
    if g.random.random() < 0.15:
        return [g.word(b"ZINTERCARD"), number, *keys,
                *g.random.choice([[], [b"LIMIT", g.random.choice(COUNTS)]])]
    return [g.word(name), number, *keys, *options, *g.random.choice([[], [g.word(b"WITHSCORES")]])]


MAKERS = {add: 10, add_lex: 3, change: 5, read: 5, ranges: 6, old_ranges: 3, counts: 2, erase_range: 2, pop: 3,
          combine: 4}


def left_to_chance(command):
    """What is answered with gigabytes, or depends on how Redis drew the levels of a skiplist."""
    name, words = command[0].upper(), command[1:]
    if name == b"ZRANDMEMBER":
        return any(part[:1] == b"-" and part[1:].isdigit() and 1000 < int(part[1:]) < 2**63 for part in words)
    by_bytes = b"LEX" in name or (name[:6] == b"ZRANGE" and b"BYLEX" in map(bytes.upper, words))
    at = 1 if name == b"ZRANGESTORE" else 0
    if by_bytes and words[at:at + 1] not in ([LEX_SET], [MIXED_SET], *([key] for key in NEVER_SETS)):
        return True
    if by_bytes and words[at:at + 1] == [MIXED_SET] and b"LIMIT" in map(bytes.upper, words):
        return True  # Redis does not look at what an offset skips, though it may lie behind the range.
    if name in (b"ZADD", b"ZINCRBY") and words[:1] == [LEX_SET]:
        return name == b"ZINCRBY" or any(part != b"0" for part in words[1::2])
    return name == b"ZADD" and words[:1] == [MIXED_SET] and any(len(part) > 40 for part in words)


class SortedSetCommands:
    def sorted_sets(self):
        return self.random.choices(list(MAKERS), list(MAKERS.values()))[0](self)
