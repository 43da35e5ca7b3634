#!/usr/bin/env python3
"""All threads of a data node at work at once: snapshots to disk and to replicas, values that are freed behind the clients'
backs, the cluster's bus, options that change. Replicas end with their primary's data. In a build with ThreadSanitizer
(tests/README.md) the same stories tell of races."""

import random
import threading
import unittest

import stories  # noqa: F401
from harness import races
from harness.cluster import Cluster
from harness.processes import report_into
from stories import Closed, HOST, ReplyError, Story, SUBJECT, eventually

ROUNDS = 6
LARGE = 3000  # Elements of a value that is large enough for the thread that frees.


class Clients:
    """Each its own connection and its own mix, until they are told to stop; errors that are not the server's choice fail."""

    def __init__(self, server, count=4):
        self.server, self.stopping, self.errors, self.done = server, False, [], 0
        self.threads = [threading.Thread(target=self.run, args=(number,), daemon=True) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        dice = random.Random(number)
        try:
            with self.server.client(timeout=60) as client:
                while not self.stopping:
                    client.pipeline([self.command(dice) for _ in range(30)])
                    self.done += 30
        except (OSError, Closed, ReplyError, AssertionError) as error:
            self.errors.append(repr(error))

    @staticmethod
    def command(dice):
        key = dice.randrange(400)
        return dice.choice([
            ["SET", f"text:{key}", "v" * dice.randrange(2000)], ["SET", f"volatile:{key}", key, "PX", dice.randrange(1, 400)],
            ["GET", f"text:{key}"], ["APPEND", f"text:{key}", "more"], ["DEL", f"text:{key}"], ["INCR", "counter"],
            ["RPUSH", f"list:{key % 40}", *range(50)], ["LTRIM", f"list:{key % 40}", 0, 2000],
            ["HSET", f"hash:{key % 40}", key, "x" * 50, "last", key], ["SADD", f"set:{key % 40}", *range(key, key + 50)],
            ["ZADD", f"zset:{key % 40}", key, f"m{key}", key + 1, f"n{key}"], ["XADD", f"stream:{key % 5}", "*", "f", key],
            ["XTRIM", f"stream:{key % 5}", "MAXLEN", "~", 500], ["UNLINK", f"list:{key % 40}", f"large:{key % 8}"],
            ["COPY", f"zset:{key % 40}", f"zset:copy:{key % 5}", "REPLACE"], ["PUBLISH", "news", key], ["INFO"],
            ["SORT", f"set:{key % 40}", "LIMIT", 0, 5], ["SCAN", 0, "COUNT", 20], ["OBJECT", "ENCODING", f"set:{key % 40}"]])

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(60)
        return self.errors


class AllThreads(Story):
    def saved(self, server):
        return eventually(lambda: server.info("persistence")["rdb_bgsave_in_progress"] == "0", 120, "the save ends")

    def test_saves_syncs_frees_and_options_under_load(self):
        primary = self.lab.server("primary", lazyfree_lazy_server_del="yes", lazyfree_lazy_expire="yes",
                                  notify_keyspace_events="KEA", appendfsync="no")
        clients = Clients(primary)
        replicas = []
        for turn in range(ROUNDS):
            with primary.client(timeout=60) as client:
                client.pipeline([command for number in range(8) for command in (
                    ["DEL", f"large:{number}"], ["HSET", f"large:{number}", *range(2 * LARGE)])])
                client.pipeline([["BGSAVE"], ["CONFIG", "SET", "hz", 10 + turn, "maxmemory", f"{200 + turn}mb"],
                                 ["CONFIG", "SET", "loglevel", "debug" if turn % 2 else "notice"],
                                 ["CONFIG", "SET", "rdbcompression", "no" if turn % 2 else "yes"],
                                 ["CONFIG", "SET", "jemalloc-bg-thread", "no" if turn % 2 else "yes"],
                                 ["CONFIG", "SET", "repl-backlog-size", f"{1 + turn % 3}mb"],
                                 ["MEMORY", "PURGE"], ["LATENCY", "RESET"]])
                client.call("UNLINK", *(f"large:{number}" for number in range(4)))
            if turn in (1, 2):  # Beside each other, in the middle of all that.
                replicas.append(self.lab.server(f"replica-{turn}", wait=False, replicaof=[HOST, primary.port],
                                                replica_lazy_flush="yes"))
            if turn == 3:
                for replica in replicas:
                    replica.wait_ready()
                primary.call("FLUSHALL", "ASYNC")
            if turn == 4:  # Links that end in the middle of what goes through them.
                primary.call("CLIENT", "KILL", "TYPE", "replica")
            self.saved(primary)
        replicas[0].call("REPLICAOF", HOST, replicas[1].port)  # A chain, and its full or partial syncs.
        replicas[0].call("BGSAVE")
        self.assertEqual(clients.stop(), [])
        self.assertGreater(clients.done, 1000)
        replicas[1].wait_in_sync(primary, 120)
        eventually(lambda: replicas[0].digest() == replicas[1].digest() == primary.digest(), 120, "the same data everywhere")
        self.assertEqual(primary.info("persistence")["rdb_last_bgsave_status"], "ok")
        for server in (primary, *replicas):
            self.saved(server)
        primary.call("FLUSHALL", "ASYNC")

    def test_the_bus_talks_while_clients_write_and_a_node_saves(self):
        # Without suppressions, which would leave out what the bus does on gRPC's threads.
        cluster = Cluster(self.lab, 3, 1, SUBJECT, env=report_into(self.lab.folder / "races", TSAN=races.OPTIONS))
        stopping, errors = threading.Event(), []

        def write(first):
            try:
                with cluster.client(patience=60) as client:
                    number = first
                    while not stopping.is_set():
                        client.call("SET", f"key:{number}", "v" * 100)
                        number += 7
            except (AssertionError, ReplyError) as error:
                errors.append(repr(error))

        writers = [threading.Thread(target=write, args=(first,), daemon=True) for first in range(2)]
        for writer in writers:
            writer.start()
        for turn in range(3):
            for node in cluster.nodes:
                node.call("BGSAVE")
                node.call("CLUSTER", "NODES"), node.call("CLUSTER", "INFO"), node.call("CLUSTER", "SLOTS")
                node.call("CONFIG", "SET", "cluster-node-timeout", 2000 + turn)
            Cluster.run_clusterctl("reshard", f"{HOST}:{cluster.nodes[0].port}", "--slots", 30, "--yes", "--from",
                                   cluster.nodes[turn % 2].call("CLUSTER", "MYID").decode(), "--to",
                                   cluster.nodes[2].call("CLUSTER", "MYID").decode())
        replica = cluster.nodes[3]
        self.assertEqual(replica.call("CLUSTER", "FAILOVER"), "OK")
        eventually(lambda: cluster.seen(replica)[replica.port].is_primary, 60, "the replica leads")
        stopping.set()
        for writer in writers:
            writer.join(90)
        self.assertEqual(errors, [])
        cluster.wait_agreed()
        for node in cluster.nodes:
            node.stop()
        self.assertEqual("\n".join(races.found(self.lab.folder, "races")), "")


if __name__ == "__main__":
    unittest.main()
