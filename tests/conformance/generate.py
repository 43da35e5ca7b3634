"""Random commands with edge values, from a seed: what hand-written sequences do not think of.

Nothing here depends on the clock of the server: expiries lie far in the future or in the past, so
that two servers which run the same commands a moment apart must still agree.
"""

import random
import re
import time

import generate_geo
import generate_hashes
import generate_lists
import generate_sets
import generate_sorted_sets
import generate_streams
import generate_table

KEYS = [b"a", b"b", b"c", b"k1", b"k2", b"k3", b"counter", b"", b"key with space", b"bin\x00\xff\r\n",
        b"{tag}x", b"long" * 60]
LCS_KEYS = [b"lcs:1", b"lcs:2", b"lcs:3", b"lcs:missing"]
INTEGERS = [b"0", b"1", b"-1", b"2", b"9", b"10", b"99", b"9999", b"10000", b"2147483646", b"2147483647",
            b"2147483648", b"-2147483648", b"-2147483649", b"4294967295", b"4294967296", b"4294967297",
            b"9223372036854775806", b"9223372036854775807", b"9223372036854775808",
            b"-9223372036854775807", b"-9223372036854775808", b"-9223372036854775809",
            b"18446744073709551615", b"18446744073709551616"]
ODD_NUMBERS = [b"", b" 1", b"1 ", b"+1", b"01", b"-0", b"1e3", b"0x10", b"1.0", b"--1", b"nan", b"NaN",
               b"-nan", b"inf", b"-inf", b"+inf", b"Infinity", b"1\x00", b"one", b"9" * 30]
FLOATS = [b"0", b"0.1", b"-0.1", b"3.0e3", b"5.0e-324", b"1e308", b"-1e308", b"1e-10", b"10.5", b"200", b"1.1",
          b"0.30000000000000004", b"17179869184", b"1e17", b"123456789.123456789", b"-0", b".5", b"5."]
TEXTS = [b"", b"x", b"hello", b"hello world", b"foobar", b"\x00\x01\x02", b"\xff\xfe", b"a\r\nb", b"x" * 20,
         b"x" * 21, b"y" * 39, b"y" * 40, b"z" * 44, b"z" * 45, b"w" * 64, b"w" * 65, b"v" * 128, b"v" * 1000,
         b"ab" * 700]
SMALL = [b"0", b"1", b"2", b"3", b"5", b"10", b"-1"]
OFFSETS = [b"0", b"1", b"-1", b"2", b"-2", b"5", b"100", b"-100", b"1500", b"-9223372036854775808",
           b"9223372036854775807", b"2147483647", b"-2147483648", b"536870912", b"4294967296"]
BITS = [b"0", b"1", b"7", b"8", b"15", b"63", b"64", b"100", b"3000", b"3600", b"12000"]
BIT_VALUES = [b"0", b"1", b"1"]
POSITIONS = [b"0", b"1", b"-1", b"2", b"-2", b"3", b"-3", b"7", b"8", b"9", b"-8", b"-9", b"40", b"-40", b"100", b"500"]
FIELDS = [b"u1", b"u2", b"u7", b"u8", b"u31", b"u32", b"u63", b"i1", b"i2", b"i5", b"i8", b"i32", b"i33", b"i63", b"i64"]
ODD_FIELDS = [b"u64", b"i65", b"u0", b"i0", b"i-1", b"8", b"", b"u", b"U8", b"u08", b"x8", b"i99999999999"]
HLL_KEYS = [b"hll:1", b"hll:2", b"hll:3", b"hll:4"]
BAD_HLL_KEY = b"hll:bad"
HLL_HEADER = b"HYLL\x01" + b"\x00" * 10 + b"\x80"
HLL_TEXTS = [HLL_HEADER, HLL_HEADER + b"\x7f\xff", HLL_HEADER + b"\x7f\xfe", HLL_HEADER + b"\x7f\xff\x80",
             HLL_HEADER + b"\x80" * 100 + b"\x7f\x9b", HLL_HEADER[:15], b"HYLL", b"hyll" + HLL_HEADER[4:] + b"\x7f\xff",
             HLL_HEADER[:4] + b"\x02" + HLL_HEADER[5:] + b"\x7f\xff", HLL_HEADER[:4] + b"\x00" * 12300,
             HLL_HEADER[:4] + b"\x00" * 12301, HLL_HEADER[:4] + b"\x00" * 11 + b"\x80" + b"\xff" * 12288]
