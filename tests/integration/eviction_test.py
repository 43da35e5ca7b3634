#!/usr/bin/python3
"""maxmemory: what eviction keeps, beside redis-server, and what replicas see of it."""

import bisect
import itertools
import random
import unittest

from stories import HOST, ORACLE, SUBJECT, ReplyError, Story, eventually

VALUE = "v" * 200


def limit_to_what_is_used(server, policy, less=0):
    """From here on a key comes in only where another goes."""
    server.call("CONFIG", "SET", "maxmemory-policy", policy)
    server.call("CONFIG", "SET", "maxmemory", int(server.info("memory")["used_memory"]) - less)


def fill_with(server, count, *options, value=VALUE):
    with server.client(timeout=30) as client:
        for start in range(0, count, 1000):
            client.pipeline([["SET", f"key:{i}", value, *options] for i in range(start, min(count, start + 1000))])


class Zipf:
    """Key numbers; the first are asked for most."""

    def __init__(self, keys, seed):
        self.dice = random.Random(seed)
        self.sums = list(itertools.accumulate(1 / rank for rank in range(1, keys + 1)))

    def draw(self, count):
        return [bisect.bisect(self.sums, self.dice.random() * self.sums[-1]) for _ in range(count)]


class BesideRedis(Story):
    def hit_rate(self, build, policy):
        """A cache that holds 5 000 of 20 000 keys, its users' misses filled in."""
        server = self.lab.server(f"{build.name}-{policy}", build)
        value = "v" * 2000  # so that the data is nearly all there is
        fill_with(server, 5000, value=value)
        limit_to_what_is_used(server, policy)
        zipf, hits, asked = Zipf(20_000, 7), 0, 0
        with server.client(timeout=30) as client:
            for batch in range(600):
                keys = zipf.draw(200)
                values = client.pipeline([["GET", f"key:{key}"] for key in keys])
                missed = {key for key, value in zip(keys, values) if value is None}
                client.pipeline([["SET", f"key:{key}", value] for key in missed])
                if batch >= 300:
                    hits += sum(value is not None for value in values)
                    asked += len(values)
        self.assertGreater(int(server.info()["evicted_keys"]), 1000)
        return hits / asked, server.call("DBSIZE")

    def compare(self, policy):
        ours, kept = self.hit_rate(SUBJECT, policy)
        theirs, kept_there = self.hit_rate(ORACLE, policy)
        print(f"{policy}: hit rate {ours:.3f} with {kept} keys, redis {theirs:.3f} with {kept_there}")
        self.assertGreater(kept, 4000)
        self.assertGreater(ours, theirs - 0.02)

    def test_the_hit_rate_of_lru(self):
        self.compare("allkeys-lru")

    def test_the_hit_rate_of_lfu(self):
        self.compare("allkeys-lfu")

    def test_the_hit_rate_of_random_choice(self):
        self.compare("allkeys-random")

    def test_keys_without_a_deadline_stay_and_writes_are_refused(self):
        for policy in ("volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "noeviction"):
            words = []
            for build in (SUBJECT, ORACLE):
                server = self.lab.server(f"{build.name}-{policy}-refuses", build)
                fill_with(server, 1000)
                server.call("CONFIG", "SET", "maxmemory-policy", policy)
                server.call("CONFIG", "SET", "maxmemory", "1mb")
                with self.assertRaises(ReplyError) as refused:
                    with server.client() as client:
                        for i in range(20_000):
                            client.call("SET", f"more:{i}", VALUE)
                words.append(str(refused.exception))
                self.assertEqual(server.call("GET", "key:0"), VALUE.encode())
                self.assertEqual(server.info()["evicted_keys"], "0")
            self.assertEqual(*words)


class OnItsOwn(Story):
    def test_memory_stays_below_the_limit(self):
        for policy in ("allkeys-lru", "allkeys-lfu", "allkeys-random"):
            server = self.lab.server(policy)
            limit = int(server.info("memory")["used_memory"]) + 8 * 1024 * 1024
            server.call("CONFIG", "SET", "maxmemory-policy", policy)
            server.call("CONFIG", "SET", "maxmemory", limit)
            dice = random.Random(5)
            with server.client(timeout=30) as client:
                for _ in range(60):
                    client.pipeline([["SET", f"key:{dice.randrange(50_000)}", "v" * dice.randrange(2000)]
                                     for _ in range(500)])
                    client.pipeline([["SADD", f"set:{dice.randrange(50)}", *(dice.randrange(10**9) for _ in range(200))]
                                     for _ in range(20)])
                    # Room is made for what was there: a pipeline may be a little ahead of it.
                    self.assertLess(int(server.info("memory")["used_memory"]), limit + 512 * 1024)
            eventually(lambda: int(server.info("memory")["used_memory"]) <= limit, 20, "and comes below it")
            self.assertGreater(int(server.info()["evicted_keys"]), 5000)

    def test_a_lower_limit_is_reached_without_requests(self):
        server = self.lab.server()
        fill_with(server, 50_000)
        limit = int(server.info("memory")["used_memory"]) // 2
        server.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        server.call("CONFIG", "SET", "maxmemory", limit)
        eventually(lambda: int(server.info("memory")["used_memory"]) <= limit, 20, "half of the keys go")
        eventually(lambda: server.info()["current_eviction_exceeded_time"] == "0", 20, "which is noticed")
        self.assertGreater(server.call("DBSIZE"), 10_000)

    def test_the_deadline_that_is_nearest_decides(self):
        server = self.lab.server()
        fill_with(server, 5000, "EX", 100_000)
        fill_with(server, 1000, "EX", 1000)
        limit_to_what_is_used(server, "volatile-ttl", less=100_000)
        with server.client(timeout=30) as client:
            more = 0
            while int(server.info()["evicted_keys"]) < 300:
                client.pipeline([["SET", f"more:{i}", VALUE] for i in range(more, more + 100)])
                more += 100
            left = sum(client.pipeline([["EXISTS", f"key:{i}"] for i in range(1000)]))
            others = sum(client.pipeline([["EXISTS", f"key:{i}"] for i in range(1000, 5000)]))
        # A sixth of the keys have it. What was looked at decides, so that some others go as well.
        self.assertGreater(1000 - left, 5 * (4000 - others))

    def replicas_follow(self, build):
        primary = self.lab.server("primary")
        replica = self.lab.server("replica", build, replicaof=[HOST, primary.port])
        eventually(lambda: replica.info("replication")["master_link_status"] == "up", 20, "the replica is in")
        replica.call("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
        replica.call("CONFIG", "SET", "maxmemory", "1mb")
        fill_with(primary, 10_000)
        primary.call("CONFIG", "SET", "lazyfree-lazy-eviction", "yes" if build is SUBJECT else "no")
        limit_to_what_is_used(primary, "allkeys-lru")
        with primary.client(timeout=30) as client:
            for start in range(0, 10_000, 1000):
                client.pipeline([["SET", f"new:{i}", VALUE] for i in range(start, start + 1000)])
            client.call("WAIT", 1, 0)
        self.assertGreater(int(primary.info()["evicted_keys"]), 1000)
        eventually(lambda: replica.digest() == primary.digest(), 20, "both hold the same")
        self.assertEqual(replica.info()["evicted_keys"], "0")

    def test_a_replica_follows_and_evicts_nothing_itself(self):
        self.replicas_follow(SUBJECT)

    def test_a_replica_of_redis_follows(self):
        self.replicas_follow(ORACLE)


if __name__ == "__main__":
    unittest.main(verbosity=2)
