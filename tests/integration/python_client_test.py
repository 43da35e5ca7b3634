#!/usr/bin/python3
"""python3-redis as Debian ships it, alone and with its Sentinel support."""

import unittest

import redis
from redis.sentinel import MasterNotFoundError, Sentinel

from stories import HOST, Story, eventually


class OneServer(Story):
    def setUp(self):
        super().setUp()
        self.server = self.lab.server()
        self.client = redis.Redis(host=HOST, port=self.server.port, decode_responses=True)
        self.addCleanup(self.client.close)

    def test_strings_expiry_and_keys(self):
        client = self.client
        self.assertTrue(client.set("k", "v", ex=1000, nx=True))
        self.assertIsNone(client.set("k", "w", nx=True))
        self.assertEqual(client.get("k"), "v")
        self.assertGreater(client.ttl("k"), 900)
        self.assertEqual(client.mset({"a": 1, "b": 2}), True)
        self.assertEqual(client.mget("a", "b", "none"), ["1", "2", None])
        self.assertEqual(client.incrby("a", 5), 6)
        self.assertEqual(client.incrbyfloat("b", 0.5), 2.5)
        self.assertEqual(client.getrange("k", 0, -1), "v")
        self.assertEqual(client.getdel("k"), "v")
        self.assertEqual(client.exists("k", "a"), 1)
        self.assertEqual(sorted(client.scan_iter(count=1)), ["a", "b"])
        self.assertEqual(client.delete("a", "b"), 2)
        with self.assertRaises(redis.ResponseError):
            client.execute_command("SET", "k")

    def test_pipelines_and_transactions(self):
        with self.client.pipeline(transaction=False) as pipe:
            for i in range(1000):
                pipe.set(f"k{i}", i)
            self.assertEqual(pipe.execute(), [True] * 1000)

        def move(pipe):
            value = pipe.get("k5")
            pipe.multi()
            pipe.set("moved", value).delete("k5")
        self.assertEqual(self.client.transaction(move, "k5"), [True, 1])
        with self.client.pipeline() as pipe:
            pipe.watch("k6")
            self.client.set("k6", "changed")
            pipe.multi()
            pipe.set("k6", "mine")
            with self.assertRaises(redis.WatchError):
                pipe.execute()

    def test_publish_and_subscribe(self):
        listener = self.client.pubsub(ignore_subscribe_messages=True)
        listener.subscribe("news")
        listener.psubscribe("n*")
        eventually(lambda: self.client.pubsub_numsub("news")[0][1] == 1, 10, "it is subscribed")
        self.client.publish("news", "hello")
        seen = []
        eventually(lambda: seen.append(listener.get_message(timeout=0.2)) or
                   len([m for m in seen if m]) == 2, 10, "both messages come")
        self.assertEqual(sorted(m["type"] for m in seen if m), ["message", "pmessage"])
        listener.close()

    def test_what_monitors_read(self):
        info = self.client.info()
        for field in ("redis_version", "connected_clients", "used_memory", "total_commands_processed", "role"):
            self.assertIn(field, info)
        self.client.set("k", "v", ex=100)
        self.assertEqual(self.client.info("keyspace")["db0"]["keys"], 1)
        self.assertEqual(self.client.config_get("maxmemory"), {"maxmemory": "0"})
        self.assertIn("cmdstat_set", self.client.info("commandstats"))
        self.client.client_setname("me")
        self.assertIn("me", [entry["name"] for entry in self.client.client_list()])
        self.assertGreater(self.client.command_count(), 60)
        self.assertIsInstance(self.client.slowlog_get(), list)
        self.assertEqual(self.client.role()[0], "master")


class WithSentinels(Story):
    def test_a_client_follows_the_primary_through_a_kill(self):
        primary, _, sentinels = self.lab.deployment()
        sentinel = Sentinel([(HOST, one.port) for one in sentinels], socket_timeout=0.5)
        self.assertEqual(sentinel.discover_master("redan"), (HOST, primary.port))
        self.assertEqual(len(sentinel.discover_slaves("redan")), 2)
        writer = sentinel.master_for("redan", socket_timeout=6)
        reader = sentinel.slave_for("redan", socket_timeout=0.5)
        for i in range(100):
            writer.set(f"before:{i}", i)
        writer.wait(2, 5000)
        self.assertEqual(reader.get("before:99"), b"99")
        with self.assertRaises(redis.ReadOnlyError):
            reader.set("k", "v")
        primary.kill()

        def written():
            try:
                return writer.set("after", "kill")
            except (redis.RedisError, MasterNotFoundError):
                return False
        eventually(written, 60, "a write after the failover")
        self.assertNotEqual(sentinel.discover_master("redan")[1], primary.port)
        self.assertEqual(writer.mget(*(f"before:{i}" for i in range(100))),
                         [b"%d" % i for i in range(100)])
        primary.start()
        eventually(lambda: primary.info()["role"] == "slave" and
                   primary.info()["master_link_status"] == "up", 60, "the old primary follows")
        self.assertEqual(primary.call("GET", "after"), b"kill")

    def test_a_manual_failover_keeps_everything(self):
        primary, _, sentinels = self.lab.deployment()
        sentinel = Sentinel([(HOST, one.port) for one in sentinels], socket_timeout=0.5)
        writer = sentinel.master_for("redan", socket_timeout=6)
        writer.set("k", "v")
        self.assertEqual(writer.wait(2, 5000), 2)
        self.assertTrue(sentinel.sentinels[0].sentinel_failover("redan"))
        eventually(lambda: all(one.primary_port() != primary.port for one in sentinels), 60,
                   "all sentinels name another")
        eventually(lambda: primary.info()["role"] == "slave", 60, "the old primary is a replica")
        # This client asks SENTINEL MASTERS, which names the new primary from its promotion on.
        self.assertNotEqual(sentinel.discover_master("redan")[1], primary.port)
        self.assertEqual(writer.get("k"), b"v")
        self.assertTrue(writer.set("k", "w"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
