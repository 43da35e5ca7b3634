#!/usr/bin/env python3
"""Clusters of real nodes: made, written through redirects, failed over, killed and brought back."""

import threading
import time
import unittest
from pathlib import Path

import stories
from harness.cluster import Cluster, SLOTS, slot_of
from stories import HOST, ORACLE, ReplyError, Story, SUBJECT, eventually


class ClusterStory(Story):
    def make(self, primaries=3, replicas=1, **options):
        options = {"cluster-node-timeout": 1000, **options}
        self.cluster = Cluster(self.lab, primaries, replicas, SUBJECT, **options)
        return self.cluster

    def shard(self, key="{b}"):
        """The primary that serves a key, and one of its replicas."""
        primary = self.cluster.owner(key)
        return primary, self.cluster.replicas_of(primary)[0]

    def wait_role(self, node, role, timeout=20):
        eventually(lambda: role in self.cluster.seen(node)[node.port].flags, timeout,
                   f"{node.name} is {role}")


class Counters:
    """Writers that count on their keys through failovers: what was acknowledged must be there."""

    def __init__(self, cluster, threads=2, keys=60):
        self.cluster, self.keys = cluster, keys
        self.stopping = False
        self.expected, self.errors, self.longest_s = {}, [], 0.0
        self.threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def _run(self, number):
        try:
            with self.cluster.client() as client:
                i = 0
                while not self.stopping:
                    key = f"count:{number}:{i % self.keys}"
                    before = time.monotonic()
                    value = client.call("INCR", key)
                    self.longest_s = max(self.longest_s, time.monotonic() - before)
                    self.expected[key] = self.expected.get(key, 0) + 1
                    if value != self.expected[key]:
                        self.errors.append(f"{key} is {value}, not {self.expected[key]}")
                        return
                    i += 1
        except (AssertionError, ReplyError) as error:
            self.errors.append(repr(error))

    def written(self):
        return sum(self.expected.values())

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(30)


class ChangedAddresses(ClusterStory):
    def test_a_replica_takes_nothing_from_who_came_to_its_primarys_address(self):
        cluster = self.make(**{"cluster-replica-no-failover": "yes"})
        primary, replica = self.shard("{b}")
        other = next(node for node in cluster.primaries() if node is not primary)
        keys = {node: next(f"key:{i}" for i in range(1000) if cluster.owner(f"key:{i}") is node)
                for node in (primary, other)}
        with cluster.client() as client:
            client.call("SET", keys[primary], "ours")
            for i in range(100):
                client.call("SET", f"{{{keys[other]}}}:{i}", "another shard's")
        replica.wait_in_sync(primary)
        ids = {node: node.call("CLUSTER", "MYID").decode() for node in (primary, other)}
        old, new = primary.port, other.port

        # First the other one alone comes to where the replica looks for its primary.
        self.assertEqual([primary.call("SAVE"), other.call("SAVE")], ["OK", "OK"])
        primary.kill()
        other.kill()
        other.port = old
        other.restart(port=old)
        refusal = f'At {HOST}:{old} is "{ids[other]}" now, not our primary {ids[primary]}'
        eventually(lambda: refusal in replica.log(), 30, "the replica sees who answers")
        self.assertEqual(replica.call("DBSIZE"), 1)
        self.assertEqual(replica.log().count("Full resync from master"), 1)  # When the cluster was made.

        primary.port = new
        primary.restart(port=new)
        cluster.wait_agreed(60)
        replica.wait_in_sync(primary, 60)
        with replica.client() as client:
            client.call("READONLY")
            self.assertEqual(client.call("GET", keys[primary]), b"ours")
        self.assertEqual(replica.call("DBSIZE"), 1)


