"""Sets the path up for tests that run as plain programs, and holds what several of them need."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness import binaries  # noqa: E402
from harness.processes import HOST, Story, eventually  # noqa: E402
from harness.resp import Client, Closed, ReplyError  # noqa: E402

SUBJECT, ORACLE = binaries.subject(), binaries.oracle()


def fill(server, count=5000):
    """Strings of many sizes in two databases, some with an expiry far away, lists, sets, sorted sets and hashes of all
    forms, and streams."""
    with server.client(timeout=30) as client:
        for database in (0, 7):
            client.call("SELECT", database)
            commands = []
            for i in range(count // 2):
                commands.append(["SET", f"key:{i}", "v" * (i % 97) + str(i)])
                if i % 10 == 0:
                    commands.append(["SET", f"volatile:{i}", i, "EX", 100000 + i])
                if i % 500 == 0:
                    commands.append(["SET", f"big:{i}", ("abcdefgh" * 5000)[:i * 13 + 1]])
                if i % 7 == 0:
                    commands.append(["SET", f"number:{i}", i * 1_000_003 - 10**9])
            client.pipeline(commands + list(lists(count)) + list(sets(count)) + list(sorted_sets(count)) +
                            list(streams(count)) + list(hashes(count)))


def lists(count):
    """Of one listpack and of many nodes, one of them with an element that is too large for any."""
    for size in (1, 20, 200, count):
        yield ["RPUSH", f"list:integers:{size}", *(i * i * 1009 - 70000 for i in range(size))]
        yield ["RPUSH", f"list:text:{size}", *(f"element {i}" for i in range(size)), "long" * size, "last"]


def sets(count):
    """Of integers and of text, small and large."""
    for size in (1, 20, 200, count // 5):
        yield ["SADD", f"set:integers:{size}", *(i * i * 1009 - 70000 for i in range(size))]
        yield ["SADD", f"set:text:{size}", *(f"member {i}" for i in range(size)), *range(size // 10), "long" * size]


def sorted_sets(count):
    """Small and large, with scores that are whole numbers, fractions, infinite, and all the same."""
    for size in (1, 20, 200, count // 5):
        yield ["ZADD", f"zset:{size}", *(part for i in range(size) for part in (i * 7919 % 1000 / 8, f"member {i}")),
               "inf", "top", "-inf", "bottom"]
        yield ["ZADD", f"zset:lex:{size}", *(part for i in range(size) for part in (0, i * i))]


def streams(count):
    """With and without groups, with entries that were deleted, and without any."""
    for size in (1, 20, count // 5):
        key = f"stream:{size}"
        yield from (["XADD", key, f"{i * 37}-{i % 3 + 1}", "field", f"value {i % 11}", *(["more", i] if i % 4 == 0 else [])]
                    for i in range(size))
        yield ["XGROUP", "CREATE", key, "group", "0"]
        yield ["XREADGROUP", "GROUP", "group", "consumer", "COUNT", size // 2 + 1, "STREAMS", key, ">"]
        yield ["XDEL", key, "0-1", "37-2"]


def hashes(count):
    """Small and large, with numbers and long values."""
    for size in (1, 20, 128, 129, count // 5):
        pairs = [(f"field {i}", i * 1009 if i % 3 else f"value {i}" * (i % 5)) for i in range(size)]
        yield ["HSET", f"hash:{size}", *(part for pair in pairs for part in pair)]
    yield ["HSET", "hash:long", "f" * 300, "v" * 70_000, "17", "x"]


__all__ = ["Client", "Closed", "HOST", "ORACLE", "ReplyError", "SUBJECT", "Story", "eventually", "fill"]
