"""Random commands on streams. Ids are explicit, and what depends on the clock is far away: two
servers must agree that run them a moment apart.

Consumers are made with their group, because 7.2 makes them where 7.0 does not (when nothing is
claimed), and those that are deleted are never named elsewhere.
"""

import re

END_STREAM = b"stream:end"  # Where ids go up to the last that there can be.
STREAMS = [b"stream:1", b"stream:2", b"stream:3", b"stream:4"]
GROUPS = [b"g1", b"g2"]
CONSUMERS = [b"c1", b"c2", b"c3"]
NEAR_IDS = [b"%d-%d" % (ms, seq) for ms in range(1, 40) for seq in (0, 1, 5)]
ODD_IDS = [b"", b"-", b"+", b"$", b">", b"*", b"0", b"0-0", b"0-1", b"7", b"7-", b"-7", b"x", b"7-x", b"07-01", b"7-*",
           b"18446744073709551615", b"18446744073709551615-18446744073709551615", b"18446744073709551616-0",
           b"7-18446744073709551615", b"(5", b"(5-1", b"(", b"(-"]
COUNTS = [b"0", b"1", b"2", b"3", b"10", b"100", b"-1", b"x", b"9223372036854775807", b"9223372036854775808"]
FIELDS = [b"f", b"g", b"h", b"17", b"long" * 20]
BLOCKS = [b"1", b"2", b"-1", b"x", b"", b"9223372036854775808"]  # Short, or none.
IDLES = [b"0", b"0", b"0", b"100000000", b"-1", b"x"]


def versions_part(command):
    """Changed by chance it could name a consumer, or a last id, that only one of 7.0 and 7.2 takes then."""
    return command[0].upper() in (b"XGROUP", b"XCLAIM", b"XAUTOCLAIM", b"XREADGROUP", b"XSETID")


def added_id(command):
    """XADD's id, behind its options."""
    at = 2
    while at < len(command):
        word = command[at].upper()
        if word in (b"MAXLEN", b"MINID"):
            at += 3 if command[at + 1:at + 2] in ([b"="], [b"~"]) else 2
        elif word in (b"NOMKSTREAM", b"LIMIT"):
            at += 1 if word == b"NOMKSTREAM" else 2
        else:
            return command[at]
    return b""


def left_to_chance(command):
    """An id that is the time, a wait without end, as idle as an entry may just have become, and room that Redis wants for as many ids as COUNT says."""
    name = command[0].upper()
    if name == b"XADD":  # Behind the last ids there is none for XSETID any more, once they are deleted.
        return b"*" in command or (command[1:2] != [END_STREAM] and re.match(rb"0*[1-9]\d{9}", added_id(command)) is not None)
    if name == b"XAUTOCLAIM":
        return any(word.isdigit() and 10**6 < int(word) < 2**63 for word in command[6:])
    if name == b"XPENDING":
        return any(word.upper() == b"IDLE" and after not in IDLES and after.isdigit() and int(after) < 10**13
                   for word, after in zip(command, command[1:]))
    if name in (b"XREAD", b"XREADGROUP"):
        return any(word.upper() == b"BLOCK" and after not in BLOCKS for word, after in zip(command, command[1:]))
    return False


