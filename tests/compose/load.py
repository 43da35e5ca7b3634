#!/usr/bin/python3
"""Writers that find the primary through the sentinels and remember what was acknowledged.

Each writer sets keys of its own, one after the other. The careful ones also ask with WAIT how many
replicas have it. Any trouble (a closed connection, no answer in time, an error) makes a writer ask the
sentinels again; such a write counts neither as acknowledged nor as lost. SIGTERM ends it; the record
goes to --out as JSON.
"""

import argparse
import json
import signal
import socket
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.resp import Client, Closed, ReplyError  # noqa: E402

TROUBLE = (OSError, Closed, ReplyError)


class Writer(threading.Thread):
    def __init__(self, number, sentinels, group, timeout, stopping, replicas):
        super().__init__(daemon=True)
        self.replicas = replicas  # How many it waits for; 0: it does not ask.
        self.number, self.sentinels, self.group = number, sentinels, group
        self.timeout, self.stopping = timeout, stopping
        self.acknowledged = []  # (sequence, when it was sent, when acknowledged, by whom, replicas that have it)
        self.attempted = 0
        self.troubles = {}
        self.client = self.host = None

    def find_primary(self):
        """The first sentinel's answer whose node says itself that it is the primary."""
        for sentinel in self.sentinels:
            try:
                with Client(sentinel, timeout=0.5, connect_timeout=0.3) as client:
                    host, port = client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.group)
                host = host.decode()
                client = Client((socket.gethostbyname(host), int(port)), self.timeout, connect_timeout=0.3)
                if client.call("ROLE")[0] == b"master":
                    self.client, self.host = client, host
                    return
                client.close()
            except (*TROUBLE, TypeError, ValueError):
                continue

    def run(self):
        while not self.stopping.is_set():
            if self.client is None:
                self.find_primary()
                if self.client is None:
                    self.stopping.wait(0.02)
                    continue
            try:
                self.attempted += 1
                began = time.monotonic()
                if self.client.call("SET", f"w{self.number}:{self.attempted}", self.attempted) == "OK":
                    self.acknowledged.append([self.attempted, began, time.monotonic(), self.host, 0])
                    if self.replicas:
                        self.acknowledged[-1][-1] = self.client.call("WAIT", self.replicas, 100)
            except TROUBLE as error:
                name = error.code if isinstance(error, ReplyError) else type(error).__name__
                self.troubles[name] = self.troubles.get(name, 0) + 1
                self.client.close()
                self.client = None


def addresses(text):
    return [(socket.gethostbyname(host), int(port)) for host, port in
            (item.rsplit(":", 1) for item in text.split(","))]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentinels", required=True, help="host:port,host:port")
    parser.add_argument("--group", default="redan")
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--careful", type=int, default=0, help="so many of the writers use WAIT")
    parser.add_argument("--replicas", type=int, default=2, help="what the careful ones wait for")
    parser.add_argument("--timeout", type=float, default=0.5, help="seconds to wait for an answer")
    parser.add_argument("--at-most", type=float, default=120, help="ends by itself after so many seconds")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()

    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    sentinels = addresses(options.sentinels)
    writers = [Writer(number, sentinels, options.group, options.timeout, stopping,
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
        "troubles": {str(writer.number): writer.troubles for writer in writers}}))


if __name__ == "__main__":
    main()
