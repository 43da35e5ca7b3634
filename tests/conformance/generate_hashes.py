"""Random commands on hashes: a part of generate.Generator, whose numbers and texts they take."""

HASH_KEYS = [b"h1", b"h2", b"h3", b"h4", b"h5", b"h6", b"a", b"k1"]
FIELDS = [b"", b"f", b"f1", b"f2", b"f3", b"f100", b"0", b"1", b"-1", b"01", b"field with space", b"bin\x00\xff",
          b"n" * 64, b"n" * 65, b"12345678901234567890", b"9223372036854775807", b"-9223372036854775808"]
COUNTS = [b"0", b"1", b"-1", b"2", b"-5", b"9", b"300"]
FLOATS = [b"0", b"0.1", b"-0.1", b"3.0e3", b"1e308", b"-1e308", b"1e-10", b"10.5", b"123456789.123456789", b"1e17"]
ODD = [b"", b" 1", b"1 ", b"+1", b"0x10", b"nan", b"inf", b"-inf", b"one", b"1\x00", b"9223372036854775808",
       b"-9223372036854775808"]


class HashCommands:
    def hashes(self):
        key, field = self.random.choice(HASH_KEYS), self.random.choice(FIELDS)
        kind = self.random.randrange(16)
        if kind < 3:
            pairs = [(self.random.choice(FIELDS), self.value()) for _ in range(self.random.choice([1, 1, 2, 5]))]
            return [self.word(b"HSET", b"HMSET"), key, *(part for pair in pairs for part in pair)]
        if kind == 3:  # Past the thresholds of the compact form.
            count = self.random.choice([127, 128, 129, 200])
            return [b"HSET", key, *(part for i in range(count) for part in (b"f%d" % i, b"%d" % (i * i)))]
        if kind == 4:
            return [b"HSETNX", key, field, self.value()]
        if kind == 5:
            return [b"HINCRBY", key, field, self.number()]
        if kind == 6:
            return [b"HINCRBYFLOAT", key, field, self.one(FLOATS, FLOATS, [b"1", b"-3"], ODD)]
        if kind < 9:
            return [self.word(b"HDEL", b"HMGET"), key, *self.some(lambda: self.random.choice(FIELDS))]
        if kind < 12:
            return [self.word(b"HGET", b"HEXISTS", b"HSTRLEN"), key, field]
        if kind == 12:
            return [self.word(b"HGETALL", b"HKEYS", b"HVALS", b"HLEN", b"HLEN"), key]
        if kind == 13:
            pick = [self.one(COUNTS, COUNTS, ODD), *self.random.choice(
                [[], [b"WITHVALUES"], [b"withvalues"], [b"VALUES"], [b"WITHVALUES", b"x"]])]
            return [b"HRANDFIELD", key, *self.random.choice([[], pick, pick])]
        if kind == 14:
            return [b"HSCAN", key, self.random.choice([b"0", b"0", b"0", b"", b"x", b"-0"]), *self.random.choice(
                [[b"COUNT", b"1000"], [b"COUNT", self.number(), b"COUNT", b"2000"],
                 [b"MATCH", self.random.choice([b"*", b"f", b"f?", b"f[12]", b"*e*", b"[", b"", b"*\xff*"]), b"COUNT", b"1000"],
                 [b"MATCH", b"f1*", b"COUNT", b"1000"], [b"TYPE", b"hash"], [b"COUNT", b"0"], [b"MATCH"]])]
        return [self.word(b"DEL", b"OBJECT", b"DUMP"), key] if self.random.random() < 0.7 else \
            [b"OBJECT", b"ENCODING", key]