PATTERNS = [b"*", b"a", b"k?", b"k[12]", b"k[^1]", b"[a-c]", b"*e*", b"\\*", b"[", b"k[", b"", b"??*", b"[]-z]",
            b"k[2-1]", b"*\xff*", b"\\", b"**********z"]
SECONDS = [b"1000", b"100000", b"4102444800", b"0", b"-1", b"-100", b"9223372036854775807",
           b"-9223372036854775808", b"9223372036854775", b"9223372036854776", b"92233720368547758",
           b"2147483648"]
MILLIS = [b"1000000", b"4102444800000", b"0", b"-1", b"9223372036854775807", b"-9223372036854775808",
          b"9223370000000000000"]
ABSOLUTE = [b"4102444800", b"5000000000", b"0", b"1", b"-1", b"1000000000", b"9223372036854775807",
            b"-9223372036854775808"]
ABSOLUTE_MILLIS = [b"4102444800000", b"5000000000000", b"0", b"1", b"-1", b"1000000000000",
                   b"9223372036854775807"]
DATABASES = [b"0", b"1", b"2", b"15", b"16", b"-1", b"x", b"4294967296"]

# Words whose following number (or own third word) is a time from now: too near would be a race.
RELATIVE = {b"EX": 1000, b"PX": 1, b"EXPIRE": 1000, b"PEXPIRE": 1, b"SETEX": 1000, b"PSETEX": 1}
NEAREST_MS = 500_000


