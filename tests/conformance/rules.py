"""What may differ between two correct servers: times, ids, addresses, the order of a set.

A rule looks at one command's two replies and says whether they mean the same. A command without a
rule must answer byte for byte.
"""

from harness.resp import Push, ReplyError, parse


def name_of(command):
    first = command[0] if command else b""
    first = first.decode("latin-1") if isinstance(first, bytes) else str(first)
    return first.upper()


def words(command):
    return [(arg.decode("latin-1") if isinstance(arg, bytes) else str(arg)).upper()
            for arg in command]


def same_kind(command, a, b):
    return a[:1] == b[:1]


def same_fields(command, a, b):
    """Maps with the same names in the same order."""
    x, y = as_map(parse(a)[0]), as_map(parse(b)[0])
    return a[:1] == b[:1] and x is not None and y is not None and list(x) == list(y)


def near(tolerance):
    def agree(command, a, b):
        if a[:1] != b":" or b[:1] != b":":
            return False
        x, y = int(a[1:-2]), int(b[1:-2])
        return x > 0 and y > 0 and abs(x - y) <= tolerance
    return agree


def unordered(command, a, b):
    x, y = parse(a)[0], parse(b)[0]
    return a[:1] == b[:1] and isinstance(x, list) and isinstance(y, list) and sorted(x, key=repr) == sorted(y, key=repr)


def scan(command, a, b):
    """From cursor 0 with a COUNT above the number of keys one call is the whole scan; elsewhere each
    server walks its own table."""
    x, y = parse(a)[0], parse(b)[0]
    if not isinstance(x, list) or not isinstance(y, list) or len(x) != 2 or len(y) != 2:
        return False
    upper = words(command)
    whole = upper[1:2] == ["0"] and upper[-2:-1] == ["COUNT"] and int(upper[-1]) >= 1000
    return not whole or (x[0] == y[0] == b"0" and sorted(x[1]) == sorted(y[1]))


def element_scan(command, a, b):
    """As scan(), of one collection."""
    return scan([command[0], *command[2:]], a, b)


def same_count(command, a, b):
    """One member, or as many: which ones is chance."""
    if a[:1] != b[:1] or a.startswith(b"$-1") != b.startswith(b"$-1"):
        return False
    x, y = parse(a)[0], parse(b)[0]
    return not isinstance(x, list) or len(x) == len(y)


def scan_of_hash(command, a, b):
    """As scan, of fields with their values."""
    x, y = parse(a)[0], parse(b)[0]
    if not isinstance(x, list) or not isinstance(y, list) or len(x) != 2 or len(y) != 2:
        return False
    upper = words(command)
    whole = upper[2:3] == ["0"] and upper[-2:-1] == ["COUNT"] and int(upper[-1]) >= 1000
    return not whole or (x[0] == y[0] == b"0" and as_map(x[1]) == as_map(y[1]))


def random_elements(command, a, b):
    """One element, or as many; with values, as pairs where the other has pairs."""
    x, y = parse(a)[0], parse(b)[0]
    if not isinstance(x, list) or not isinstance(y, list):
        return a[:1] == b[:1] == b"$" and (x is None) == (y is None)
    return len(x) == len(y) and all(isinstance(i, list) == isinstance(j, list) for i, j in zip(x, y))


def map_without(*names):
    """Maps (or RESP2's flat arrays) that agree but for the values of these fields."""
    def agree(command, a, b):
        x, y = as_map(parse(a)[0]), as_map(parse(b)[0])
        if x is None or y is None or list(x) != list(y):
            return False
        return all(x[name] == y[name] for name in x if name.decode() not in names)
    return agree


def same_map(command, a, b):
    x, y = as_map(parse(a)[0]), as_map(parse(b)[0])
    return a[:1] == b[:1] and x is not None and x == y


def as_map(value):
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and len(value) % 2 == 0:
        return dict(zip(map(_key, value[::2]), value[1::2]))
    return None


def _key(value):
    return value if isinstance(value, (bytes, int)) else repr(value).encode()


def fields_of_line(command, a, b):
    """CLIENT INFO and LIST: Redis' fields, in its order; newer ones may stand between them."""
    return all(is_subsequence(_names(y), _names(x)) for x, y in
               zip(_lines(a), _lines(b))) and len(_lines(a)) == len(_lines(b))


def _lines(raw):
    body = parse(raw)[0]
    return body.decode().strip().splitlines() if isinstance(body, bytes) else [repr(body)]


def _names(line):
    return [word.split("=", 1)[0] for word in line.split(" ")]


def is_subsequence(short, long):
    rest = iter(long)
    return all(item in rest for item in short)


