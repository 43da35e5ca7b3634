"""Client-side caching: the same random commands make the same keys invalid.

A client of each server tracks all keys (CLIENT TRACKING ON BCAST) and hears, behind each command, a
marker. Commands go one by one, because what is told together depends on what is read together.
"""

import script
from generate import Generator
from generate_table import table_of
from harness.resp import Client
from pair import CLOSED, NO_REPLY, Link

BATCH = 100
MARKER = [b"PUBLISH", b"marker", b"."]


class Listener:
    def __init__(self, server):
        self.client = Client(server.address, timeout=5.0)
        self.client.call("HELLO", "3")
        self.client.call("CLIENT", "TRACKING", "ON", "BCAST")
        self.client.send("SUBSCRIBE", "marker")
        self.client.read()

    def until_marker(self):
        """What became invalid up to the next marker, a line for each key; `*` for all of them."""
        keys = set()
        while True:
            kind, *rest = self.client.read()
            if kind == b"message":
                return b"\n".join(sorted(keys))
            keys.update([b"*"] if rest[0] is None else rest[0])

    def close(self):
        self.client.close()


def compare(subject, oracle, report, commands, seed):
    print(f"invalidations of random commands: --seed {seed} --commands {commands}")
    for server in (subject, oracle):
        script.reset(server)
    generator, history = Generator(seed, table_of(oracle)), []
    listeners = [Listener(subject), Listener(oracle)]
    link, markers = Link(subject, oracle), Link(subject, oracle)  # (One queues while it is in a transaction.)
    try:
        for _ in range(0, commands, BATCH):
            for command in generator.commands(BATCH):
                # Redis tells nobody that databases changed places (server/session/README.md).
                if command[0].upper() == b"SWAPDB":
                    continue
                for where, words in ((link, command), (markers, MARKER)):
                    (_, ours, theirs), = where.batch([words])
                    if NO_REPLY in (ours, theirs) or CLOSED in (ours, theirs):
                        return report.add("invalidations", words, ours, theirs, history[-6:])
                report.check(f"invalidations (seed {seed})", command, *(each.until_marker() for each in listeners),
                             history[-6:])
                history.append(command)
    finally:
        link.close()
        markers.close()
        for each in listeners:
            each.close()
    return None