class Generator(generate_geo.GeoCommands, generate_hashes.HashCommands, generate_lists.ListCommands,
                generate_sets.SetCommands, generate_sorted_sets.SortedSetCommands, generate_streams.StreamCommands,
                generate_table.TableCommands):
    """With a table (generate_table.Table) also calls of every command in it."""

    def __init__(self, seed, table=None):
        self.random = random.Random(seed)
        self.table = table
        self.families = [(weight, make) for weight, make in (
            (14, self.set), (10, self.read), (10, self.counter), (4, self.float_counter), (6, self.ranges),
            (6, self.many), (10, self.expire), (6, self.ttl), (5, self.getex), (6, self.keys_of),
            (4, self.rename), (3, self.databases), (2, self.lcs), (2, self.sort), (3, self.object),
            (2, self.connection), (2, self.transaction), (1, self.nonsense), (1, self.scans), (14, self.sets),
            (14, self.hashes), (9, self.bitmaps), (4, self.bitfields),
            (8, self.hyperloglogs), (8, self.geo), (20, self.sorted_sets), (14, self.lists),
            (24, self.streams), (80 if table else 0, self.from_table)) if weight]
        self.weights = [weight for weight, _ in self.families]
        self.makers = [make for _, make in self.families]

    def commands(self, count):
        """count commands; a transaction is a few of them in a row."""
        made = []
        while len(made) < count:
            result = self.random.choices(self.makers, self.weights)[0]()
            row = in_a_row(result)
            aim, self.aim = self.aim, None
            for command in row:
                command = self.disturb(command)
                if not hazardous(command) and not (len(row) > 1 and spoils_transaction(command)):
                    made.append(command)
                    if aim and self.sent is not None:
                        self.sent.add(aim)
        return made

    # Parts of commands.
    def one(self, *pools):
        return self.random.choice(self.random.choice(pools))

    def key(self):
        return self.random.choice(KEYS)

    def value(self):
        return self.one(TEXTS, INTEGERS, FLOATS)

    def number(self):
        return self.one(INTEGERS, INTEGERS, INTEGERS, ODD_NUMBERS)

    def word(self, *names):
        name = self.random.choice(names)
        return name.lower() if self.random.random() < 0.3 else name

    def some(self, make, most=4):
        return [make() for _ in range(self.random.randint(1, most))]

    def disturb(self, command):
        """Now and then an argument too many, too few, or another one."""
        dice = self.random.random()
        if dice > 0.06 or command[0].upper() in (b"MULTI", b"EXEC", b"DISCARD") or \
                generate_streams.versions_part(command):
            return command
        command = list(command)
        if dice < 0.02 and len(command) > 1:
            command.pop(self.random.randrange(1, len(command)))
        elif dice < 0.04:
            command.insert(self.random.randint(1, len(command)), self.one(TEXTS, INTEGERS, ODD_NUMBERS))
        elif len(command) > 1:
            command[self.random.randrange(1, len(command))] = self.one(TEXTS, INTEGERS, ODD_NUMBERS)
        return command

    # Families.
    def set_options(self):
        options = []
        for option in self.random.sample(
                [[b"NX"], [b"XX"], [b"GET"], [b"KEEPTTL"], [b"EX", self.random.choice(SECONDS)],
                 [b"PX", self.random.choice(MILLIS)], [b"EXAT", self.random.choice(ABSOLUTE)],
                 [b"PXAT", self.random.choice(ABSOLUTE_MILLIS)], [b"NOPE"]],
                self.random.choice([0, 0, 1, 1, 2, 3])):
            options += [self.word(option[0]), *option[1:]]
        return options

    def set(self):
        kind = self.random.randrange(8)
        if kind == 0:
            return [b"SETNX", self.key(), self.value()]
        if kind == 1:
            return [b"SETEX", self.key(), self.random.choice(SECONDS), self.value()]
        if kind == 2:
            return [b"PSETEX", self.key(), self.random.choice(MILLIS), self.value()]
        if kind == 3:
            return [b"GETSET", self.key(), self.value()]
        return [self.word(b"SET"), self.key(), self.value(), *self.set_options()]

    def read(self):
        return [self.word(b"GET", b"GET", b"STRLEN", b"GETDEL", b"TYPE", b"EXISTS", b"DUMP"), self.key()]

    def counter(self):
        if self.random.random() < 0.2:
            return [b"SET", self.key(), self.number()]
        name = self.word(b"INCR", b"DECR", b"INCRBY", b"DECRBY")
        if name.upper() in (b"INCR", b"DECR"):
            return [name, self.key()]
        return [name, self.key(), self.number()]

    def float_counter(self):
        return [b"INCRBYFLOAT", self.key(), self.one(FLOATS, FLOATS, INTEGERS, ODD_NUMBERS)]

    def ranges(self):
        kind = self.random.randrange(4)
        if kind == 0:
            return [b"APPEND", self.key(), self.random.choice(TEXTS)]
        if kind == 1:
            return [b"SETRANGE", self.key(), self.random.choice(OFFSETS), self.random.choice(TEXTS)]
        return [self.word(b"GETRANGE", b"SUBSTR"), self.key(), self.one(OFFSETS, ODD_NUMBERS),
                self.random.choice(OFFSETS)]

    def many(self):
        name = self.word(b"MGET", b"MSET", b"MSETNX")
        if name.upper() == b"MGET":
            return [name, *self.some(self.key)]
        return [name, *(part for _ in range(self.random.randint(1, 3))
                        for part in (self.key(), self.value()))]

    def expire(self):
        name, times = self.random.choice([(b"EXPIRE", SECONDS), (b"PEXPIRE", MILLIS),
                                          (b"EXPIREAT", ABSOLUTE), (b"PEXPIREAT", ABSOLUTE_MILLIS)])
        options = self.random.sample([b"NX", b"XX", b"GT", b"LT", b"ZZ"],
                                     self.random.choice([0, 0, 1, 1, 2]))
        moment = self.one(times, times, times, ODD_NUMBERS)
        if name in (b"EXPIRE", b"PEXPIRE") and options and 0 < (as_integer(moment) or 0) <= 9223370000000000000:
            # GT and LT compare with an earlier expiry: two equal ones would be a race.
            moment = b"%d" % (self.random.randint(2, 10**6) * 1000)
        return [name, self.key(), moment, *map(self.word, options)]

    def ttl(self):
        return [self.word(b"TTL", b"PTTL", b"EXPIRETIME", b"PEXPIRETIME", b"PERSIST"), self.key()]

    def getex(self):
        option = self.random.choice([[], [b"PERSIST"], [b"EX", self.random.choice(SECONDS)],
                                     [b"PX", self.random.choice(MILLIS)],
                                     [b"EXAT", self.random.choice(ABSOLUTE)],
                                     [b"PXAT", self.random.choice(ABSOLUTE_MILLIS)],
                                     [b"PERSIST", b"EX", b"1000"], [b"KEEPTTL"]])
        return [b"GETEX", self.key(), *option]

    def keys_of(self):
        return [self.word(b"DEL", b"UNLINK", b"EXISTS", b"TOUCH"), *self.some(self.key, 3)]

    def rename(self):
        kind = self.random.randrange(3)
        if kind == 0:
            return [b"COPY", self.key(), self.key(), *self.random.choice(
                [[], [b"REPLACE"], [b"DB", self.random.choice(DATABASES)],
                 [b"DB", b"1", b"REPLACE"], [b"db", b"0", b"DB", b"1"]])]
        return [self.word(b"RENAME", b"RENAMENX"), self.key(), self.key()]

    def databases(self):
        kind = self.random.randrange(6)
        if kind == 0:
            return [b"SELECT", self.random.choice(DATABASES)]
        if kind == 1:
            return [b"SWAPDB", self.random.choice(DATABASES), self.random.choice(DATABASES)]
        if kind == 2:
            return [b"MOVE", self.key(), self.random.choice(DATABASES)]
        if kind == 3 and self.random.random() < 0.2:
            return [self.word(b"FLUSHDB", b"FLUSHALL"), *self.random.choice(
                [[], [b"ASYNC"], [b"SYNC"], [b"NOW"]])]
        return [[b"SELECT", b"0"], [b"DBSIZE"]]

    def lcs(self):
        if self.random.random() < 0.4:
            return [b"SET", self.random.choice(LCS_KEYS[:3]),
                    bytes(self.random.choices(b"abcd", k=self.random.randint(0, 60)))]
        options = [part for option in self.random.sample(
            [[b"LEN"], [b"IDX"], [b"MINMATCHLEN", self.one(INTEGERS[:6], ODD_NUMBERS)], [b"WITHMATCHLEN"]],
            self.random.randint(0, 3)) for part in option]
        return [b"LCS", self.random.choice(LCS_KEYS), self.random.choice(LCS_KEYS), *options]

    def sort(self):
        if self.random.random() < 0.3:
            return self.sort_source()
        options = [part for option in self.random.sample(
            [[b"ASC"], [b"DESC"], [b"ALPHA"], [b"ALPHA"], [b"LIMIT", self.one(SMALL, INTEGERS, ODD_NUMBERS), self.one(SMALL, INTEGERS)],
             [b"BY", self.random.choice([b"w_*", b"h_*->f", b"nosort"])], [b"GET", b"#"], [b"GET", b"w_*", b"GET", b"h_*->g"]],
            self.random.randint(0, 4)) for part in option]
        store = [b"STORE", self.key()] if self.random.random() < 0.3 else []
        return [self.word(b"SORT", b"SORT_RO"), self.random.choice(generate_table.SORT_KEYS), *options, *store]

    def sort_source(self):
        """Numbers, mostly; what BY and GET find for them, mostly."""
        numbers = [b"%d" % self.random.randint(-5, 30) for _ in range(self.random.randint(1, 12))]
        if self.random.random() < 0.2:
            numbers.append(self.one(FLOATS, [b"1e5", b"nan", b"x", b""], INTEGERS))
        number = self.random.randint(-5, 30)
        return self.random.choice([
            [b"RPUSH", b"num:list", *numbers], [b"SADD", b"num:set", *numbers], [b"DEL", b"num:list", b"num:set"],
            [b"ZADD", b"num:zset", *(part for one in numbers for part in (b"%d" % self.random.randint(0, 9), one))],
            [b"RPUSH", b"num:many", *(b"%d" % self.random.randint(-10**6, 10**6) for _ in range(300))],
            [b"LTRIM", b"num:many", b"0", b"600"], [b"DEL", b"num:zset"],
            [b"SET", b"w_%d" % number, b"%d" % self.random.randint(0, 9)], [b"SET", b"w_%d" % number, self.value()],
            [b"HSET", b"h_%d" % number, b"f", b"%.1f" % self.random.uniform(-9, 9), b"g", self.value()]])

    def bitmaps(self):
        kind = self.random.randrange(8)
        if kind < 3:
            return [b"SETBIT", self.key(), self.one(BITS, BITS, INTEGERS, ODD_NUMBERS),
                    self.one(BIT_VALUES, BIT_VALUES, [self.number()])]
        if kind == 3:
            return [b"GETBIT", self.key(), self.one(BITS, INTEGERS, ODD_NUMBERS)]
        unit = self.random.choice([[], [self.word(b"BYTE", b"BIT", b"BIT", b"BITE")]])
        if kind == 4:
            return [b"BITCOUNT", self.key(), *self.random.choice(
                [[], [self.position()], [self.position(), self.position(), *unit]])]
        if kind == 5:
            return [b"BITPOS", self.key(), self.one(BIT_VALUES, BIT_VALUES, [self.number()]), *self.random.choice(
                [[], [self.position()], [self.position(), self.position(), *unit]])]
        return [b"BITOP", self.word(b"AND", b"OR", b"XOR", b"NOT", b"NAND"), self.key(), *self.some(self.key, 3)]

    def position(self):
        return self.one(POSITIONS, POSITIONS, POSITIONS, INTEGERS, ODD_NUMBERS)

    def bitfields(self):
        steps = []
        for _ in range(self.random.choice([0, 1, 1, 2, 3])):
            if self.random.random() < 0.3:
                steps += [self.word(b"OVERFLOW"), self.word(b"WRAP", b"SAT", b"FAIL", b"FAIL", b"NEVER")]
            field = [self.one(FIELDS, FIELDS, FIELDS, ODD_FIELDS),
                     self.random.choice([b"", b"", b"#"]) + self.one(BITS, BITS, BITS, INTEGERS, ODD_NUMBERS)]
            verb = self.word(b"GET", b"SET", b"INCRBY")
            steps += [verb, *field, *([] if verb.upper() == b"GET" else [self.number()])]
        return [self.word(b"BITFIELD", b"BITFIELD", b"BITFIELD", b"BITFIELD_RO"), self.key(), *steps]

    def hyperloglogs(self):
        kind = self.random.randrange(14)
        if kind < 6:
            # Many at once now and then, so that some become dense.
            count = self.random.choice([0, 1, 2, 3, 10, 10, 400, 3000])
            elements = [b"%d" % self.random.randrange(20_000) for _ in range(count)]
            return [b"PFADD", self.random.choice(HLL_KEYS), *elements, *self.some(self.value, 2)]
        if kind < 9:
            return [b"PFCOUNT", *self.some(self.hll_key, 3)]
        if kind == 9:
            return [b"PFMERGE", *self.some(self.hll_key, 4)]
        if kind == 10:
            return [self.word(b"DEL", b"GET", b"DUMP"), self.hll_key()]
        if kind == 11:
            return [b"PFDEBUG", self.word(b"ENCODING", b"DECODE", b"TODENSE", b"GETREG", b"NOPE"), self.hll_key()]
        # One that need not be well-formed gets single elements: Redis keeps those before an error, we do not.
        return self.random.choice([
            [b"SET", BAD_HLL_KEY, self.random.choice(HLL_TEXTS)], [b"COPY", self.hll_key(), BAD_HLL_KEY, b"REPLACE"],
            [b"SET", BAD_HLL_KEY, self.hll_text()],
            [b"PFADD", BAD_HLL_KEY, self.value()], [b"PFCOUNT", BAD_HLL_KEY], [b"PFADD", BAD_HLL_KEY],
            [b"PFDEBUG", self.word(b"DECODE", b"TODENSE", b"GETREG"), BAD_HLL_KEY]])

    def hll_text(self):
        """Runs that need not come to all registers. None is cut: Redis goes on with the byte behind the text."""
        runs, left = [], 16_384
        while left > 0 and (len(runs) < 12 or self.random.random() < 0.9):
            length = min(self.random.choice([1, 2, 4, 64, 65, 3000, left]), left)
            if length <= 4 and self.random.random() < 0.7:
                runs.append(bytes([0x80 | self.random.randrange(32) << 2 | length - 1]))
            elif length <= 64:
                runs.append(bytes([length - 1]))
            else:
                runs.append(bytes([0x40 | length - 1 >> 8, length - 1 & 255]))
            left -= length
        if self.random.random() < 0.2:
            runs.insert(self.random.randrange(len(runs)), self.random.choice([b"\x00", b"\x83", b"\x7f\xff"]))
        return HLL_HEADER[:15] + self.random.choice([b"\x00", b"\x80"]) + b"".join(runs)

    def hll_key(self):
        return self.random.choice(HLL_KEYS * 8 + [BAD_HLL_KEY, b"hll:missing", b"a", b"b"])

    def object(self):
        return [b"OBJECT", self.word(b"ENCODING", b"ENCODING", b"IDLETIME", b"REFCOUNT", b"FREQ", b"NOPE"),
                self.key()]

    def connection(self):
        return self.random.choice([
            [b"PING"], [b"PING", self.value()], [b"ECHO", self.value()], [b"CLIENT", b"GETNAME"],
            [b"CLIENT", b"SETNAME", self.random.choice([b"me", b"", b"two words", b"x\n"])],
            [b"LASTSAVE"], [b"CLIENT", b"NO-EVICT", self.word(b"ON", b"OFF", b"MAYBE")],
            [b"WAIT", b"0", b"1"], [b"UNWATCH"], [b"PUBLISH", self.key(), self.value()],
            [b"PUBSUB", b"NUMSUB", self.key()], [b"PUBSUB", b"NUMPAT"]])

    def transaction(self):
        inner = [command for _ in range(self.random.randint(0, 4))
                 for command in first_of(in_a_row(self.random.choices(self.makers, self.weights)[0]()), 6)
                 if command[0].upper() not in (b"MULTI", b"EXEC", b"DISCARD", b"WATCH")]
        end = [self.random.choice([[b"EXEC"], [b"EXEC"], [b"EXEC"], [b"DISCARD"], [b"MULTI"]])]
        if end == [[b"MULTI"]]:
            end = [[b"MULTI"], [b"EXEC"]]
        watch = [[b"WATCH", self.key()]] if self.random.random() < 0.4 else []
        return watch + [[b"MULTI"], *inner, *end]

    def nonsense(self):
        # No name that is a command's up to a zero byte: redis-server hashes the whole of it and compares up to the zero,
        # so that it finds "GET\\0" where the keyed hashes happen to share a bucket.
        return self.random.choice([
            [b"NOSUCHCOMMAND", *self.some(self.value, 3)], [b"", b"x"], [b"GETS\x00", b"k"],
            [b"x" * 200, b"y" * 200], [b"CLIENT", b"NOSUCH"], [b"CONFIG", b"NOSUCH", b"x"], [b"OBJECT"],
            [b"EXEC"], [b"DISCARD"], [b"COMMAND", b"NOSUCH"], [b"DEBUG", b"NOSUCH"],
            [b"SWAPDB", b"0"], [b"CONFIG", b"GET", b"no-such-directive"]])

    def scans(self):
        return self.random.choice([
            [b"KEYS", self.random.choice(PATTERNS)],
            [b"SCAN", b"0", b"COUNT", b"5000"],
            [b"SCAN", b"0", b"MATCH", self.random.choice(PATTERNS), b"COUNT", b"5000"],
            [b"SCAN", b"0", b"TYPE", self.random.choice([b"string", b"list", b"set", b"STRING"]), b"COUNT", b"5000"],
            [b"SCAN", self.one(ODD_NUMBERS)], [b"SCAN", b"0", b"COUNT", self.one(ODD_NUMBERS)],
            [b"SCAN", b"0", b"COUNT", b"0"], [b"SCAN", b"0", b"MATCH"]])


