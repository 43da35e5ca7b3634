"""Where Redan answers otherwise than redis-server 7.0.15 on purpose, each with its reason.

Redan follows Redis 7.2; the oracle that Debian 12 has is 7.0.15. A difference belongs here only
when 7.2 itself answers as we do, or when a README of ours promises the deviation.
"""

import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Callable

import rules
from harness.resp import parse
from rules import words


@dataclass(frozen=True)
class Known:
    name: str
    reason: str
    applies: Callable  # (words, subject, oracle) -> bool

    def covers(self, command, subject, oracle):
        return bool(self.applies(words(command), subject, oracle))


def _newer(*start):
    """A verb of 7.2 that 7.0.15 refuses as unknown."""
    def applies(upper, subject, oracle):
        return (tuple(upper[:len(start)]) == start and
                (b"unknown command" in oracle or b"unknown subcommand" in oracle or
                 b"Unknown" in oracle))
    return applies


def _cut_at_zero(upper, subject, oracle):
    """Errors that agree once ours is cut, in each quoted word, where Redis' C strings end."""
    if not (subject[:1] == oracle[:1] == b"-" and b"\x00" in subject):
        return False
    cut = re.sub(rb"\x00[^'\r]*", b"", subject)
    # The list of arguments ends after 128 bytes, which the rest behind a zero byte uses up.
    return cut == oracle or (b"with args beginning" in cut and oracle.startswith(cut.rstrip(b"' \r\n")))


def _shared_value(upper, subject, oracle):
    return upper[:2] == ["OBJECT", "REFCOUNT"] and subject == b":1\r\n" and oracle in (b":2147483647\r\n", b":2\r\n")


def _help(upper, subject, oracle):
    return upper[1:2] == ["HELP"] and subject[:1] == oracle[:1] == b"*"


def _whole_float(upper, subject, oracle):
    return upper[:2] == ["OBJECT", "ENCODING"] and b"int" in subject and b"embstr" in oracle


def _listpack_set(upper, subject, oracle):
    """7.0 has no small form for sets of text. (Hashes by the names that the generator gives them.)"""
    return (upper[:2] in (["OBJECT", "ENCODING"], ["DEBUG", "OBJECT"]) and not upper[2].startswith("HASH") and
            b"listpack" in subject and b"hashtable" in oracle)


def _words_before_key(upper, subject, oracle):
    """The words of BITCOUNT and BITPOS are wrong, and so is the key, or there is none."""
    if upper[0] not in ("BITCOUNT", "BITPOS"):
        return False
    if subject == b"" and len(upper) > (2 if upper[0] == "BITCOUNT" else 3):  # Events: nothing was looked for.
        return all(b"keymiss" in event for event in oracle.split(b"\n__"))
    return subject[:4] == b"-ERR" and (oracle.startswith(b"-WRONGTYPE") or oracle in (b":0\r\n", b":-1\r\n"))


def _rank_with_score(upper, subject, oracle):
    return upper[:1] in (["ZRANK"], ["ZREVRANK"]) and len(upper) == 4 and (
        b"wrong number of arguments" in oracle or (oracle == b"" and b" keymiss" in subject))  # Events.


def _rank_metadata(upper, subject, oracle):
    return (upper[1:2] in (["ZRANK"], ["ZREVRANK"]) and upper[0] in ("COMMAND INFO", "COMMAND DOCS") and
            upper[2] in ("ARITY", "ARGUMENTS"))


def _compact_list(upper, subject, oracle):
    return upper[:2] == ["OBJECT", "ENCODING"] and b"listpack" in subject and b"quicklist" in oracle


def _timeout_range(upper, subject, oracle):
    return b"timeout is out of range" in subject and (b"timeout is negative" in oracle or upper[:1] == ["WAIT"])


def _read_too_much(upper, subject, oracle):
    """Groups whose count went round in Redis; all else must agree."""
    if upper[:2] not in (["XINFO", "GROUPS"], ["XINFO", "STREAM"]) or subject[:1] != oracle[:1] or subject[:1] not in b"*%":
        return False
    ours, theirs = _flat(parse(subject)[0]), _flat(parse(oracle)[0])
    return _forget_rounds(ours, theirs) and rules.alike(ours, theirs)


def _flat(value):
    if isinstance(value, dict):
        value = [part for pair in value.items() for part in pair]
    return list(map(_flat, value)) if isinstance(value, list) else value


def _forget_rounds(ours, theirs):
    """Makes counts that went round, and the lags that follow from them, the same; true if there are any."""
    if not isinstance(ours, list) or not isinstance(theirs, list) or len(ours) != len(theirs):
        return False
    if b"entries-read" in theirs[::2]:
        at = theirs.index(b"entries-read") + 1
        if theirs[at] is not None and theirs[at] < -1 and (ours[at] is None or ours[at] >= 0):
            lag = theirs.index(b"lag") + 1
            ours[at], ours[lag] = theirs[at], theirs[lag]
            return True
    return any([_forget_rounds(*pair) for pair in zip(ours, theirs)])


