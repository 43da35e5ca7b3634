#!/usr/bin/python3
"""Streams and their groups in files and in replication, both ways with redis-server 7.0.15: DEBUG DIGEST says nothing
of groups, so what XINFO STREAM FULL says is compared. And clients that wait for entries of both."""

import random
import threading
import unittest

from stories import HOST, ORACLE, SUBJECT, Story, eventually

KEYS = ["s:1", "s:2", "s:empty", "s:long"]


def begin(client):
    client.call("XADD", "s:empty", "5-1", "f", "v")
    client.call("XDEL", "s:empty", "5-1")
    client.pipeline([["XADD", "s:long", f"{i}-{i % 7}", "field", f"value {i}", "number", i] for i in range(1, 3000)])
    for key in KEYS:
        for group in ("g1", "g2"):
            client.call("XGROUP", "CREATE", key, group, "0", "MKSTREAM")
            for consumer in ("a", "b", "c"):
                client.call("XGROUP", "CREATECONSUMER", key, group, consumer)


def work(client, seed, rounds=range(1, 400)):
    """Commands of all kinds, of which every outcome but the times is known."""
    rng = random.Random(seed)
    for i in rounds:
        key, group, consumer = rng.choice(KEYS), rng.choice(["g1", "g2"]), rng.choice("abc")
        old = f"{rng.randrange(1, 3000 + i)}-{rng.randrange(7)}"
        client.pipeline([
            ["XADD", key, f"{3000 + i}-*", "f", "x" * rng.randrange(60), *(["g", i] if i % 3 else [])],
            ["XADD", key, "MAXLEN", "~", rng.choice([50, 2000]), f"{3000 + i}-*", "f", i],
            ["XREADGROUP", "GROUP", group, consumer, "COUNT", rng.randrange(1, 20), "STREAMS", key, ">"],
            ["XREADGROUP", "GROUP", group, consumer, "COUNT", 2, *(["NOACK"] if i % 9 == 0 else []), "STREAMS", key, ">"],
            ["XACK", key, group, old, f"{3000 + i - 3}-0", f"{3000 + i - 1}-1"],
            ["XDEL", key, old],
            ["XCLAIM", key, group, rng.choice("abc"), 0, old, f"{3000 + i - 2}-0", "TIME", 1000 + i, "RETRYCOUNT", i],
            *([["XAUTOCLAIM", key, group, consumer, 0, old, "COUNT", 3]] if i % 5 == 0 else []),
            *([["XTRIM", key, "MINID", "~", old]] if i % 11 == 0 else []),
            *([["XGROUP", "SETID", key, group, old]] if i % 50 == 0 else []),
        ])


TIMES = {b"seen-time", b"active-time"}
READ = {b"entries-read", b"lag"}


def without(fields, value):
    if not isinstance(value, list):
        return value
    if any(isinstance(name, bytes) and name in fields for name in value):
        pairs = zip(value[::2], value[1::2])
        return [[name, without(fields, item)] for name, item in pairs if name not in fields]
    return [without(fields, item) for item in value]


def state(server, fields):
    with server.client(timeout=30) as client:
        return [without(fields, client.call("XINFO", "STREAM", key, "FULL", "COUNT", "0")) for key in KEYS]