class Living(ClusterStory):
    def test_three_and_three_agree_and_redirect(self):
        cluster = self.make()
        view = cluster.seen(cluster.nodes[0])
        owners = [each for each in view.values() if each.is_primary]
        self.assertEqual(sorted(each.slots for each in owners), ["0-5460", "10922-16383", "5461-10921"])
        self.assertEqual(sorted(each.primary for each in view.values() if not each.is_primary),
                         sorted(each.id for each in owners))
        self.assertTrue(all(each.linked for node in cluster.nodes for each in cluster.seen(node).values()))
        self.assertEqual(len({each.epoch for each in owners}), 3)
        # A stock client goes where it is sent.
        cli = ["redis-cli", "-c", "-p", cluster.nodes[0].port]
        for i in range(12):
            self.assertEqual(self.lab.command(*cli, "SET", f"key:{i}", i).strip(), "OK")
        for i in range(12):
            self.assertEqual(self.lab.command(*cli, "GET", f"key:{i}").strip(), str(i))
        self.assertEqual(sum(node.call("DBSIZE") for node in cluster.primaries()), 12)
        # A replica sends a reader on, unless he says that he takes what it has.
        primary, replica = self.shard()
        primary.call("SET", "{b}", "here")
        replica.wait_in_sync(primary)
        with replica.client() as client:
            self.assertEqual(self.assertReplyError("MOVED", client.call, "GET", "{b}"),
                             f"MOVED {slot_of('{b}')} {HOST}:{primary.port}")
            client.call("READONLY")
            self.assertEqual(client.call("GET", "{b}"), b"here")
            self.assertReplyError("MOVED", client.call, "SET", "{b}", 1)

    def test_messages_reach_subscribers_everywhere(self):
        cluster = self.make()
        primary, replica = self.shard("{b}")
        listeners = []
        for node in cluster.nodes:
            client = node.client()
            self.addCleanup(client.close)
            client.call("SUBSCRIBE", "news")
            listeners.append(client)
        inside = []
        for node in (primary, replica):
            client = node.client()
            self.addCleanup(client.close)
            client.call("SSUBSCRIBE", "{b}")
            inside.append(client)
        for i, node in enumerate(cluster.nodes):
            self.assertEqual(node.call("PUBLISH", "news", f"from {i}"), 1)
        for client in listeners:
            heard = sorted(client.read()[2] for _ in cluster.nodes)
            self.assertEqual(heard, [f"from {i}".encode() for i in range(len(cluster.nodes))])
        self.assertEqual(primary.call("SPUBLISH", "{b}", "to the shard"), 1)
        for client in inside:
            self.assertEqual(client.read(), [b"smessage", b"{b}", b"to the shard"])

    def test_announced_names_and_timeouts_are_told_to_all(self):
        cluster = self.make(3, 0)
        first = cluster.nodes[0]
        first.call("CONFIG", "SET", "cluster-announce-hostname", "one.example")
        first.call("CONFIG", "SET", "cluster-announce-port", 6)
        eventually(lambda: all(b":6@" in node.call("CLUSTER", "NODES") and
                               b",one.example" in node.call("CLUSTER", "NODES") for node in cluster.nodes),
                   20, "all know the new name")
        first.call("CONFIG", "SET", "cluster-announce-port", 0)
        cluster.wait_agreed()
        first.call("CONFIG", "SET", "cluster-require-full-coverage", "no")
        self.assertEqual(first.call("CONFIG", "GET", "cluster-require-full-coverage")[1], b"no")


