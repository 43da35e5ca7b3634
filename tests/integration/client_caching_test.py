#!/usr/bin/python3
"""Client-side caching: node-redis' cache, python3-redis by redirection, and what only whole processes show."""

import threading
import unittest

import redis

from real_program import Dialogue, RealProgram
from stories import HOST, Story, eventually


class NodeRedis(RealProgram):
    def test_its_cache_holds_what_nobody_changed(self):
        def story(server):
            told = []
            writer = server.client()
            reader = Dialogue("node", "caching.js", server.port)
            try:
                ask = lambda *words: told.append(reader.ask(*words))  # noqa: E731
                writer.call("SET", "k", "one")
                ask("get", "k")
                ask("get", "k")
                writer.call("SET", "k", "two")
                ask("heard", 1)
                ask("get", "k")
                writer.call("HSET", "h", "f", "v", "g", "w")
                ask("mget", "k", "l", "m")
                ask("hgetall", "h")
                ask("hgetall", "h")
                writer.call("HDEL", "h", "f")
                ask("heard", 1)
                ask("hgetall", "h")
                ask("set", "k", "mine")
                ask("heard", 1)
                ask("get", "k")
                writer.call("SET", "m", "now there")
                ask("heard", 1)
                ask("mget", "k", "l", "m")
                # Nobody looks at it: the server finds by itself that its time has come.
                writer.call("SET", "short", "life", "PX", "300")
                ask("get", "short")
                ask("heard", 1)
                ask("get", "short")
                writer.call("FLUSHALL")
                ask("heard", 1)
                ask("get", "k")
                ask("get", "k")
                writer.call("DEBUG", "RELOAD")
                ask("heard", 1)
                ask("get", "k")
            finally:
                writer.close()
                reader.close()
            return told
        told = self.told_twice(story)
        self.assertEqual(told[:4], [{"value": "one", "hits": 0, "misses": 1}, {"value": "one", "hits": 1, "misses": 1},
                                    ["k"], {"value": "two", "hits": 1, "misses": 2}])


class PythonRedis(RealProgram):
    def test_one_connection_hears_for_a_pool_of_others(self):
        """RESP2: a subscriber to __redis__:invalidate, to which the others redirect."""
        def story(server):
            told = []
            pool = redis.Redis(host=HOST, port=server.port, decode_responses=True)
            ear = pool.pubsub(ignore_subscribe_messages=True)
            ear.subscribe("__redis__:invalidate")
            ear.get_message(timeout=10)
            ear_id = next(one["id"] for one in pool.client_list() if one["sub"] == "1")
            readers = [redis.Redis(host=HOST, port=server.port, decode_responses=True, single_connection_client=True)
                       for _ in range(3)]
            hear = lambda: eventually(lambda: ear.get_message(timeout=1), 20, "a message")["data"]  # noqa: E731
            for i, reader in enumerate(readers):
                reader.client_tracking_on(clientid=int(ear_id), noloop=i == 2)
                told.append(reader.client_getredir() == int(ear_id))
                reader.get(f"k{i}")
            pool.set("k1", "x")
            told.append(hear())
            readers[0].mset({"k0": 1, "k2": 2})
            told.append(sorted(hear() + hear()))
            readers[2].get("k2")
            readers[2].set("k2", 3)
            readers[1].client_tracking_off()
            readers[1].client_tracking_on(clientid=int(ear_id), bcast=True, prefix=["user:", "item:"])
            with pool.pipeline() as pipe:
                pipe.set("user:1", 1).set("item:1", 1).set("user:2", 1).set("nobody", 1).execute()
            told += [hear(), hear()]
            pool.flushall()
            told.append([hear(), hear(), hear()])
            ear.close()
            flags = lambda: sorted(one["flags"] for one in pool.client_list() if one["redir"] == ear_id)  # noqa: E731
            eventually(lambda: all(one["id"] != ear_id for one in pool.client_list()), 20, "the ear is gone")
            told.append(flags())
            readers[0].get("k0")
            pool.set("k0", 5)
            told.append(flags())
            told.append(sorted(readers[0].execute_command("CLIENT TRACKINGINFO")[1]))
            for reader in readers:
                reader.close()
            pool.close()
            return told
        told = self.told_twice(story)
        self.assertEqual(told[3:7], [["k1"], ["k0", "k2"], ["item:1"], ["user:1", "user:2"]])


