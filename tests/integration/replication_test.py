#!/usr/bin/python3
"""Replication between real processes: Redan with Redan, and with redis-server 7.0.15 in both roles."""

import os
import re
import signal
import socket
import threading
import unittest

from stories import HOST, ORACLE, SUBJECT, ReplyError, Story, eventually, fill

from harness.proxy import Proxy


class Mixture:
    """The stories; each class below tells them with its own pair of programs."""

    primary_build = replica_build = None

    def primary(self, name="primary", **options):
        return self.lab.server(name, self.primary_build, **options)

    def replica(self, primary, name="replica", **options):
        return self.lab.server(name, self.replica_build, replicaof=[HOST, primary.port], **options)

    def replica_over_a_wire(self, primary):
        """A replica in sync, and the proxy that can cut its link."""
        wire = Proxy(self.lab, primary.port)
        self.addCleanup(wire.close)
        replica = self.lab.server("replica", self.replica_build, replicaof=[HOST, wire.port])
        replica.wait_in_sync(primary, through=wire)
        return replica, wire

    def assertSameData(self, primary, *replicas):
        for replica in replicas:
            eventually(lambda: replica.digest() == primary.digest(), 20,
                       f"{replica.name} has the digest of {primary.name}")

    def test_a_replica_gets_all_and_then_every_write(self):
        primary = self.primary()
        fill(primary)
        replica = self.replica(primary)
        replica.wait_in_sync(primary)
        self.assertSameData(primary, replica)
        with primary.client() as client:
            client.pipeline([["SELECT", 3], ["SET", "a", 1], ["INCR", "a"], ["APPEND", "a", "x"],
                             ["SET", "b", "v", "EX", 10000], ["GETEX", "b", "PERSIST"],
                             ["INCRBYFLOAT", "f", "0.1"], ["SETRANGE", "r", 5, "x"], ["RENAME", "r", "s"],
                             ["COPY", "s", "t"], ["MOVE", "t", 4], ["MULTI"], ["SET", "m", 1], ["INCR", "m"],
                             ["EXEC"], ["SWAPDB", 3, 5], ["EXPIRE", "none", 10], ["DEL", "none"],
                             ["SET", "gone", "v"], ["GETDEL", "gone"], ["FLUSHDB"]])
        replica.wait_in_sync(primary)
        self.assertSameData(primary, replica)
        self.assertEqual(primary.stat("sync_full"), 1)

    def test_writes_during_the_full_sync_arrive_once(self):
        primary = self.primary()
        fill(primary, 20000)
        stop = threading.Event()

        def write():
            with primary.client() as client:
                while not stop.is_set():
                    client.pipeline([["INCR", f"counter:{i}"] for i in range(50)])
        writer = threading.Thread(target=write)
        writer.start()
        try:
            replica = self.replica(primary)
            eventually(lambda: replica.info()["master_link_status"] == "up", 30, "the link is up")
            seen = int(primary.call("GET", "counter:1"))
            eventually(lambda: int(replica.call("GET", "counter:1") or 0) > seen, 20, "the stream goes on")
        finally:
            stop.set()
            writer.join()
        replica.wait_in_sync(primary)
        self.assertSameData(primary, replica)

    def test_a_dropped_link_is_resumed_from_the_backlog(self):
        primary = self.primary()
        fill(primary, 1000)
        replica, wire = self.replica_over_a_wire(primary)
        wire.cut()
        eventually(lambda: replica.info()["master_link_status"] == "down", 20, "the link is down")
        fill(primary, 200)
        wire.heal()
        replica.wait_in_sync(primary, through=wire)
        self.assertEqual((primary.stat("sync_full"), primary.stat("sync_partial_ok")), (1, 1))
        self.assertSameData(primary, replica)

    def test_a_killed_link_is_resumed_from_the_backlog(self):
        primary = self.primary()
        replica = self.replica(primary)
        replica.wait_in_sync(primary)
        self.assertEqual(primary.call("CLIENT", "KILL", "TYPE", "replica"), 1)
        primary.call("SET", "after", "kill")
        eventually(lambda: primary.stat("sync_partial_ok") == 1, 20, "a partial resync")
        replica.wait_in_sync(primary)
        self.assertEqual(primary.stat("sync_full"), 1)
        self.assertEqual(replica.call("GET", "after"), b"kill")

    def test_a_backlog_that_was_overrun_means_a_full_sync(self):
        primary = self.primary(repl_backlog_size="16kb")
        replica, wire = self.replica_over_a_wire(primary)
        wire.cut()
        eventually(lambda: primary.info()["connected_slaves"] == "0", 20, "the replica is gone")
        primary.call("SET", "big", "x" * 200_000)
        wire.heal()
        replica.wait_in_sync(primary, through=wire)
        self.assertEqual((primary.stat("sync_full"), primary.stat("sync_partial_ok")), (2, 0))
        self.assertEqual(primary.stat("sync_partial_err"), 1)
        self.assertSameData(primary, replica)

    def test_a_chain_passes_everything_on(self):
        primary = self.primary()
        fill(primary, 1000)
        middle = self.replica(primary, "middle")
        middle.wait_in_sync(primary)
        last = self.replica(middle, "last")
        last.wait_in_sync(middle)
        primary.call("SET", "through", "the chain")
        eventually(lambda: last.call("GET", "through") == b"the chain", 20, "the write reaches the last")
        middle.wait_in_sync(primary)
        last.wait_in_sync(middle)
        self.assertSameData(primary, middle, last)
        self.assertEqual(last.info()["master_replid"], primary.info()["master_replid"])

    def test_a_sibling_continues_after_a_promotion(self):
        primary = self.primary()
        fill(primary, 1000)
        heir, sibling = self.replica(primary, "heir"), self.replica(primary, "sibling")
        for replica in (heir, sibling):
            replica.wait_in_sync(primary)
        old_id = primary.info()["master_replid"]
        primary.stop()
        heir.call("REPLICAOF", "NO", "ONE")
        heir.call("SET", "from", "heir")
        sibling.call("REPLICAOF", HOST, heir.port)
        sibling.wait_in_sync(heir)
        self.assertEqual((heir.stat("sync_full"), heir.stat("sync_partial_ok")), (0, 1))
        self.assertEqual(heir.info()["master_replid2"], old_id)
        self.assertEqual(sibling.call("GET", "from"), b"heir")
        self.assertSameData(heir, sibling)

    def test_old_data_stays_until_the_new_is_whole(self):
        """However the directive says that a full sync is loaded, and however the primary sends it."""
        for load, stream in (("disabled", "yes"), ("swapdb", "yes"), ("on-empty-db", "yes"), ("disabled", "no")):
            with self.subTest(load=load, stream=stream):
                primary = self.primary(f"primary-{load}-{stream}", repl_diskless_sync=stream)
                with primary.client(timeout=30) as client:
                    client.pipeline([["SET", f"new:{i}", os.urandom(200)] for i in range(3000)])
                replica = self.lab.server(f"replica-{load}-{stream}", self.replica_build, repl_timeout=5,
                                          repl_diskless_load=load)
                fill(replica, 500)
                before = replica.digest()
                wire = Proxy(self.lab, primary.port)
                self.addCleanup(wire.close)
                wire.limit = 150_000  # Ends inside the transfer.
                replica.call("REPLICAOF", HOST, wire.port)
                eventually(lambda: wire.limited >= 2, 60, "two transfers broke off")
                self.assertEqual(replica.digest(), before)
                self.assertEqual(replica.call("GET", "key:1"), b"v1")
                wire.limit = None
                replica.wait_in_sync(primary, through=wire, timeout=60)
                self.assertSameData(primary, replica)
                replica.stop()
                primary.stop()

    def test_a_replica_that_cannot_save_stops_unless_it_may_go_on(self):
        """Its writes would live in its memory only."""
        primary = self.primary()
        for may in ("no", "yes"):
            replica = self.replica(primary, f"replica-{may}", save="3600 1000", replica_ignore_disk_write_errors=may)
            replica.wait_in_sync(primary)
            replica.folder.joinpath("dump.rdb").unlink(missing_ok=True)
            replica.folder.joinpath("dump.rdb", "x").mkdir(parents=True)  # Nothing can be renamed onto it.
            replica.call("BGSAVE")
            eventually(lambda: replica.info()["rdb_last_bgsave_status"] == "err", 20, "the save has failed")
            self.assertReplyError("MISCONF", replica.call, "PING")
            primary.call("SET", "k", may)
            if may == "no":
                # redis-server's report of its end crashes now and then.
                ends = [-signal.SIGABRT] + [-signal.SIGSEGV] * (self.replica_build.name == "redis")
                self.assertIn(replica.wait(), ends)
                self.assertIn("Replica was unable to write command to disk", replica.log())
            else:
                replica.wait_in_sync(primary)
                self.assertEqual(replica.call("GET", "k"), b"yes")
                self.assertEqual(replica.log().count("even though it is unable to write to disk"), 1)

    def test_packets_to_a_replica_may_be_gathered(self):
        for gather, delayed in (("no", 1), ("yes", 0)):
            primary = self.primary(f"primary-{gather}", repl_disable_tcp_nodelay=gather)
            replica = self.replica(primary, f"replica-{gather}")
            replica.wait_in_sync(primary)
            with primary.client() as client:
                line = client.call("CLIENT", "LIST", "TYPE", "replica").decode()
            descriptor = int(re.search(r" fd=(\d+) ", line)[1])
            self.assertEqual(primary.socket_option(descriptor, socket.IPPROTO_TCP, socket.TCP_NODELAY), delayed)

    def test_a_replica_refuses_writes_and_says_what_it_is(self):
        primary = self.primary()
        replica = self.replica(primary)
        replica.wait_in_sync(primary)
        self.assertReplyError("READONLY", replica.call, "SET", "k", "v")
        role = replica.call("ROLE")
        self.assertEqual(role[:4], [b"slave", HOST.encode(), primary.port, b"connected"])
        role = eventually(lambda: [part for part in [primary.call("ROLE")] if part[2]], 20,
                          "the primary lists its replica")[0]
        self.assertEqual(role[0], b"master")
        self.assertEqual(role[2][0][:2], [HOST.encode(), str(replica.port).encode()])
        replica.call("CONFIG", "SET", "replica-read-only", "no")
        self.assertEqual(replica.call("SET", "own", "v"), "OK")
        # Nobody else would end what a replica's own clients let expire.
        replica.call("SET", "short", "v", "PX", 30)
        replica.call("SADD", "shorter", "v")
        replica.call("PEXPIRE", "shorter", 20)
        self.assertEqual(replica.call("DBSIZE"), 3)
        eventually(lambda: replica.call("DBSIZE") == 1, what="its own keys expire")

    def test_stale_data_is_served_only_if_allowed(self):
        primary = self.primary()
        primary.call("SET", "k", "v")
        replica = self.replica(primary, repl_timeout=5)
        replica.wait_in_sync(primary)
        primary.stop()
        eventually(lambda: replica.info()["master_link_status"] == "down", 20, "the link is down")
        self.assertEqual(replica.call("GET", "k"), b"v")
        replica.call("CONFIG", "SET", "replica-serve-stale-data", "no")
        self.assertReplyError("MASTERDOWN", replica.call, "GET", "k")
        self.assertEqual(replica.call("CONFIG", "GET", "replica-serve-stale-data"),
                         [b"replica-serve-stale-data", b"no"])
        self.assertIn("role", replica.info("replication"))

    def test_wait_counts_the_replicas_that_have_it(self):
        primary = self.primary()
        replicas = [self.replica(primary, f"replica-{i}") for i in range(2)]
        for replica in replicas:
            replica.wait_in_sync(primary)
        with primary.client() as client:
            client.call("SET", "k", "v")
            self.assertEqual(client.call("WAIT", 2, 10000), 2)
            replicas[0].pause()
            client.call("SET", "k", "w")
            self.assertEqual(client.call("WAIT", 2, 300), 1)
            replicas[0].resume()
            self.assertEqual(client.call("WAIT", 2, 10000), 2)

    def test_min_replicas_guards_writes(self):
        primary = self.primary(min_replicas_to_write=1, min_replicas_max_lag=10)
        self.assertReplyError("NOREPLICAS", primary.call, "SET", "k", "v")
        replica = self.replica(primary)
        replica.wait_in_sync(primary)
        eventually(lambda: primary.call("SET", "k", "v") == "OK", 20, "writes are allowed")
        replica.stop()
        eventually(lambda: primary.info()["connected_slaves"] == "0", 20, "the replica is gone")
        self.assertReplyError("NOREPLICAS", primary.call, "SET", "k", "v")

    def test_an_expired_key_goes_on_the_replica_when_the_primary_says_so(self):
        primary = self.primary()
        replica = self.replica(primary)
        replica.wait_in_sync(primary)
        with primary.client() as client:
            client.pipeline([["SET", f"soon:{i}", "v", "PX", 50 + i] for i in range(200)])
        eventually(lambda: primary.call("DBSIZE") == 0, 30, "the primary expires them")
        replica.wait_in_sync(primary)
        eventually(lambda: replica.call("DBSIZE") == 0, 20, "so does the replica")
        self.assertEqual(replica.stat("expired_keys"), 0)

    def test_a_wrong_password_leaves_the_replica_as_it_was(self):
        primary = self.primary(requirepass="right", masterauth="right")
        replica = self.lab.server("replica", self.replica_build, masterauth="wrong",
                                  replicaof=[HOST, primary.port])
        eventually(lambda: "Unable to AUTH to MASTER" in replica.log(), 20, "the log names the cause")
        self.assertEqual(replica.info()["master_link_status"], "down")
        replica.call("CONFIG", "SET", "masterauth", "right")
        eventually(lambda: replica.info()["master_link_status"] == "up", 30, "the right one works")

    def test_two_replicas_that_come_together_share_one_transfer(self):
        primary = self.primary(repl_diskless_sync_delay=2)
        fill(primary, 5000)
        replicas = [self.replica(primary, f"replica-{i}") for i in range(3)]
        for replica in replicas:
            replica.wait_in_sync(primary)
        self.assertEqual(primary.stat("sync_full"), 3)
        self.assertSameData(primary, *replicas)

    def test_replicaof_itself_by_mistake_is_survived(self):
        node = self.lab.server("lonely", self.replica_build, repl_timeout=5)
        node.call("SET", "k", "v")
        node.call("REPLICAOF", HOST, node.port)
        eventually(lambda: node.info()["role"] == "slave", 10, "it is a replica now")
        node.call("REPLICAOF", "NO", "ONE")
        self.assertEqual(node.call("GET", "k"), b"v")
        self.assertEqual(node.call("SET", "k", "w"), "OK")

    def test_failover_hands_over_without_loss(self):
        primary = self.primary()
        replica = self.replica(primary)
        replica.wait_in_sync(primary)
        eventually(lambda: "state=online" in primary.info("replication")["slave0"], 20, "it is online")
        self.assertEqual(primary.call("FAILOVER", "TO", HOST, replica.port), "OK")
        eventually(lambda: replica.info()["role"] == "master", 20, "the replica took over")
        primary.wait_in_sync(replica)
        self.assertEqual((replica.stat("sync_full"), primary.stat("sync_full")), (0, 1))
        with self.assertRaises(ReplyError):
            primary.call("SET", "k", "v")


class RedanFollowsRedan(Mixture, Story):
    primary_build, replica_build = SUBJECT, SUBJECT


class RedisFollowsRedan(Mixture, Story):
    primary_build, replica_build = SUBJECT, ORACLE


class RedanFollowsRedis(Mixture, Story):
    primary_build, replica_build = ORACLE, SUBJECT


if __name__ == "__main__":
    unittest.main(verbosity=2)