def _sort_misses(upper, subject, oracle):
    """Events: what BY and GET look for in vain comes in the order of Redis' hash table, and after an error not at all."""
    if upper[0] not in ("SORT", "SORT_RO") or not subject.startswith(b"__key"):
        return False
    ours, theirs = (Counter(events.split(b"\n__")) if events else Counter() for events in
                    (b"\n" + subject, b"\n" + oracle if oracle else b""))
    return all(b"keymiss" in event for event in ours if event) and (
        ours == theirs or ("ALPHA" not in upper and theirs <= ours))


def _shortest_doubles(upper, subject, oracle):
    """The same value in both, each in the words of its own version; all else must agree."""
    return (subject[:1] == oracle[:1] and subject.startswith((b"$", b",", b"*", b"%", b"~")) and
            _same_doubles(parse(subject)[0], parse(oracle)[0]))


def _same_doubles(ours, theirs):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        ours, theirs = ([part for pair in value.items() for part in pair] for value in (ours, theirs))
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_same_doubles, ours, theirs))
    if ours == theirs or not isinstance(ours, bytes) or not isinstance(theirs, bytes):
        return ours == theirs
    try:
        value = float(theirs)
    except ValueError:
        return False
    return theirs == b"%.17g" % value and ours == double_of_7_2(value)


def double_of_7_2(value):
    """The fewest digits, as fpconv of 7.2 sets them; whole numbers below 2^62 as integers."""
    if abs(value) < 2**62 and value == int(value):
        return b"%d" % int(value)
    sign, digits, power = Decimal(repr(value)).normalize().as_tuple()  # value = digits * 10^power
    text = "".join(map(str, digits))
    exponent = power + len(text) - 1
    if power >= 0 and exponent < len(text) + 7:
        text += "0" * power
    elif power < 0 and (power > -7 or abs(exponent) < 4):
        text = text.rjust(1 - power, "0")
        text = f"{text[:power]}.{text[power:]}"
    else:
        text = f"{text[0]}{'.' if len(text) > 1 else ''}{text[1:]}e{exponent:+d}"
    return ("-" * sign + text).encode()


def _behind_the_text(upper, subject, oracle):
    """One run of zeros more, made of the zero byte with which Redis ends a string: n - 1 is a multiple of 256."""
    if upper[:2] != ["PFDEBUG", "DECODE"] or not subject[:1] == oracle[:1] == b"$":
        return False
    ours, theirs = parse(subject)[0], parse(oracle)[0]
    last = re.fullmatch(rb"(?:(.*) )?Z:(\d+)", theirs or b"", re.DOTALL)
    return last is not None and (last[1] or b"") == ours and int(last[2]) % 256 == 1 and int(last[2]) <= 16_384


def _null_of_the_other(upper, subject, oracle):
    """A redirected invalidation of everything."""
    ends = (b"invalidate\r\n_\r\n", b"invalidate\r\n$-1\r\n")
    return any(subject.endswith(one) and oracle == subject.removesuffix(one) + other for one, other in (ends, ends[::-1]))