class Failing(ClusterStory):
    def test_a_replica_takes_over_and_the_old_primary_follows_it(self):
        cluster = self.make()
        with cluster.client() as client:
            for i in range(300):
                client.call("SET", f"key:{i}", i)
            primary, replica = self.shard()
            eventually(lambda: replica.follows(primary), 20, "the replica has it all")
            primary.kill()
            begin = time.monotonic()
            client.call("SET", "{b}", "after")
            print(f"writes went on {time.monotonic() - begin:.2f} s after the kill", flush=True)
            self.assertEqual(cluster.owner("{b}"), replica)
            self.assertEqual([client.call("GET", f"key:{i}") for i in range(300)],
                             [str(i).encode() for i in range(300)])
        primary.restart()
        self.wait_role(primary, "slave")
        primary.wait_in_sync(replica)
        cluster.wait_agreed()
        self.assertEqual(primary.digest(), replica.digest())

    def test_a_primary_that_comes_back_without_its_data_is_replaced(self):
        """Sooner than anybody takes it for dead: its replica refuses the empty data set and takes over."""
        cluster = self.make(**{"cluster-node-timeout": 15000})
        primary, replica = self.shard()
        with cluster.client() as client:
            for i in range(100):
                client.call("SET", f"{{b}}:{i}", i)
        replica.wait_in_sync(primary)
        digest = replica.digest()
        primary.kill()
        primary.restart()
        self.wait_role(replica, "master")
        self.wait_role(primary, "slave")
        primary.wait_in_sync(replica)
        self.assertEqual(primary.digest(), digest)
        self.assertIn("Promote a replica (CLUSTER FAILOVER TAKEOVER, sent to it)", replica.log())
        self.assertIn("My master came back without its data: I take over.", replica.log())
        self.assertNotIn("as failing (quorum reached)", replica.log())
        cluster.wait_agreed()

    def test_a_primary_that_is_told_to_stop_is_replaced_too(self):
        cluster = self.make()
        primary, replica = self.shard()
        primary.call("SET", "{b}", "kept")
        self.assertEqual(primary.stop(), 0)
        self.wait_role(replica, "master")
        with cluster.client() as client:
            self.assertEqual(client.call("GET", "{b}"), b"kept")
            client.call("SET", "{b}", "more")

    def test_manual_failover_under_load_loses_nothing(self):
        cluster = self.make(**{"cluster-node-timeout": 5000})
        counters = Counters(cluster)
        for _ in range(2):  # There and back; a third one has to wait until the first vote is forgotten.
            cluster.wait_agreed()
            before = counters.written()
            eventually(lambda: counters.errors or counters.written() > before + 200, 20, "writers get on")
            primary, replica = self.shard("count:0:0")
            self.assertEqual(replica.call("CLUSTER", "FAILOVER"), "OK")
            self.wait_role(replica, "master")
            self.wait_role(primary, "slave")
            eventually(lambda: primary.info("replication").get("master_link_status") == "up", 20,
                       "the old primary follows")
        counters.stop()
        self.assertEqual(counters.errors, [])
        with cluster.client() as client:
            self.assertEqual({key: int(client.call("GET", key)) for key in counters.expected},
                             counters.expected)
        print(f"{counters.written()} writes, the longest took {counters.longest_s:.3f} s", flush=True)

    def test_all_nodes_are_killed_and_come_back_as_they_were(self):
        cluster = self.make()
        with cluster.client() as client:
            for i in range(300):
                client.call("SET", f"key:{i}", i)
        primary, replica = self.shard()
        self.assertEqual(replica.call("CLUSTER", "FAILOVER"), "OK")
        self.wait_role(primary, "slave")
        cluster.wait_agreed()
        primary.wait_in_sync(replica)
        for node in cluster.nodes:
            node.call("SAVE")
        before = sorted(each.shape() for each in cluster.seen(primary).values())
        for node in cluster.nodes:
            node.kill()
        for node in cluster.nodes:
            node.start()
        for node in cluster.nodes:
            node.wait_ready()
        cluster.wait_agreed()
        self.assertEqual(sorted(each.shape() for each in cluster.seen(primary).values()), before)
        with cluster.client() as client:
            self.assertEqual([client.call("GET", f"key:{i}") for i in range(300)],
                             [str(i).encode() for i in range(300)])
        for node in cluster.nodes:
            if node not in cluster.primaries():
                node.wait_in_sync(cluster.primary_of(node))


