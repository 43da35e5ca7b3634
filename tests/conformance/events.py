"""Keyspace notifications: the same random commands cause the same events, in the same order.

A subscriber of each server hears everything. Behind each command a marker is published, so that
events are compared together with the command that caused them; a transaction counts as one.
"""

import random

import script
from generate import Generator, as_integer
from generate_table import table_of
from harness.resp import Client
from pair import CLOSED, NO_REPLY, Link

BATCH = 100
MARKER = [b"PUBLISH", b"marker", b"."]
# Also some of the classes only, to see that the others are left out.
CLASSES = ["KEAmn", "KEAmn", "KEAmn", "K$g", "Eglshzt", "KEx", "KEmn", "A", "m", ""]


class Listener:
    def __init__(self, server):
        self.client = Client(server.address, timeout=5.0)
        self.client.send("PSUBSCRIBE", "__key*", "marker")
        self.client.read(), self.client.read()

    def until_marker(self):
        """What was published up to the next marker, a line for each event."""
        events = []
        while True:
            message = self.client.read()
            if message[1] == b"marker":
                return b"\n".join(events)
            events.append(b" ".join(message[2:]))

    def close(self):
        self.client.close()


def misses_differ(command):
    """Of a command alone known_differences.py says which lookups 7.0 makes otherwise; a transaction is compared whole."""
    name = command[0].upper()
    if name in (b"BITCOUNT", b"BITPOS"):
        words = [word for word in command[2:] if word.upper() not in (b"BIT", b"BYTE")]
        return len(words) not in ((0, 2) if name == b"BITCOUNT" else (1, 2, 3)) or None in map(as_integer, words)
    return name in (b"SORT", b"SORT_RO")


def with_markers(commands):
    queued = False
    for command in commands:
        if queued and misses_differ(command):
            continue
        yield command
        name = command[0].upper()
        queued = name == b"MULTI" or (queued and name not in (b"EXEC", b"DISCARD"))
        if not queued:
            yield MARKER


def compare(subject, oracle, report, commands, seed):
    """Half of the commands in each protocol."""
    print(f"events of random commands: --seed {seed} --commands {commands}")
    table = table_of(oracle)
    for resp in (2, 3):
        compare_in(resp, subject, oracle, report, commands // 2, seed, table)


def compare_in(resp, subject, oracle, report, commands, seed, table):
    for server in (subject, oracle):
        script.reset(server)
    generator, classes = Generator(seed * 2 + resp, table), random.Random(seed)
    listeners = [Listener(subject), Listener(oracle)]
    link = Link(subject, oracle, resp)
    try:
        while commands > 0:
            letters = classes.choice(CLASSES)
            for client in link.clients:
                client.call("CONFIG", "SET", "notify-keyspace-events", letters)
            batch = generator.commands(min(BATCH, commands))
            commands -= len(batch)
            where, history = f"events {letters!r} (seed {seed}, RESP{resp})", []
            for command, ours, theirs in link.batch(with_markers(batch)):
                if NO_REPLY in (ours, theirs) or CLOSED in (ours, theirs):
                    return report.add(where, command, ours, theirs, history[-6:])
                if command is not MARKER:
                    history.append(command)
                elif not report.check(where, history[-1], *(each.until_marker() for each in listeners),
                                      history[-8:-1]):
                    return None
    finally:
        link.close()
        for each in listeners:
            each.close()
    return None
