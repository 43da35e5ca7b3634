#!/usr/bin/python3
"""Writers that know the slots of a cluster, follow redirects, and remember what was acknowledged.

Each writer sets keys of its own, one after the other, each of another slot. The careful ones also ask with WAIT
how many replicas have it. Redirects (MOVED, ASK, TRYAGAIN, and what a fresh map of the slots settles) are followed
and only counted. Any other trouble ends the attempt: such a write counts neither as acknowledged nor as lost.
SIGTERM ends it; the record goes to --out as JSON.
"""

import argparse
import binascii
import json
import signal
import socket
import sys
import threading
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.resp import Client, Closed, ReplyError  # noqa: E402

SLOTS = 16384
HOPS = 16  # Redirects of one write.
REFRESH_S = 0.25  # Between looks at the map, as clients do beside what redirects tell them.
TROUBLE = (OSError, Closed)


def slot_of(key):
    return binascii.crc_hqx(key.encode(), 0) % SLOTS


class GaveUp(Exception):
    """A write that no node took."""


class Map:
    """Who owns which slot, as a node said; one writer's own."""

    def __init__(self, seeds):
        self.seeds = seeds
        self.owners = [None] * SLOTS
        self.read_at = 0.0

    def read(self, without=None):
        """Asks node after node, `without` last; True when one answered."""
        for host in sorted(self.seeds, key=lambda host: host == without):
            try:
                with Client(self.address(host), timeout=0.5, connect_timeout=0.3) as client:
                    rows = client.call("CLUSTER", "SLOTS")
            except (*TROUBLE, ReplyError):
                continue
            for first, last, primary, *_ in rows:
                name = (primary[0] or b"").decode()
                if name not in ("", "?"):  # A name that has not got around yet.
                    self.owners[first:last + 1] = [f"{name}:{primary[1]}"] * (last - first + 1)
            self.read_at = time.monotonic()
            return True
        return False

    @staticmethod
    def address(host):
        name, port = host.rsplit(":", 1)
        return (socket.gethostbyname(name), int(port))


class Writer(threading.Thread):
    def __init__(self, number, seeds, timeout, stopping, replicas):
        super().__init__(daemon=True)
        self.number, self.timeout, self.stopping = number, timeout, stopping
        self.replicas = replicas  # How many it waits for; 0: it does not ask.
        self.map = Map(seeds)
        self.clients = {}
        self.acknowledged = []  # (sequence, when it was sent, when acknowledged, by whom, replicas that have it)
        self.attempted = 0
        self.troubles, self.redirects = Counter(), Counter()

    def client(self, host):
        if host not in self.clients:
            self.clients[host] = Client(Map.address(host), self.timeout, connect_timeout=0.3)
        return self.clients[host]

    def drop(self, host):
        if host in self.clients:
            self.clients.pop(host).close()

    def write(self, key, value):
        """Who acknowledged it."""
        slot = slot_of(key)
        host, asking = self.map.owners[slot], False
        for _ in range(HOPS):
            if host is None:
                raise GaveUp("no owner")
            try:
                client = self.client(host)
                if asking:
                    client.call("ASKING")
                client.call("SET", key, value)
                return host
            except TROUBLE:
                self.drop(host)
                raise
            except ReplyError as error:
                if error.code not in ("MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN"):
                    raise
                self.redirects[error.code] += 1
                asking = error.code == "ASK" or (asking and error.code == "TRYAGAIN")
                if error.code in ("MOVED", "ASK"):
                    host = str(error).rsplit(" ", 1)[1]
                    if error.code == "MOVED":
                        self.map.owners[slot] = host
                elif error.code == "TRYAGAIN":
                    self.stopping.wait(0.002)
                else:  # Perhaps this node only has left the cluster: what do others say?
                    self.map.read(without=host)
                    if self.map.owners[slot] == host:
                        raise
                    host = self.map.owners[slot]
        raise GaveUp("sent around in circles")

    def run(self):
        while not self.stopping.is_set():
            if time.monotonic() - self.map.read_at > REFRESH_S:
                self.map.read()
            self.attempted += 1
            began = time.monotonic()
            try:
                host = self.write(f"w{self.number}:{self.attempted}", self.attempted)
            except (*TROUBLE, ReplyError, GaveUp) as error:
                self.troubles[error.code if isinstance(error, ReplyError) else type(error).__name__] += 1
                self.map.read()
                self.stopping.wait(0.01)
                continue
            self.acknowledged.append([self.attempted, began, time.monotonic(), host.rsplit(":", 1)[0], 0])
            if self.replicas:
                try:
                    self.acknowledged[-1][-1] = self.client(host).call("WAIT", self.replicas, 100)
                except (*TROUBLE, ReplyError):
                    self.drop(host)  # The next write notices what is wrong.


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", required=True, help="host:port,host:port")
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--careful", type=int, default=0, help="so many of the writers use WAIT")
    parser.add_argument("--replicas", type=int, default=1, help="what the careful ones wait for")
    parser.add_argument("--timeout", type=float, default=0.5, help="seconds to wait for an answer")
    parser.add_argument("--at-most", type=float, default=120, help="ends by itself after so many seconds")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()

    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    writers = [Writer(number, options.nodes.split(","), options.timeout, stopping,
                      options.replicas if number < options.careful else 0)
               for number in range(options.writers)]
    for writer in writers:
        writer.start()
    stopping.wait(options.at_most)
    stopping.set()
    for writer in writers:
        writer.join(10)
    Path(options.out).write_text(json.dumps({
        "acknowledged": [[writer.number, *entry] for writer in writers for entry in writer.acknowledged],
        "attempted": sum(writer.attempted for writer in writers),
        "redirects": sum((writer.redirects for writer in writers), Counter()),
        "troubles": sum((writer.troubles for writer in writers), Counter())}))


if __name__ == "__main__":
    main()