def in_a_row(made):
    """What a maker made: one command, or a few."""
    return made if isinstance(made[0], list) else [made]


def first_of(row, most):
    """The beginning of a row; not between a group and its consumers, which 7.0 would make later than 7.2."""
    while most < len(row) and [word.upper() for word in row[most][:2]] == [b"XGROUP", b"CREATECONSUMER"]:
        most += 1
    return row[:most]


def spoils_transaction(command):
    """What 7.2 queues and 7.0 refuses, so that only one of them would execute the others."""
    return command[0].upper() in (b"ZRANK", b"ZREVRANK") and len(command) > 3


def hazardous(command):
    """True for what would make the result a matter of time, or of gigabytes."""
    upper = [part.upper() for part in command]
    if upper == [b"COMMAND"]:
        return True  # In no order; metadata.py compares it by name.
    if (generate_sets.left_to_chance(command) or generate_sorted_sets.left_to_chance(command) or
            generate_lists.could_wait_long(command) or generate_streams.left_to_chance(command) or
            generate_geo.left_to_chance(command) or loses_its_name(upper, command)):
        return True
    now_ms = time.time() * 1000
    for index, word in enumerate(upper):
        if word in RELATIVE:
            at = index + 1 if word in (b"EX", b"PX") else index + 2
            number = as_integer(command[at]) if at < len(command) else None
            if number is not None and 0 < number * RELATIVE[word] < NEAREST_MS:
                return True
        if word in (b"EXAT", b"EXPIREAT", b"PXAT", b"PEXPIREAT"):
            scale = 1000 if word in (b"EXAT", b"EXPIREAT") else 1
            for part in command[index + 1:]:
                number = as_integer(part)
                if number is not None and abs(number * scale - now_ms) < NEAREST_MS:
                    return True
                # Redis keeps a key that SET gave a time in the past until someone looks for it.
                if number is not None and upper[0] == b"SET" and 0 < number * scale < now_ms:
                    return True
    if upper[0] in (b"RESTORE", b"RESTORE-ASKING") and len(command) > 2 and b"ABSTTL" not in upper:
        # Too near; or so far that Redis' sum goes round and the key is deleted, where we refuse.
        return 0 < (as_integer(command[2]) or 0) < NEAREST_MS or 9223370000000000000 < (as_integer(command[2]) or 0) < 2**63
    if upper[0] in (b"SORT", b"SORT_RO"):
        return hazardous_sort(upper, command)
    if upper[0] == b"SETRANGE" and len(command) > 2:
        offset = as_integer(command[2])
        return offset is not None and 5000 < offset < 600_000_000
    if upper[0] == b"HRANDFIELD" and len(command) > 2:
        count = as_integer(command[2])
        return count is not None and -2**63 < count < -10_000  # As many elements, and as many gigabytes.
    if upper[0] == b"SETBIT" and len(command) > 2:
        return 40_000 < (as_integer(command[2]) or 0) < 4_800_000_000
    if upper[0] == b"BITFIELD":
        if any(is_far(part) for verb, part in zip(upper, command[2:]) if verb in (b"SET", b"INCRBY")):
            return True
    if upper[0] in (b"BITFIELD", b"BITFIELD_RO"):
        # Redis' product of place and width goes round.
        return any(part.startswith(b"#") and abs(as_integer(part[1:]) or 0) >= 1 << 57 for part in command)
    return upper[0] == b"LCS" and not set(command[1:3]) <= {*LCS_KEYS, *generate_table.NO_TEXTS}