class Streams(Story):
    def assertSameStreams(self, one, other, but=frozenset()):
        """In all but when consumers were seen, which 7.0 has no words for."""
        self.maxDiff = 2000
        for key, a, b in zip(KEYS, state(one, TIMES | but), state(other, TIMES | but)):
            self.assertEqual(a, b, key)
        self.assertEqual(one.digest(), other.digest())

    def carried_over(self, writer, reader, seed):
        source = self.lab.server(f"writer-{seed}", writer)
        with source.client(timeout=30) as client:
            begin(client)
            work(client, seed)
            client.call("SAVE")
        folder = self.lab.folder / f"reader-{seed}"
        folder.mkdir()
        (folder / "dump.rdb").write_bytes((source.folder / "dump.rdb").read_bytes())
        self.assertSameStreams(source, self.lab.server(f"reader-{seed}", reader))

    def test_files_of_ours_are_read_by_redis(self):
        self.carried_over(SUBJECT, ORACLE, 1)

    def test_files_of_redis_are_read_by_us(self):
        self.carried_over(ORACLE, SUBJECT, 2)

    def test_our_own_files(self):
        self.carried_over(SUBJECT, SUBJECT, 3)

    def followed(self, primary_build, replica_build, seed):
        primary = self.lab.server(f"primary-{seed}", primary_build)
        with primary.client(timeout=30) as client:
            begin(client)
            work(client, seed, range(1, 100))
            replica = self.lab.server(f"replica-{seed}", replica_build, replicaof=[HOST, primary.port])
            replica.wait_in_sync(primary)
            work(client, seed, range(100, 500))
        replica.wait_in_sync(primary)
        # Redis 7.0 does not tell its replicas how many entries a group has read, but with NOACK.
        self.assertSameStreams(primary, replica, READ if primary_build.is_stock else frozenset())

    def test_redis_follows_us(self):
        self.followed(SUBJECT, ORACLE, 4)

    def test_we_follow_redis(self):
        self.followed(ORACLE, SUBJECT, 5)

    def test_we_follow_ourselves(self):
        self.followed(SUBJECT, SUBJECT, 6)

    def test_a_snapshot_while_entries_come_is_one_moment(self):
        """The last entry of each stream names the length that all have then."""
        server = self.lab.server("written")
        keys = [f"long:{i}" for i in range(4)]
        with server.client(timeout=30) as client:
            for key in keys:
                client.call("XGROUP", "CREATE", key, "g", "0", "MKSTREAM")
            number = 0

            def add():
                nonlocal number
                number += 1
                client.pipeline([["MULTI"], *(["XADD", key, f"{number}-1", "n", number] for key in keys),
                                 *(["XREADGROUP", "GROUP", "g", "c", "STREAMS", key, ">"] for key in keys),
                                 *(["XDEL", key, f"{number // 2}-1"] for key in keys), ["EXEC"]])
            for _ in range(4000):
                add()
            client.call("BGSAVE")
            begun = number
            while server.info("persistence")["rdb_bgsave_in_progress"] == "1" or number < begun + 50:
                add()
        folder = self.lab.folder / "moment"
        folder.mkdir()
        (folder / "dump.rdb").write_bytes((server.folder / "dump.rdb").read_bytes())
        reader = self.lab.server("moment", ORACLE)
        with reader.client(timeout=30) as client:
            lengths, last = set(), set()
            for key in keys:
                lengths.add(client.call("XLEN", key))
                last.add(client.call("XREVRANGE", key, "+", "-", "COUNT", 1)[0][0])
                pending = client.call("XPENDING", key, "g")
                self.assertEqual(pending[2], client.call("XREVRANGE", key, "+", "-", "COUNT", 1)[0][0])
            self.assertEqual((len(lengths), len(last)), (1, 1))

    def test_a_group_of_waiting_consumers_gets_each_entry_once(self):
        server = self.lab.server("queue")
        server.call("XGROUP", "CREATE", "jobs", "workers", "$", "MKSTREAM")
        got, lock = [], threading.Lock()

        def consume(name):
            with server.client(timeout=30) as client:
                while True:
                    reply = client.call("XREADGROUP", "GROUP", "workers", name, "COUNT", 3, "BLOCK", 0, "STREAMS", "jobs", ">")
                    for entry_id, fields in reply[0][1]:
                        if fields[1] == b"stop":
                            client.call("XACK", "jobs", "workers", entry_id)
                            return
                        with lock:
                            got.append(int(fields[1]))
                        client.call("XACK", "jobs", "workers", entry_id)
        workers = [threading.Thread(target=consume, args=(f"w{i}",)) for i in range(5)]
        for worker in workers:
            worker.start()
        with server.client(timeout=30) as client:
            for i in range(500):
                client.call("XADD", "jobs", "*", "job", i)
            eventually(lambda: len(got) == 500, 20, "all jobs are done")
            for worker in workers:
                # One at a time: a worker takes up to three.
                alive = sum(one.is_alive() for one in workers)
                client.call("XADD", "jobs", "*", "job", "stop")
                eventually(lambda: sum(one.is_alive() for one in workers) < alive, 20, "a worker stops")
            self.assertEqual(sorted(got), list(range(500)))
            self.assertEqual(client.call("XPENDING", "jobs", "workers")[0], 0)
            self.assertEqual(client.call("XINFO", "GROUPS", "jobs")[0][-1], 0)


if __name__ == "__main__":
    unittest.main()
