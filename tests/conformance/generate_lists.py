"""Random commands on lists: a part of generate.Generator.

A command that could block gets a short time, or its list exists: both servers see the same keys. (What
happens while clients wait is in sequences/blocking.redis.)
"""

LIST_KEYS = [b"list:1", b"list:2", b"list:3", b"list:long", b"list:big", b"list:none"]
ELEMENTS = [b"a", b"b", b"c", b"x", b"1", b"2", b"-1", b"127", b"128", b"4095", b"4096", b"-4096", b"70000",
            b"5000000000", b"", b"01", b"-0", b"9223372036854775807", b"-9223372036854775808",
            b"9223372036854775808", b"\x00\xff\r\n", b"e" * 63, b"e" * 64, b"f" * 4095, b"f" * 4096, b"g" * 9000]
POSITIONS = [b"0", b"1", b"2", b"3", b"-1", b"-2", b"-3", b"10", b"-10", b"100", b"-100", b"1000", b"2147483648",
             b"9223372036854775807", b"-9223372036854775808", b"x", b"", b"1.5", b"9223372036854775808"]
TIMEOUTS = [b"0.001", b"0.002", b"0.001", b"0.00001", b"-1", b"x", b"", b"0x0.01", b"1e-3", b"nan"]
WAITING = (b"BLPOP", b"BRPOP", b"BLMOVE", b"BRPOPLPUSH", b"BLMPOP", b"BZPOPMIN", b"BZPOPMAX", b"BZMPOP")
COUNTS = [b"0", b"1", b"2", b"3", b"100", b"-1", b"x", b"", b"9223372036854775807", b"9223372036854775808"]


class ListCommands:
    def list_key(self):
        return self.random.choice(LIST_KEYS)

    def list_or_other(self):
        return self.key() if self.random.random() < 0.08 else self.list_key()

    def element(self):
        if self.random.random() < 0.5:
            return b"%d" % self.random.randint(-5, 20)
        return self.random.choice(ELEMENTS)

    def end(self):
        return self.word(b"LEFT", b"RIGHT", b"LEFT", b"RIGHT", b"LEFT", b"RIGHT", b"UP")

    def position(self):
        return b"%d" % self.random.randint(-30, 30) if self.random.random() < 0.6 else self.random.choice(POSITIONS)

    def lists(self):
        return self.random.choice([self.list_push, self.list_push, self.list_pop, self.list_read, self.list_edit,
                                   self.list_move, self.list_wait, self.list_whole])()

    def list_push(self):
        if self.random.random() < 0.06:
            form = self.random.choice([b"%d", b"element %d", b"e%090d"])
            return [self.word(b"RPUSH", b"LPUSH"), self.list_key(),
                    *(form % number for number in range(self.random.choice([30, 100, 600])))]
        return [self.word(b"LPUSH", b"RPUSH", b"LPUSH", b"RPUSH", b"LPUSHX", b"RPUSHX"), self.list_key(),
                *self.some(self.element)]

    def list_pop(self):
        count = [self.random.choice(COUNTS)] if self.random.random() < 0.5 else []
        if self.random.random() < 0.3:
            keys = self.some(self.list_or_other, 3)
            number = b"%d" % len(keys) if self.random.random() < 0.9 else self.random.choice(COUNTS)
            return [self.word(b"LMPOP"), number, *keys, self.end(), *([b"COUNT", *count] if count else [])]
        return [self.word(b"LPOP", b"RPOP"), self.list_or_other(), *count]

    def list_read(self):
        name = self.word(b"LLEN", b"LINDEX", b"LRANGE", b"LPOS", b"LRANGE", b"LPOS", b"TYPE", b"OBJECT", b"DEBUG", b"DUMP")
        upper, key = name.upper(), self.list_or_other()
        if upper == b"LINDEX":
            return [name, key, self.position()]
        if upper == b"LRANGE":
            return [name, key, self.position(), self.position()]
        if upper == b"OBJECT":
            return [name, b"ENCODING", key]
        if upper == b"DEBUG":
            return [name, b"DIGEST-VALUE", key]
        if upper == b"LPOS":
            options = [part for option in self.random.sample(
                [[b"RANK", self.position()], [b"COUNT", self.random.choice(COUNTS)],
                 [b"MAXLEN", self.random.choice(COUNTS)], [b"NOPE"]], self.random.choice([0, 1, 1, 2, 3]))
                for part in option]
            return [name, key, self.element(), *options]
        return [name, key]

    def list_edit(self):
        kind, key = self.random.randrange(5), self.list_or_other()
        if kind == 0:
            return [self.word(b"LSET"), key, self.position(), self.element()]
        if kind == 1:
            return [self.word(b"LINSERT"), key, self.word(b"BEFORE", b"AFTER", b"AFTER", b"BEFORE", b"BESIDE"),
                    self.element(), self.element()]
        if kind == 2:
            return [self.word(b"LTRIM"), key, self.random.choice([b"0", b"0", b"1", self.position()]),
                    self.random.choice([b"-1", b"-1", b"-2", self.position()])]
        return [self.word(b"LREM"), key, self.random.choice([b"0", b"1", b"-1", b"2", b"-2", self.position()]),
                self.element()]

    def list_move(self):
        if self.random.random() < 0.3:
            return [self.word(b"RPOPLPUSH"), self.list_or_other(), self.list_key()]
        return [self.word(b"LMOVE"), self.list_or_other(), self.list_key(), self.end(), self.end()]

    def list_wait(self):
        timeout = self.random.choice(TIMEOUTS)
        name = self.word(b"BLPOP", b"BRPOP", b"BLMOVE", b"BRPOPLPUSH", b"BLMPOP")
        upper = name.upper()
        if upper in (b"BLPOP", b"BRPOP"):
            return [name, *self.some(self.list_or_other, 3), timeout]
        if upper == b"BLMOVE":
            return [name, self.list_or_other(), self.list_key(), self.end(), self.end(), timeout]
        if upper == b"BRPOPLPUSH":
            return [name, self.list_or_other(), self.list_key(), timeout]
        keys = self.some(self.list_or_other, 3)
        count = [b"COUNT", self.random.choice(COUNTS)] if self.random.random() < 0.3 else []
        return [name, timeout, b"%d" % len(keys), *keys, self.end(), *count]

    def list_whole(self):
        """What is done to keys of any type."""
        return self.random.choice([
            [b"DEL", self.list_key()], [b"RENAME", self.list_key(), self.list_key()],
            [b"COPY", self.list_key(), self.list_key(), b"REPLACE"], [b"EXPIRE", self.list_key(), b"100000"],
            [b"SET", self.list_key(), b"text"], [b"GET", self.list_key()], [b"APPEND", self.list_key(), b"x"],
            [b"SADD", self.list_key(), b"m"], [b"GETSET", self.list_key(), b"text"]])


def could_wait_long(command):
    """Disturbed or not: a timeout that either server takes for long, or for never."""
    name = command[0].upper()
    if name not in WAITING or len(command) < 2:
        return False
    timeout = command[1] if name in (b"BLMPOP", b"BZMPOP") else command[-1]
    return timeout not in TIMEOUTS