class StreamCommands:
    """A part of Generator; `serial` keeps most ids rising."""

    serial = 0

    def streams(self):
        return self.random.choices(
            [self.stream_add, self.stream_many, self.stream_ranges, self.stream_take, self.stream_read,
             self.stream_group, self.stream_group_read, self.stream_pending, self.stream_claim, self.stream_info,
             self.stream_keys],
            [22, 4, 12, 10, 8, 5, 10, 10, 8, 8, 4])[0]()

    def stream_key(self):
        return self.random.choice(STREAMS * 8 + [self.key()])

    def stream_group_name(self):
        return self.random.choice(GROUPS * 10 + [b"none"])

    def stream_id(self):
        dice = self.random.random()
        if dice < 0.5:
            return b"%d-%d" % (max(self.serial - self.random.randint(0, 60), 0) // 3, self.random.choice([0, 1, 2]))
        return self.one(NEAR_IDS, NEAR_IDS, NEAR_IDS, ODD_IDS)

    def next_stream_id(self):
        self.serial += self.random.choice([1, 1, 1, 2, 3, 3, 30, 300])
        if self.random.random() < 0.1:
            return b"%d-*" % (self.serial // 3)
        return b"%d-%d" % (self.serial // 3, self.serial % 3)

    def last_id_ms(self):
        """Behind all that was added and so can have been deleted: 7.0 sets also a last id below that."""
        return self.serial // 3 + self.random.randint(1, 3)

    def stream_words(self):
        fields = [b"f", b"g", b"h"][:self.random.randint(1, 3)] if self.random.random() < 0.8 else \
            self.some(lambda: self.random.choice(FIELDS))
        return [word for field in fields for word in (field, self.value())]

    def stream_trim(self):
        words = [self.word(b"MAXLEN"), *self.random.choice([[], [b"="], [b"~"]]),
                 self.one(COUNTS, [b"5", b"20", b"50", b"200"])]
        if self.random.random() < 0.4:
            words = [self.word(b"MINID"), *self.random.choice([[], [b"="], [b"~"]]), self.stream_id()]
        if self.random.random() < 0.2:
            words += [self.word(b"LIMIT"), self.random.choice(COUNTS)]
        return words

    def stream_add(self):
        options = self.random.choice([[], [], [], [], [self.word(b"NOMKSTREAM")], self.stream_trim()])
        entry_id = self.next_stream_id() if self.random.random() < 0.92 else self.one(ODD_IDS[6:])
        if entry_id == b"*" or entry_id.startswith(b"1844"):
            entry_id = b"3-3"  # Neither the clock nor the end of all ids.
        return [self.word(b"XADD"), self.stream_key(), *options, entry_id, *self.stream_words()]

    def stream_many(self):
        """Enough for several nodes."""
        key = self.random.choice(STREAMS)
        return [[b"XADD", key, self.next_stream_id(), *self.stream_words()]
                for _ in range(self.random.choice([5, 50, 150]))]

    def stream_ranges(self):
        count = [self.word(b"COUNT"), self.random.choice(COUNTS)] if self.random.random() < 0.4 else []
        first, last = self.random.choice([(b"-", b"+"), (self.stream_id(), self.stream_id()),
                                          (self.stream_id(), b"+"), (b"-", self.stream_id()),
                                          (b"(" + self.stream_id(), b"(" + self.stream_id())])
        if self.random.random() < 0.5:
            return [self.word(b"XRANGE"), self.stream_key(), first, last, *count]
        return [self.word(b"XREVRANGE"), self.stream_key(), last, first, *count]

    def stream_take(self):
        kind = self.random.randrange(10)
        if kind < 5:
            return [self.word(b"XDEL"), self.stream_key(), *self.some(self.stream_id)]
        if kind < 8:
            return [self.word(b"XTRIM"), self.stream_key(), *self.stream_trim()]
        if kind < 9:
            return [b"XLEN", self.stream_key()]
        options = self.random.choice([[], [b"ENTRIESADDED", self.one(COUNTS, [b"100000"])],
                                      [b"MAXDELETEDID", self.stream_id()]])
        return [b"XSETID", self.stream_key(), b"%d-0" % self.last_id_ms(), *options]

    def stream_read(self):
        options = self.random.choice([[], [], [self.word(b"COUNT"), self.random.choice(COUNTS)], [b"NOACK"],
                                      [b"GROUP", b"g1", b"c1"], [b"BLOCK", self.random.choice([b"x", b"-1"])]])
        keys = self.some(self.stream_key, 3)
        return [self.word(b"XREAD"), *options, self.word(b"STREAMS"), *keys, *(self.stream_id() for _ in keys)]

    def stream_group(self):
        key, group = self.random.choice(STREAMS), self.stream_group_name()
        kind = self.random.randrange(12)
        read = [self.word(b"ENTRIESREAD"), self.random.choice(COUNTS)] if self.random.random() < 0.2 else []
        if kind < 5:
            make = [self.word(b"MKSTREAM")] if self.random.random() < 0.8 else []
            return [[b"XGROUP", self.word(b"CREATE"), key, group, self.one([b"0", b"$"], [self.stream_id()]), *make, *read],
                    *([b"XGROUP", b"CREATECONSUMER", key, group, consumer] for consumer in CONSUMERS)]
        if kind < 8:
            return [b"XGROUP", self.word(b"SETID"), key, group, self.one([b"0", b"$"], [self.stream_id()]), *read]
        if kind == 8:
            return [b"XGROUP", b"DESTROY", key, group]
        if kind == 9:
            return [b"XGROUP", b"CREATECONSUMER", key, group, b"gone soon"]
        if kind == 10:
            return [b"XGROUP", b"DELCONSUMER", key, group, b"gone soon"]
        return [b"XGROUP", self.word(b"NOPE", b"CREATE", b"DESTROY"), key]

    def stream_group_read(self):
        options = [self.word(b"COUNT"), self.random.choice(COUNTS)] if self.random.random() < 0.6 else []
        no_ack = [self.word(b"NOACK")] if self.random.random() < 0.15 else []
        keys = [self.random.choice(STREAMS) for _ in range(self.random.choice([1, 1, 1, 2]))]
        ids = [b">" if self.random.random() < 0.7 else self.stream_id() for _ in keys]
        return [self.word(b"XREADGROUP"), b"GROUP", self.stream_group_name(), self.random.choice(CONSUMERS), *options,
                *no_ack, b"STREAMS", *keys, *ids]

    def stream_pending(self):
        key, group = self.stream_key(), self.stream_group_name()
        kind = self.random.randrange(3)
        if kind == 0:
            return [self.word(b"XACK"), key, group, *self.some(self.stream_id, 6)]
        if kind == 1:
            return [b"XPENDING", key, group]
        idle = [self.word(b"IDLE"), self.random.choice(IDLES)] if self.random.random() < 0.3 else []
        ends = self.random.choice([[b"-", b"+"], [b"-", b"+"], [self.stream_id(), self.stream_id()]])
        consumer = [self.random.choice(CONSUMERS)] if self.random.random() < 0.5 else []
        return [b"XPENDING", key, group, *idle, *ends, self.random.choice(COUNTS), *consumer]

    def stream_claim(self):
        key, group, consumer = self.stream_key(), self.stream_group_name(), self.random.choice(CONSUMERS)
        if self.random.random() < 0.4:
            options = [part for option in self.random.sample(
                [[b"COUNT", self.random.choice(COUNTS)], [b"JUSTID"], [b"NOPE"]], self.random.choice([0, 1, 1, 2]))
                for part in option]
            if b"9223372036854775807" in options:
                options = []  # Redis tries to keep as many ids.
            return [self.word(b"XAUTOCLAIM"), key, group, consumer, self.random.choice(IDLES), self.stream_id(), *options]
        options = [part for option in self.random.sample(
            [[b"IDLE", self.random.choice([b"100000000", b"x"])], [b"TIME", self.random.choice([b"1000", b"x", b"-5"])],
             [b"RETRYCOUNT", self.random.choice(COUNTS)], [b"FORCE"], [b"FORCE"], [b"JUSTID"],
             [b"LASTID", self.stream_id()], [b"NOPE"]], self.random.choice([0, 0, 1, 2, 3])) for part in option]
        return [self.word(b"XCLAIM"), key, group, consumer, self.random.choice(IDLES), *self.some(self.stream_id, 5),
                *map(lambda word: self.word(word) if word.isalpha() else word, options)]

    def stream_info(self):
        kind = self.random.randrange(5)
        if kind == 0:
            return [b"XINFO", self.word(b"GROUPS"), self.stream_key()]
        if kind == 1:
            return [b"XINFO", self.word(b"CONSUMERS"), self.stream_key(), self.stream_group_name()]
        full = self.random.choice([[], [], [b"FULL"], [b"FULL", b"COUNT", self.random.choice(COUNTS)], [b"NOPE"]])
        return [b"XINFO", self.word(b"STREAM"), self.stream_key(), *map(self.word, full[:2]), *full[2:]]

    def stream_keys(self):
        return self.random.choice([
            [b"COPY", self.random.choice(STREAMS), self.random.choice(STREAMS), b"REPLACE"],
            [b"RENAME", self.random.choice(STREAMS), self.random.choice(STREAMS)],
            [b"DEL", self.random.choice(STREAMS)], [b"TYPE", self.random.choice(STREAMS)],
            [b"OBJECT", b"ENCODING", self.random.choice(STREAMS)],
            [b"DUMP", self.random.choice(STREAMS)], [b"DEBUG", b"DIGEST-VALUE", self.random.choice(STREAMS)]])