def debug_object(command, a, b):
    """Encoding and serialized length; address, idle time and LRU clock are each server's own."""
    def facts(raw):
        text = parse(raw)[0]
        if not isinstance(text, str):
            return text
        pairs = dict(word.split(":", 1) for word in text.split() if ":" in word)
        return pairs.get("encoding"), pairs.get("serializedlength")
    x, y = facts(a), facts(b)
    return x is not None and x == y


def role(command, a, b):
    x, y = parse(a)[0], parse(b)[0]
    return isinstance(x, list) and isinstance(y, list) and x[0] == y[0] and len(x) == len(y)


def slowlog(command, a, b):
    """The same commands were slow; ids, times and addresses differ."""
    def arguments(raw):
        entries = parse(raw)[0]
        return [entry[3] for entry in entries] if isinstance(entries, list) else entries
    return arguments(a) == arguments(b)


CONSUMER_TIMES = (b"idle", b"inactive", b"seen-time", b"active-time")


def stream_times(command, a, b):
    """Deliveries and consumers' times are each server's own (and 7.2 tells more of them: inactive and
    active-time); the rest must agree."""
    return a[:1] == b[:1] and alike(parse(a)[0], parse(b)[0])


def alike(x, y):
    if isinstance(x, dict) and isinstance(y, dict):
        x, y = ([part for pair in value.items() for part in pair] for value in (x, y))
    if not isinstance(x, list) or not isinstance(y, list):
        return x == y
    if any(name in CONSUMER_TIMES for name in x[::2] if isinstance(name, bytes)):
        x, y = (without_times(value) for value in (x, y))
    elif len(x) == len(y) and len(x) in (3, 4) and isinstance(x[0], bytes) and isinstance(x[-1], int):
        # An id, its consumer where that is named, a time or how long ago it was, a count.
        return x[:-2] == y[:-2] and x[-1] == y[-1] and abs(x[-2] - y[-2]) < 600_000
    return len(x) == len(y) and all(map(alike, x, y))


def without_times(fields):
    return [part for pair in zip(fields[::2], fields[1::2]) if pair[0] not in CONSUMER_TIMES for part in pair]


RULES = {
    ("TTL",): near(1), ("PTTL",): near(4000), ("EXPIRETIME",): near(2), ("PEXPIRETIME",): near(4000),
    ("KEYS",): unordered, ("SCAN",): scan, ("RANDOMKEY",): same_kind, ("TIME",): same_kind,
    ("HGETALL",): same_map, ("HKEYS",): unordered, ("HVALS",): unordered, ("HSCAN",): scan_of_hash,
    ("HRANDFIELD",): random_elements,
    ("LASTSAVE",): near(600), ("INFO",): same_kind, ("ROLE",): role,
    ("CONFIG", "GET"): same_map,
    ("HELLO",): map_without("version", "id", "modules"),
    ("CLIENT", "ID"): same_kind, ("CLIENT", "INFO"): fields_of_line, ("CLIENT", "LIST"): fields_of_line,
    ("OBJECT", "IDLETIME"): same_kind, ("OBJECT", "FREQ"): same_kind,
    ("DEBUG", "OBJECT"): debug_object, ("MEMORY", "USAGE"): same_kind, ("MEMORY", "STATS"): same_fields,
    ("MEMORY", "DOCTOR"): same_kind, ("MEMORY", "MALLOC-STATS"): same_kind,
    ("SLOWLOG", "GET"): slowlog, ("SLOWLOG", "LEN"): same_kind,
    ("XPENDING",): stream_times, ("XINFO",): stream_times,
    ("COMMAND", "COUNT"): same_kind, ("PUBSUB", "CHANNELS"): unordered,
    ("SMEMBERS",): unordered, ("SINTER",): unordered, ("SUNION",): unordered, ("SDIFF",): unordered,
    ("SPOP",): same_count, ("SRANDMEMBER",): same_count, ("SSCAN",): element_scan,
    ("ZRANDMEMBER",): same_count, ("ZSCAN",): element_scan,
    ("DUMP",): lambda command, a, b: a[:1] == b"$" == b[:1] and not a.startswith(b"$-1")
    and not b.startswith(b"$-1"),  # dumps.py checks what the payloads hold.
}


def agree(command, subject, oracle):
    if not subject.strip() or not oracle.strip() or subject[:1] == b"(" or oracle[:1] == b"(":
        return False
    upper = words(command)
    rule = RULES.get(tuple(upper[:2])) or RULES.get(tuple(upper[:1]))
    try:
        return bool(rule and rule(command, subject, oracle))
    except (ValueError, IndexError, AttributeError, TypeError):
        return False


__all__ = ["RULES", "agree", "is_subsequence", "name_of", "words", "Push", "ReplyError"]
