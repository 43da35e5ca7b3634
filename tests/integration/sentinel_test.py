#!/usr/bin/python3
"""Sentinels over real data nodes on loopback: what they tell, and what they do when a node dies."""

import unittest

from stories import HOST, ORACLE, SUBJECT, ReplyError, Story, eventually

from harness.processes import wait_acquainted


class Watching(Story):
    def test_everybody_is_found_and_described(self):
        primary, replicas, sentinels = self.lab.deployment()
        with sentinels[0].client() as client:
            address = client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "redan")
            self.assertEqual(address, [HOST.encode(), str(primary.port).encode()])
            self.assertIsNone(client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "nobody"))
            self.assertIn("OK 3 usable Sentinels", client.call("SENTINEL", "CKQUORUM", "redan"))
            ports = {int(dict(zip(one[::2], one[1::2]))[b"port"])
                     for one in client.call("SENTINEL", "REPLICAS", "redan")}
            self.assertEqual(ports, {replica.port for replica in replicas})
            others = {int(dict(zip(one[::2], one[1::2]))[b"port"])
                      for one in client.call("SENTINEL", "SENTINELS", "redan")}
            self.assertEqual(others, {sentinel.port for sentinel in sentinels[1:]})
            self.assertEqual(len(client.call("SENTINEL", "MASTERS")), 1)
            self.assertEqual(len(client.call("SENTINEL", "MYID")), 40)
            self.assertEqual(client.call("ROLE"), [b"sentinel", [b"redan"]])
            info = client.info("sentinel")
            self.assertEqual(info["sentinel_masters"], "1")
            self.assertIn("name=redan,status=ok", info["master0"])
            self.assertIn("slaves=2,sentinels=3", info["master0"])

    def test_wrong_words_get_an_error_each(self):
        primary = self.lab.server("primary")
        sentinel = self.lab.sentinel("sentinel", primary, quorum=1)
        with sentinel.client() as client:
            for words in (["SENTINEL", "NOPE"], ["SENTINEL", "MASTER"], ["SENTINEL", "MASTER", "nobody"],
                          ["SENTINEL", "FAILOVER", "nobody"], ["SENTINEL", "CKQUORUM", "nobody"],
                          ["SENTINEL", "MONITOR", "x", HOST, "nope", "1"], ["SENTINEL", "SET", "redan", "nope", "1"],
                          ["SENTINEL", "SET", "redan", "quorum", "0"], ["SENTINEL", "MONITOR", "redan", HOST, "1", "1"],
                          ["SENTINEL", "REMOVE", "nobody"], ["SET", "k", "v"], ["GET", "k"], ["NOSUCH"]):
                client.send(*words)
                self.assertIn("ReplyError", type(client.read()).__name__, words)
            self.assertEqual(client.call("PING"), "PONG")

    def test_what_is_set_at_run_time_survives_a_restart(self):
        primary = self.lab.server("primary")
        sentinel = self.lab.sentinel("sentinel", primary, quorum=1)
        other = self.lab.server("other")
        with sentinel.client() as client:
            client.call("SENTINEL", "SET", "redan", "down-after-milliseconds", "4321", "parallel-syncs", "3")
            client.call("SENTINEL", "MONITOR", "second", HOST, other.port, "1")
            identity = client.call("SENTINEL", "MYID")
        sentinel.stop()
        sentinel.restart()
        with sentinel.client() as client:
            self.assertEqual(client.call("SENTINEL", "MYID"), identity)
            reply = client.call("SENTINEL", "MASTER", "redan")
            state = dict(zip(reply[::2], reply[1::2]))
            self.assertEqual((state[b"down-after-milliseconds"], state[b"parallel-syncs"]), (b"4321", b"3"))
            self.assertEqual(int(client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "second")[1]), other.port)
            client.call("SENTINEL", "REMOVE", "second")
            self.assertIsNone(client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "second"))

    def test_a_configuration_it_cannot_use_is_refused(self):
        folder = self.lab.folder
        for text in ("port 0\nsentinel monitor\n", "sentinel nope x\n", "sentinel monitor a b c d\n"):
            path = folder / "sentinel.conf"
            path.write_text(text)
            with self.assertRaises(AssertionError) as caught:
                self.lab.command(SUBJECT.sentinel, path, timeout=20)
            self.assertNotIn("ended with -", str(caught.exception))
        with self.assertRaises(AssertionError):
            self.lab.command(SUBJECT.sentinel, folder / "missing.conf", timeout=20)