KNOWN = [
    Known("pfdebug-invalidates", "PFDEBUG may change the text that GET reads, which Redis tells no client-side cache",
          lambda upper, subject, oracle: upper[0] == "PFDEBUG" and oracle == b"" and subject == upper[2].encode("latin-1").lower()),
    Known("redirected-null", "Redis writes the null of a redirected invalidation in the protocol of the client that tracks, which "
          "may be another than that of the client that reads it", _null_of_the_other),
    Known("shortest-doubles", "7.2 writes doubles with the fewest digits that read back, 7.0 with up to 17",
          _shortest_doubles),
    Known("sort-misses", "SORT of a set looks for its keys in the order of a hash table, of which Redis has another, and 7.0 "
          "stops where a command before met a number out of range", _sort_misses),
    Known("read-too-much", "Redis counts what a group read on from 2^63-1 to -2^63, which its XGROUP then refuses from its "
          "own primary; ours stays there", _read_too_much),
    Known("lpos-least-rank", "7.2 refuses the RANK that has no positive counterpart",
          lambda upper, subject, oracle: upper[:1] == ["LPOS"] and "-9223372036854775808" in upper and
          subject == b"-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807\r\n"),
    Known("sorted-zset", "Redis' SORT leaves a small sorted set as a skiplist; ours does not change what it reads",
          lambda upper, subject, oracle: upper[:3] == ["OBJECT", "ENCODING", "NUM:ZSET"] and
          b"listpack" in subject and b"skiplist" in oracle),
    Known("sort-after-range-error", "7.0 takes a number for none once some command before met one that was out of range",
          lambda upper, subject, oracle: upper[0] in ("SORT", "SORT_RO") and "ALPHA" not in upper and
          oracle == b"-ERR One or more scores can't be converted into double\r\n" and subject[:1] == b"*"),
    Known("zrank-withscore", "ZRANK and ZREVRANK of 7.2 know WITHSCORE", _rank_with_score),
    Known("zrank-arity", "ZRANK and ZREVRANK of 7.2 know WITHSCORE", _rank_metadata),
    Known("set-listpack", "7.2 keeps small sets as listpacks (set-max-listpack-entries)", _listpack_set),
    Known("client-setinfo", "CLIENT SETINFO came with 7.2", _newer("CLIENT", "SETINFO")),
    Known("client-no-touch", "CLIENT NO-TOUCH came with 7.2", _newer("CLIENT", "NO-TOUCH")),
    Known("set-conditions", "SET knows IFEQ, IFNE, IFDEQ and IFDNE of 8.4 too",
          lambda upper, subject, oracle: upper[:3] == ["COMMAND DOCS", "SET", "ARGUMENTS"] and b"IFEQ" in subject),
    Known("waitaof", "WAITAOF came with 7.2", _newer("WAITAOF")),
    Known("hello-noauth", "7.2 names <proto> in the error that asks for AUTH in HELLO",
          lambda upper, subject, oracle: upper[:1] == ["HELLO"] and
          subject.replace(b"HELLO <proto> AUTH", b"HELLO AUTH") == oracle),
    Known("loglevel-nothing", "7.2 has the log level 'nothing'",
          lambda upper, subject, oracle: "LOGLEVEL" in upper and
          subject.replace(b", nothing\r\n", b"\r\n") == oracle),
    Known("zero-byte", "Redis ends an argument that an error repeats at its first zero byte; we show all of it",
          _cut_at_zero),
    Known("shared-values", "Redis shares the objects of small integers, and of a transaction's words until it ends; our values "
          "are in their entry", _shared_value),
    Known("incrbyfloat-encoding", "Redis keeps a whole number from INCRBYFLOAT as text, but its replicas keep it as "
          "a number, as we do everywhere", _whole_float),
    Known("cluster-meet-port", "7.2 says 'base port' and 'bus port' where 7.0 says 'TCP base port'",
          lambda upper, subject, oracle: upper[:2] == ["CLUSTER", "MEET"] and
          subject.replace(b"-ERR Invalid b", b"-ERR Invalid TCP b") == oracle),
    Known("cluster-human-nodename", "7.2 has cluster-announce-human-nodename",
          lambda upper, subject, oracle: upper[:2] == ["CONFIG", "GET"] and
          subject.replace(b" b'cluster-announce-human-nodename',", b"") == oracle),
    Known("bit-words", "7.2 reads the words of BITCOUNT and BITPOS before it looks for the key", _words_before_key),
    Known("pfmerge-getkeys", "Redis finds no keys in a PFMERGE without sources, which it executes; ours are those that "
          "it uses", lambda upper, subject, oracle: upper in (["COMMAND", "GETKEYS", "PFMERGE", "D"],
                                                                 ["COMMAND", "GETKEYSANDFLAGS", "PFMERGE", "D"])),
    Known("hll-unshared", "Redis makes a HyperLogLog's text its own even where no register then changes",
          lambda upper, subject, oracle: upper[:2] == ["OBJECT", "ENCODING"] and upper[2:3] == ["HLL:BAD"] and
          b"embstr" in subject and b"raw" in oracle),
    Known("hll-cut-run", "Redis' PFDEBUG DECODE takes the byte behind a text whose last run is cut off for the rest of the run",
          _behind_the_text),
    Known("compact-lists", "7.2 keeps a small list as one listpack", _compact_list),
    Known("timeout-range", "7.2 says that a timeout which no clock reaches is out of range", _timeout_range),
    Known("xread-unbalanced", "7.2 names the command, and for XREADGROUP the ID >, in the error about an odd number of "
          "words behind STREAMS",
          lambda upper, subject, oracle: upper[:1] in (["XREAD"], ["XREADGROUP"]) and
          oracle.startswith(b"-ERR Unbalanced XREAD list") and subject.startswith(b"-ERR Unbalanced '")),
    Known("xadd-sequence-exhausted", "7.0 says of <ms>-* behind the last sequence number what it says of too large "
          "entries; 7.2 says that the ID is too small",
          lambda upper, subject, oracle: upper[:1] == ["XADD"] and
          oracle == b"-ERR Elements are too large to be stored\r\n" and b"equal or smaller" in subject),
    Known("help-words", "HELP is made from the command table, in 7.2's words", _help),
]


def reason(name):
    return next(known.reason for known in KNOWN if known.name == name)
