"""Random commands on sets: a part of generate.Generator.

What is chance itself (SPOP of some) is left out, since two servers would not hold the same data
afterwards; unit tests ask whether it is fair and what replicas hear.
"""

SET_KEYS = [b"set:1", b"set:2", b"set:3", b"set:ints", b"set:big", b"set:none"]
MEMBERS = [b"a", b"b", b"c", b"1", b"2", b"-1", b"300", b"70000", b"5000000000", b"", b"m" * 63, b"m" * 64,
           b"m" * 65, b"v" * 255, b"v" * 300, b"\x00\xff\r\n", b"01", b"-0", b"9223372036854775807",
           b"-9223372036854775808", b"9223372036854775808"]
LIMITS = [b"0", b"1", b"2", b"1000000", b"-1", b"x", b"9223372036854775808"]


class SetCommands:
    def set_key(self):
        return self.random.choice(SET_KEYS)

    def set_or_other(self):
        return self.key() if self.random.random() < 0.1 else self.set_key()

    def member(self):
        if self.random.random() < 0.5:
            return b"%d" % self.random.randint(-20, 20)
        return self.random.choice(MEMBERS)

    def many_members(self):
        """Enough to cross a threshold, integers or not."""
        first, count = self.random.randint(-100, 100), self.random.choice([20, 120, 130, 500, 520])
        form = self.random.choice([b"%d", b"%d", b"m%d", b"4%09d"])
        return [form % number for number in range(first, first + count)]

    def sets(self):
        return self.random.choice([self.set_edit, self.set_edit, self.set_read, self.set_algebra, self.set_move,
                                   self.set_whole])()

    def set_edit(self):
        kind = self.random.randrange(12)
        if kind == 0:
            return [b"SADD", self.set_key(), *self.many_members()]
        if kind == 1:
            return [b"SREM", self.set_key(), *self.many_members()]
        return [self.word(b"SADD", b"SADD", b"SREM"), self.set_key(), *self.some(self.member)]

    def set_read(self):
        name = self.word(b"SISMEMBER", b"SMISMEMBER", b"SCARD", b"SMEMBERS", b"SSCAN", b"SRANDMEMBER", b"DUMP", b"TYPE",
                         b"OBJECT", b"DEBUG")
        upper, key = name.upper(), self.set_or_other()
        if upper == b"SISMEMBER":
            return [name, key, self.member()]
        if upper == b"SMISMEMBER":
            return [name, key, *self.some(self.member)]
        if upper == b"SSCAN":
            options = self.random.choice([[], [b"MATCH", self.random.choice([b"*", b"1*", b"m?", b"", b"[ab]"])],
                                          [b"MATCH"], [b"TYPE", b"set"], [b"COUNT", self.number()], [b"NOVALUES"]])
            return [name, key, self.random.choice([b"0", b"0", b"0", b"x", b"-1", b""]), *options, b"COUNT", b"5000"]
        if upper == b"SRANDMEMBER":
            return [name, key, *self.random.choice([[], [b"0"], [b"2"], [b"-3"], [b"5000"], [b"x"], [b"1", b"2"],
                                                    [b"-9223372036854775808"], [b"9223372036854775807"]])]
        if upper == b"OBJECT":
            return [name, b"ENCODING", key]
        if upper == b"DEBUG":
            return [name, b"DIGEST-VALUE", key]
        return [name, key]

    def set_algebra(self):
        name = self.word(b"SINTER", b"SUNION", b"SDIFF", b"SINTERSTORE", b"SUNIONSTORE", b"SDIFFSTORE", b"SINTERCARD")
        keys = self.some(self.set_or_other)
        if name.upper() == b"SINTERCARD":
            limit = [b"LIMIT", self.random.choice(LIMITS)] if self.random.random() < 0.5 else []
            count = b"%d" % len(keys) if self.random.random() < 0.8 else self.number()
            return [name, count, *keys, *limit]
        if name.upper().endswith(b"STORE"):
            return [name, self.set_key(), *keys]
        return [name, *keys]

    def set_move(self):
        return [b"SMOVE", self.set_or_other(), self.set_or_other(), self.member()]

    def set_whole(self):
        """All of a set goes, or to another name."""
        kind = self.random.randrange(6)
        if kind == 0:
            return [b"SPOP", self.set_or_other(), self.random.choice([b"100000", b"0", b"-1", b"x"])]
        if kind == 1:
            return [b"DEL", self.set_key()]
        if kind == 2:
            return [b"COPY", self.set_key(), self.set_key(), b"REPLACE"]
        if kind == 3:
            return [b"RENAME", self.set_key(), self.set_key()]
        if kind == 4:
            return [b"EXPIRE", self.set_key(), b"100000"]
        return [b"SET", self.set_key(), self.member()]


def left_to_chance(command):
    """What servers answer differently, or with gigabytes."""
    name = command[0].upper()
    if name == b"SPOP":
        return len(command) == 2 or (len(command) == 3 and 0 < _integer(command[2]) < 100_000)
    return name == b"SRANDMEMBER" and len(command) > 2 and -2**63 < _integer(command[2]) < -1000


def _integer(raw):
    try:
        return int(raw)
    except ValueError:
        return 0