class FailingOver(Story):
    def heard(self, listener, event, timeout=60):
        """Reads pub/sub messages until one of this event; its text."""
        listener.socket.settimeout(timeout)
        while True:
            message = listener.read()
            if message[0] == b"pmessage" and message[2] == event:
                return message[3].decode()

    @staticmethod
    def has_quorum(sentinel):
        try:
            return sentinel.call("SENTINEL", "CKQUORUM", "redan").startswith("OK")
        except ReplyError as error:
            return error.code != "NOQUORUM"

    def test_a_killed_primary_is_replaced_and_comes_back_as_a_replica(self):
        primary, replicas, sentinels = self.lab.deployment()
        with primary.client() as client:
            client.pipeline([["SET", f"k:{i}", i] for i in range(1000)])
            self.assertEqual(client.call("WAIT", 2, 10000), 2)
        listener = sentinels[0].client()
        self.addCleanup(listener.close)
        listener.call("PSUBSCRIBE", "*")
        primary.kill()
        words = self.heard(listener, b"+switch-master").split()
        self.assertEqual(words[:3], ["redan", HOST, str(primary.port)])
        new = next(replica for replica in replicas if replica.port == int(words[4]))
        for sentinel in sentinels:
            eventually(lambda: sentinel.primary_port() == new.port, 30, f"{sentinel.name} agrees")
        self.assertEqual(new.call("DBSIZE"), 1000)
        self.assertEqual(new.call("SET", "after", "kill"), "OK")
        other = next(replica for replica in replicas if replica is not new)
        other.wait_in_sync(new)
        primary.restart()
        primary.wait_in_sync(new)
        self.assertEqual(primary.digest(), new.digest())
        self.assertEqual(new.stat("sync_partial_ok"), 1)  # The other replica went on where it was.

    def test_the_replica_with_the_better_priority_is_chosen_and_zero_never(self):
        primary, replicas, sentinels = self.lab.deployment()
        replicas[0].call("CONFIG", "SET", "replica-priority", "0")
        replicas[1].call("CONFIG", "SET", "replica-priority", "10")

        def known():
            with sentinels[0].client() as client:
                found = [dict(zip(one[::2], one[1::2])) for one in client.call("SENTINEL", "REPLICAS", "redan")]
            return {one[b"slave-priority"] for one in found} == {b"0", b"10"}
        eventually(known, 40, "the sentinel knows the priorities")
        sentinels[0].call("SENTINEL", "FAILOVER", "redan")
        eventually(lambda: sentinels[0].primary_port() == replicas[1].port, 60, "the right one is chosen")

    def test_without_a_majority_nobody_is_promoted(self):
        primary, replicas, sentinels = self.lab.deployment()
        for sentinel in sentinels[1:]:
            sentinel.kill()
        primary.kill()
        eventually(lambda: "s_down" in sentinels[0].state()["flags"], 30, "the primary is seen as down")
        eventually(lambda: not self.has_quorum(sentinels[0]), 30, "the other sentinels are seen as down")
        self.assertNotIn("+elected-leader", sentinels[0].log())
        self.assertEqual([replica.info()["role"] for replica in replicas], ["slave", "slave"])
        sentinels[1].restart()
        eventually(lambda: sentinels[0].primary_port() != primary.port, 90, "with a second voter it goes on")

    def test_passwords_everywhere(self):
        secret = "s3cret"
        options = {"requirepass": secret, "masterauth": secret}
        primary = self.lab.server("primary", **options)
        replica = self.lab.server("replica", replicaof=[HOST, primary.port], **options)
        replica.wait_in_sync(primary)
        sentinels = [self.lab.sentinel(f"sentinel-{i}", primary, extra=[f"sentinel auth-pass redan {secret}"])
                     for i in range(3)]
        for sentinel in sentinels:
            wait_acquainted(sentinel, 1, 3)
        primary.kill()
        eventually(lambda: sentinels[0].primary_port() == replica.port, 60, "the replica takes over")
        self.assertEqual(replica.call("SET", "k", "v"), "OK")

    def assert_a_failover(self, primary, replicas, sentinels):
        primary.call("SET", "k", "v")
        primary.call("WAIT", 2, 5000)
        primary.kill()
        eventually(lambda: sentinels[0].primary_port() != primary.port, 60, "a failover")
        new = next(replica for replica in replicas if replica.port == sentinels[0].primary_port())
        self.assertEqual(new.call("SET", "k", "w"), "OK")
        primary.restart()
        # Two stock sentinels may stand one after the other, and the second then moves it once more.
        eventually(lambda: any(replica.port == sentinels[0].primary_port() and primary.follows(replica)
                               for replica in replicas), 60, "the old primary follows the new one")

    def test_stock_sentinels_move_our_nodes(self):
        self.assert_a_failover(*self.lab.deployment(sentinel_build=ORACLE))

    def test_our_sentinels_move_stock_nodes(self):
        self.assert_a_failover(*self.lab.deployment(build=ORACLE, sentinel_build=SUBJECT))


if __name__ == "__main__":
    unittest.main(verbosity=2)
