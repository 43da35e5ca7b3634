#!/usr/bin/python3
"""MIGRATE between servers of both kinds: values, expiry, options, passwords, and what a dead target costs."""

import socket
import unittest

from stories import HOST, ORACLE, SUBJECT, Story

VALUES = {"short": "v", "number": 12345, "negative": -9, "empty": "", "binary": b"\x00\r\n\xff" * 9, "long": "abc" * 40000}


class Migrate:
    """Told for each pair of programs below."""

    SOURCE = TARGET = None

    def setUp(self):
        super().setUp()
        self.source = self.lab.server("source", self.SOURCE)
        self.target = self.lab.server("target", self.TARGET)
        for name, value in VALUES.items():
            self.source.call("SET", name, value)

    def migrate(self, key, *options, db=0, timeout=5000, server=None):
        return (server or self.source).call("MIGRATE", HOST, self.target.port, key, db, timeout, *options)

    def values(self, server):
        with server.client() as client:
            return {name: client.call("GET", name) for name in VALUES}

    def test_each_value_arrives_and_leaves(self):
        before = self.values(self.source)
        for name in VALUES:
            self.assertEqual(self.migrate(name), "OK")
            self.assertEqual(self.source.call("EXISTS", name), 0)
        self.assertEqual(self.values(self.target), before)
        self.assertEqual(self.source.call("DBSIZE"), 0)
        self.assertEqual(self.target.call("OBJECT", "ENCODING", "number"), b"int")
        self.assertEqual(self.migrate("none"), "NOKEY")

    def test_the_expiry_goes_with_it(self):
        self.source.call("SET", "volatile", "v", "PX", 5_000_000)
        self.assertEqual(self.migrate("volatile"), "OK")
        self.assertTrue(4_000_000 < self.target.call("PTTL", "volatile") <= 5_000_000)
        self.migrate("short")
        self.assertEqual(self.target.call("PTTL", "short"), -1)

    def test_another_database(self):
        self.assertEqual(self.migrate("short", db=9), "OK")
        with self.target.client() as client:
            self.assertEqual(client.call("GET", "short"), None)
            client.call("SELECT", 9)
            self.assertEqual(client.call("GET", "short"), b"v")
        self.assertIn("replied with error: ERR DB index is out of range",
                      self.assertReplyError("ERR", self.source.call, "MIGRATE", HOST, self.target.port, "number", 99, 5000))
        self.assertEqual(self.source.call("GET", "number"), b"12345")

    def test_copy_leaves_the_original(self):
        self.assertEqual(self.migrate("short", "COPY"), "OK")
        self.assertEqual((self.source.call("GET", "short"), self.target.call("GET", "short")), (b"v", b"v"))

    def test_replace_is_needed_where_the_key_exists(self):
        self.target.call("SET", "short", "theirs")
        words = self.assertReplyError("ERR", self.migrate, "short")
        self.assertIn("Target instance replied with error: BUSYKEY", words)
        self.assertEqual((self.source.call("GET", "short"), self.target.call("GET", "short")), (b"v", b"theirs"))
        self.assertEqual(self.migrate("short", "REPLACE"), "OK")
        self.assertEqual((self.source.call("GET", "short"), self.target.call("GET", "short")), (None, b"v"))

    def test_many_keys_and_one_that_may_not(self):
        self.assertEqual(self.migrate("", "KEYS", "negative", "none", "number", "empty"), "OK")
        self.assertEqual(self.target.call("DBSIZE"), 3)
        self.target.call("SET", "long", "theirs")
        self.assertReplyError("ERR", self.migrate, "", "KEYS", "long", "short")
        self.assertEqual(self.source.call("EXISTS", "long", "short"), 1)  # The refused one stays, the other went.
        self.assertEqual(self.target.call("MGET", "long", "short"), [b"theirs", b"v"])

    def test_passwords(self):
        self.target.call("CONFIG", "SET", "requirepass", "right")
        self.assertIn("NOAUTH", self.assertReplyError("ERR", self.migrate, "short"))
        self.assertIn("WRONGPASS", self.assertReplyError("ERR", self.migrate, "short", "AUTH", "wrong"))
        self.assertIn("WRONGPASS", self.assertReplyError("ERR", self.migrate, "short", "AUTH2", "nobody", "right"))
        self.assertEqual(self.source.call("GET", "short"), b"v")
        self.assertEqual(self.migrate("short", "AUTH", "right"), "OK")
        self.assertEqual(self.migrate("number", "COPY", "AUTH2", "default", "right"), "OK")
        self.target.password = "right"
        self.assertEqual(self.target.call("MGET", "short", "number"), [b"v", b"12345"])

    def test_replicas_hear_of_the_deletion(self):
        replica = self.lab.server("replica", self.SOURCE, replicaof=[HOST, self.source.port])
        replica.wait_in_sync(self.source)
        self.migrate("", "KEYS", "short", "number")
        self.migrate("empty", "COPY")
        replica.wait_in_sync(self.source)
        self.assertEqual(replica.digest(), self.source.digest())
        self.assertEqual(replica.call("EXISTS", "short", "number", "empty"), 1)

    def test_a_target_that_does_not_answer(self):
        with socket.create_server((HOST, 0)) as silent:  # Its backlog accepts, nobody reads.
            port = silent.getsockname()[1]
            self.assertReplyError("IOERR", self.source.call, "MIGRATE", HOST, port, "short", 0, 300)
        self.assertReplyError("IOERR", self.source.call, "MIGRATE", HOST, port, "short", 0, 300)  # Now refused.
        self.target.pause()
        self.assertReplyError("IOERR", self.source.call, "MIGRATE", HOST, self.target.port, "short", 0, 300)
        self.target.resume()
        self.assertEqual(self.source.call("GET", "short"), b"v")
        self.target.call("FLUSHALL")  # What it read when it woke up.
        self.assertEqual(self.migrate("short"), "OK")
        self.assertEqual(self.target.call("GET", "short"), b"v")


class OursToOurs(Migrate, Story):
    SOURCE = TARGET = SUBJECT


class OursToRedis(Migrate, Story):
    SOURCE, TARGET = SUBJECT, ORACLE


class RedisToOurs(Migrate, Story):
    SOURCE, TARGET = ORACLE, SUBJECT


if __name__ == "__main__":
    unittest.main(verbosity=2)