def loses_its_name(upper, command):
    """What differs in its encoding and is known by its name, about to get another: the text of a HyperLogLog that is
    none or short, which Redis makes its own where no register changes."""
    if upper[0] == b"COPY":
        return command[1:2] == [BAD_HLL_KEY] != command[2:3]
    return upper[0] == b"SET" and command[1:2] != [BAD_HLL_KEY] and any(part[:4].upper() == b"HYLL" for part in command[2:])


def hazardous_sort(upper, command):
    """7.0 sorts numbers only while no command before has met one out of range: nothing is stored then. And what has no
    order comes in that of Redis' hash table, or as its sorting of a part leaves it."""
    if command[1:2] and command[1] not in generate_table.SORT_KEYS:
        return True  # It leaves a small sorted set as a skiplist, which is known of num:zset only.
    by = [command[at + 1] for at, word in enumerate(upper[:-1]) if word == b"BY"]
    sorts = not by or b"*" in by[-1]
    if b"STORE" in upper and sorts and b"ALPHA" not in upper:
        return True
    if not by or not sorts:
        return bool(by) and command[1] == b"num:set"
    return b"ALPHA" in upper and (b"LIMIT" in upper or command[1] in (b"num:set", b"num:zset"))


def is_far(place):
    """A bit, or with # a field of up to 64 bits, that exists and needs a long string."""
    number = as_integer(place.lstrip(b"#")) or 0
    return (600 if place.startswith(b"#") else 40_000) < number < 4_800_000_000


def as_integer(raw):
    """As Redis reads one: no sign of plus, no zero in front, no blank."""
    return int(raw) if re.fullmatch(rb"0|-?[1-9][0-9]*", raw) else None
