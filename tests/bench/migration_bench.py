#!/usr/bin/env python3
"""4 096 slots with 500 000 keys of 64 bytes from one node of ours to another, while clients read and write.

    migration_bench.py [--keys 500000] [--slots 4096] [--legacy]     programs from REDAN_BIN

Prints keys per second and the clients' p50 and p99 before and during the move. --legacy moves the old way (SETSLOT,
MIGRATE) with the same tool, for comparison.
"""

import argparse
import random
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness import binaries  # noqa: E402
from harness.cluster import Cluster, SLOTS, slot_of  # noqa: E402
from harness.processes import Lab  # noqa: E402


def tags(count):
    found, number = {}, 0
    while len(found) < count:
        slot = slot_of(str(number))
        if slot < count:
            found.setdefault(slot, str(number))
        number += 1
    return [found[slot] for slot in range(count)]


class Load:
    """Threads that read and write keys of the moving slots one after the other, and time each call."""

    def __init__(self, cluster, keys, tag_of, threads=2):
        self.times, self.stopping, self.errors = [], False, []
        self.threads = [threading.Thread(target=self.run, args=(cluster, keys, tag_of), daemon=True) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self, cluster, keys, tag_of):
        draw = random.Random(1)
        try:
            with cluster.client() as client:
                while not self.stopping:
                    i = draw.randrange(keys)
                    key = f"{{{tag_of[i % len(tag_of)]}}}{i}"
                    begin = time.monotonic()
                    client.call(*(("GET", key) if i % 2 else ("SET", key, "x" * 64)))
                    self.times.append((begin, time.monotonic() - begin))
        except Exception as error:
            self.errors.append(repr(error))

    def between(self, begin, end):
        spans = sorted(span for at, span in self.times if begin <= at < end)
        if not spans:
            return "no calls"
        pick = lambda share: spans[min(len(spans) - 1, int(len(spans) * share))] * 1000
        return f"{len(spans)} calls, p50 {pick(.5):.3f} ms, p99 {pick(.99):.3f} ms, longest {spans[-1] * 1000:.1f} ms"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--keys", type=int, default=500_000)
    parser.add_argument("--slots", type=int, default=4096)
    parser.add_argument("--legacy", action="store_true")
    chosen = parser.parse_args()
    lab = Lab("bench")
    try:
        cluster = Cluster(lab, 3, 0, binaries.subject(), save="")
        nodes = {view.slots: cluster.node(port) for port, view in cluster.seen(cluster.nodes[0]).items()}
        source = next(node for slots, node in nodes.items() if slots.startswith("0-"))
        target = next(node for slots, node in nodes.items() if slots.endswith(f"-{SLOTS - 1}"))
        tag_of = tags(chosen.slots)
        with source.client(timeout=60) as client:
            for start in range(0, chosen.keys, 2000):
                client.pipeline([("SET", f"{{{tag_of[i % chosen.slots]}}}{i}", "x" * 64)
                                 for i in range(start, min(chosen.keys, start + 2000))])
        ids = {node: cluster.seen(node)[node.port].id for node in (source, target)}
        load = Load(cluster, chosen.keys, tag_of)
        time.sleep(3)
        begin = time.monotonic()
        cluster.run_clusterctl("reshard", f"127.0.0.1:{source.port}", "--from", ids[source], "--to", ids[target], "--slots",
                               chosen.slots, "--yes", *(["--legacy"] if chosen.legacy else []))
        end = time.monotonic()
        time.sleep(1)
        load.stopping = True
        for thread in load.threads:
            thread.join(10)
        print("errors:", load.errors)
        print("before:", load.between(begin - 3, begin))
        print("during:", load.between(begin, end))
        print(f"reshard: {end - begin:.2f} s with the tool, {chosen.keys / (end - begin):.0f} keys/s")
        if not chosen.legacy:
            for task in target.call("CLUSTER", "MIGRATION", "STATUS", "ALL"):
                facts = dict(zip(task[::2], task[1::2]))
                span = int(facts[b"end_time"]) - int(facts[b"create_time"])
                print(f"task: {span} ms, {int(facts[b'keys']) * 1000 // max(1, span)} keys/s, {facts[b'bytes'].decode()} bytes")
            for task in source.call("CLUSTER", "MIGRATION", "STATUS", "ALL"):
                facts = dict(zip(task[::2], task[1::2]))
                print(f"writes of the slots waited {facts[b'write_pause_ms'].decode()} ms")
    finally:
        lab.close()


if __name__ == "__main__":
    main()