class Starting(ClusterStory):
    def test_what_cannot_be_a_cluster_node_says_why(self):
        for build in (ORACLE, SUBJECT):
            with self.subTest(build=build.name):
                words = ["--cluster-enabled", "yes", "--save", "", "--bind", HOST, "--dir", self.lab.folder]
                free = self.lab.ports.take()
                text = self.lab.refusal(*words, "--port", free, "--replicaof", HOST, 1, build=build)
                self.assertIn("replicaof directive not allowed in cluster mode", text)
                text = self.lab.refusal(*words, "--port", 60001, build=build)
                self.assertIn("Redis port number too high", text)
                node = self.lab.server(f"{build.name}-node", build, **{"cluster-enabled": "yes"})
                text = self.lab.refusal(*words[:-1], self.lab.folder / node.name, "--port", free, build=build)
                self.assertIn("is already used by a different Redis Cluster node", text)
                text = self.lab.refusal(*words, "--port", free, "--cluster-config-file", f"busy-{build.name}.conf",
                                        "--cluster-port", node.port + 10000, build=build)
                self.assertRegex(text, rf"Failed listening on port {node.port + 10000} \(cluster\), aborting")
                broken = self.lab.folder / f"broken-{build.name}.conf"
                broken.write_text("what is this\n")
                self.lab.refusal(*words, "--port", free, "--cluster-config-file", broken, build=build)
        self.assertIn('line 1: "what"', self.lab.refusal(*words, "--port", free, "--cluster-config-file", broken))

    def test_commands_that_a_cluster_does_not_have(self):
        answers = {}
        for build in (ORACLE, SUBJECT):
            node = self.lab.cluster_nodes(build, 1)[0]
            node.call("CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1)
            eventually(lambda: b"cluster_state:ok" in node.call("CLUSTER", "INFO"), 20, "it serves")
            asked = ["REPLICAOF NO ONE", f"REPLICAOF {HOST} 1", f"SLAVEOF {HOST} 1", "FAILOVER", "FAILOVER ABORT",
                     "SELECT 1", "SELECT 0", "SELECT 99", "SWAPDB 0 1", "MOVE a 1", "MOVE a 0", "COPY a a DB 1",
                     "MSET a 1 b 2", "PSYNC ? nonsense", "DEBUG RELOAD", "DBSIZE", "CONFIG SET cluster-enabled no",
                     "CONFIG GET databases", "SET {a}1 x", "DEBUG RELOAD", "GET {a}1", "CLUSTER COUNTKEYSINSLOT 15495"]
            with node.client() as client:
                answers[build.name] = {}
                for line in asked:
                    try:
                        answers[build.name][line] = client.call(*line.split())
                    except ReplyError as error:
                        answers[build.name][line] = error
            self.assertIn("[cluster]", Path(f"/proc/{node.pid}/cmdline").read_text())
            self.assertIn("Running mode=cluster", node.log())
            self.assertIn("No cluster configuration found, I'm " + node.call("CLUSTER", "MYID").decode(), node.log())
            node.stop()
            node.restart()
            self.assertIn("Node configuration loaded, I'm " + node.call("CLUSTER", "MYID").decode(), node.log())
        self.assertEqual(answers["redan"], answers["redis"])

    def test_config_rewrite_forgets_whom_a_replica_follows(self):
        cluster = self.make()
        replica = next(node for node in cluster.nodes if node not in cluster.primaries())
        self.assertEqual(replica.call("CONFIG", "GET", "replicaof")[1].decode().split()[0], HOST)
        config = self.lab.folder / "written.conf"
        config.write_text("".join(f"{name} {value}\n" for name, value in replica.options.items() if value != ""))
        replica.stop()
        replica.command = [str(SUBJECT.server), str(config)]
        replica.start()
        replica.wait_ready()
        primary = cluster.primary_of(replica)
        replica.wait_in_sync(primary)
        self.assertEqual(replica.call("CONFIG", "REWRITE"), "OK")
        self.assertNotIn("replicaof", config.read_text())
        replica.stop()
        replica.start()
        replica.wait_ready()
        replica.wait_in_sync(primary)


if __name__ == "__main__":
    unittest.main(verbosity=2)
