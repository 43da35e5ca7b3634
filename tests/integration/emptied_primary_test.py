#!/usr/bin/python3
"""A primary that comes back without its data does not take it from its replicas (reliability.md, G5)."""

import unittest

from stories import HOST, ORACLE, SUBJECT, Story, eventually


class Emptied:
    """The replica is ours; the primary is of either kind."""

    PRIMARY = None

    def setUp(self):
        super().setUp()
        self.primary = self.lab.server("primary", self.PRIMARY)
        self.replica = self.lab.server("replica", replicaof=[HOST, self.primary.port])
        with self.primary.client() as client:
            client.pipeline([["SET", f"k:{i}", i] for i in range(1000)])
        self.replica.wait_in_sync(self.primary)
        self.digest = self.replica.digest()

    def lose_everything(self):
        self.primary.kill()
        self.primary.restart()
        self.assertEqual(self.primary.call("DBSIZE"), 0)

    def wait_refused(self):
        eventually(lambda: self.replica.info("replication").get("master_full_sync_refused") == "1", 30, "it refuses")

    def test_the_replica_keeps_its_data_and_says_why(self):
        self.lose_everything()
        self.wait_refused()
        self.assertEqual(self.replica.digest(), self.digest)
        self.assertEqual(self.replica.info()["master_link_status"], "down")
        self.assertIn(f"Full sync refused: the primary {HOST}:{self.primary.port} came back with no data", self.replica.log())
        self.assertIn("Our 1000 keys stay. Promote a replica", self.replica.log())
        # Growing does not make it the one that it was.
        with self.primary.client() as client:
            client.pipeline([["SET", f"new:{i}", "x" * 100] for i in range(2000)])
        refusals = self.replica.log().count("Full sync refused")
        eventually(lambda: self.replica.log().count("Full sync refused") > refusals, 30, "it was asked once more")
        self.assertEqual(self.replica.digest(), self.digest)

    def test_the_data_comes_back_from_the_replica(self):
        self.lose_everything()
        self.wait_refused()
        self.replica.call("REPLICAOF", "NO", "ONE")
        self.primary.call("REPLICAOF", HOST, self.replica.port)
        self.primary.wait_in_sync(self.replica)
        self.assertEqual(self.primary.digest(), self.digest)

    def test_an_operator_may_say_that_the_data_shall_go(self):
        self.lose_everything()
        self.wait_refused()
        self.replica.call("REPLICAOF", "NO", "ONE")
        self.replica.call("REPLICAOF", HOST, self.primary.port)
        self.replica.wait_in_sync(self.primary)
        self.assertEqual(self.replica.call("DBSIZE"), 0)

    def test_or_say_so_in_general(self):
        self.lose_everything()
        self.wait_refused()
        self.replica.call("CONFIG", "SET", "replica-refuse-wipe", "no")
        self.replica.wait_in_sync(self.primary)
        self.assertEqual(self.replica.call("DBSIZE"), 0)
        self.assertNotIn("master_full_sync_refused", self.replica.info())

    def test_what_is_deleted_while_it_lives_is_deleted(self):
        self.primary.call("FLUSHALL")
        self.replica.wait_in_sync(self.primary)
        self.assertEqual(self.replica.call("DBSIZE"), 0)
        self.primary.call("SET", "k", "v")
        self.replica.wait_in_sync(self.primary)
        self.primary.kill()  # One key is data too.
        self.primary.restart()
        self.wait_refused()
        self.assertEqual(self.replica.call("GET", "k"), b"v")

    def test_a_primary_that_kept_its_data_is_followed(self):
        # The full sync's child may still be at work in a redis-server.
        eventually(lambda: self.primary.call("SAVE"), 30, "SAVE is free")
        self.primary.kill()
        self.primary.restart()
        self.replica.wait_in_sync(self.primary)
        self.assertEqual(self.replica.digest(), self.digest)
        # An older copy is less than we hold, but not nothing; that is refused only on request.
        self.primary.call("SET", "later", 1)
        self.replica.wait_in_sync(self.primary)
        self.primary.kill()
        self.primary.restart()
        self.replica.wait_in_sync(self.primary)
        self.assertEqual(self.replica.call("EXISTS", "later"), 0)
        self.replica.call("CONFIG", "SET", "replica-refuse-wipe", "shorter")
        self.primary.call("SET", "later", 1)
        self.replica.wait_in_sync(self.primary)
        self.primary.kill()
        self.primary.restart()
        self.wait_refused()
        self.assertEqual(self.replica.call("EXISTS", "later"), 1)
        self.assertIn("came back with less data than we hold", self.replica.log())

    def test_a_replica_that_is_given_another_primary_hands_that_on(self):
        last = self.lab.server("last", replicaof=[HOST, self.replica.port])
        last.wait_in_sync(self.primary, through=self.replica)
        empty = self.lab.server("empty", self.PRIMARY)
        self.replica.call("REPLICAOF", HOST, empty.port)
        self.replica.wait_in_sync(empty)
        last.wait_in_sync(empty, through=self.replica)
        self.assertEqual(last.call("DBSIZE"), 0)

    def test_a_replica_without_data_takes_what_comes(self):
        self.primary.call("FLUSHALL")
        self.replica.wait_in_sync(self.primary)
        self.lose_everything()
        self.primary.call("SET", "k", "v")
        eventually(lambda: self.replica.call("GET", "k") == b"v", 30, "it follows")


class RedanFollowsRedan(Emptied, Story):
    PRIMARY = SUBJECT


class RedanFollowsRedis(Emptied, Story):
    PRIMARY = ORACLE


if __name__ == "__main__":
    unittest.main(verbosity=2)