class Processes(Story):
    def hearer(self, server, *mode):
        client = server.client()
        self.addCleanup(client.close)
        client.call("HELLO", 3)
        client.call("CLIENT", "TRACKING", "ON", *mode)
        return client

    @staticmethod
    def heard(client):
        reply = client.pushes.popleft() if client.pushes else client.read()
        return list(reply)

    def test_a_replica_tells_of_what_its_primary_changed(self):
        primary, replica = self.lab.server("primary"), self.lab.server("replica")
        primary.call("SET", "k", 1)
        hearer = self.hearer(replica)
        replica.call("REPLICAOF", HOST, primary.port)
        # Everything that was there has been replaced.
        self.assertEqual(self.heard(hearer), [b"invalidate", None])
        replica.wait_in_sync(primary)
        self.assertEqual(hearer.call("GET", "k"), b"1")
        primary.call("SET", "k", 2)
        self.assertEqual(self.heard(hearer), [b"invalidate", [b"k"]])
        self.assertEqual(hearer.call("GET", "k"), b"2")
        # It hides what has expired, and tells of it once its primary has said so.
        primary.call("PEXPIRE", "k", 50)
        self.assertEqual(self.heard(hearer), [b"invalidate", [b"k"]])
        hearer.call("STRLEN", "k")
        self.assertEqual(self.heard(hearer), [b"invalidate", [b"k"]])
        self.assertIsNone(hearer.call("GET", "k"))
        broadcast = self.hearer(replica, "BCAST", "PREFIX", "user:")
        with primary.client() as writer:
            writer.pipeline([["SET", f"user:{i}", i] for i in range(3)])
        keys = []
        while len(keys) < 3:
            keys += self.heard(broadcast)[1]
        self.assertEqual(sorted(keys), [b"user:0", b"user:1", b"user:2"])
        primary.call("FLUSHALL")
        self.assertEqual(self.heard(broadcast), [b"invalidate", None])

    def test_time_passes_and_nobody_asks(self):
        """The server's own rounds tell of expired keys, also those in broadcast mode."""
        server = self.lab.server()
        reader, all_of_it = self.hearer(server), self.hearer(server, "BCAST", "NOLOOP")
        server.call("SET", "k", 1, "PX", 200)
        self.assertEqual(self.heard(all_of_it), [b"invalidate", [b"k"]])
        reader.call("GET", "k")
        self.assertEqual(self.heard(reader), [b"invalidate", [b"k"]])
        self.assertEqual(self.heard(all_of_it), [b"invalidate", [b"k"]])

    def test_the_table_stays_within_its_limit(self):
        server = self.lab.server(tracking_table_max_keys=100)
        reader = self.hearer(server)
        reader.send_raw(b"".join(b"GET key:%d\r\n" % i for i in range(5000)))
        read, forgotten = 0, []
        while read < 5000 or len(forgotten) < 4900:
            reply = reader.read()
            if isinstance(reply, list):
                forgotten += reply[1]
            else:
                read += 1
        self.assertEqual(len(set(forgotten)), 4900)
        info = server.info()
        self.assertEqual((info["tracking_clients"], info["tracking_total_keys"], info["tracking_total_items"]),
                         ("1", "100", "100"))
        server.call("CONFIG", "SET", "tracking-table-max-keys", 10)
        eventually(lambda: server.stat("tracking_total_keys") == 10, 20, "the table shrinks")
        reader.close()
        eventually(lambda: server.stat("tracking_clients") == 0, 20, "it is gone")

    def test_evicted_keys_are_invalid(self):
        server = self.lab.server(maxmemory_policy="allkeys-random")
        reader = self.hearer(server)
        with server.client() as writer:
            writer.pipeline([["SET", f"key:{i}", "v" * 1000] for i in range(5000)])
            self.assertTrue(all(reader.pipeline([["GET", f"key:{i}"] for i in range(5000)])))
            evicted = server.stat("evicted_keys")
            writer.call("CONFIG", "SET", "maxmemory", server.stat("used_memory") - 2_000_000)
            eventually(lambda: server.stat("evicted_keys") > evicted + 100, 20, "keys are evicted")
            writer.call("CONFIG", "SET", "maxmemory", 0)
            evicted = server.stat("evicted_keys")
        told = {self.heard(reader)[1][0] for _ in range(evicted)}
        with server.client() as asker:
            left = asker.pipeline([["EXISTS", key] for key in told])
        self.assertEqual((len(told), sum(left)), (evicted, 0))

    def test_a_cache_under_load_never_holds_an_old_value(self):
        """Writers, and a reader that trusts its cache until it is told: at the end both agree, key by key."""
        server = self.lab.server()
        reader = self.hearer(server)

        def write(number):
            with server.client() as writer:
                for i in range(3000):
                    writer.call("INCR", f"key:{(i * 7 + number) % 50}")
        writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
        for one in writers:
            one.start()
        cache = {}
        asked = 0

        def drop_what_is_stale():
            while reader.pushes:
                for stale in reader.pushes.popleft()[1]:
                    cache.pop(stale, None)
        while any(one.is_alive() for one in writers) or asked < 100:
            for i in range(50):
                key = b"key:%d" % i
                if key not in cache:
                    cache[key] = reader.call("GET", key)
                    asked += 1
                    drop_what_is_stale()
            reader.call("PING")
            drop_what_is_stale()
        for one in writers:
            one.join()
        reader.call("PING")
        drop_what_is_stale()
        with server.client() as client:
            for key, value in cache.items():
                self.assertEqual(client.call("GET", key), value, key)


if __name__ == "__main__":
    unittest.main(verbosity=2)
