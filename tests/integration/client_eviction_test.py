#!/usr/bin/python3
"""maxmemory-clients: who is closed, who never is, and how far the sum may pass the limit. Told over redis-server too."""

import contextlib
import unittest

from real_program import RealProgram
from stories import HOST, ORACLE, SUBJECT, Story, eventually

MEGABYTE = 1024 * 1024


def is_open(client):
    """Whether the server has closed it; reads away what it sent before."""
    client.socket.setblocking(False)
    try:
        while client.socket.recv(1 << 20):
            pass
        return False
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False
    finally:
        client.socket.settimeout(10)


def named(server, name):
    client = server.client()
    client.call("CLIENT", "SETNAME", name)
    return client


def lines(server):
    """CLIENT LIST as dicts."""
    text = server.call("CLIENT", "LIST").decode()
    return [dict(pair.split("=", 1) for pair in line.split()) for line in text.splitlines()]


def memory_of(server, name):
    return sum(int(one["tot-mem"]) for one in lines(server) if one["name"] == name)


def query(client, size):
    """A request that never ends; the server may close while it is sent."""
    with contextlib.suppress(ConnectionError):
        client.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%s" % (size + 10, b"x" * size))


def transaction(client, size):
    client.send("MULTI")
    for _ in range(size // 10_000):
        client.send("SET", "k", "x" * 10_000)


def subscriptions(client, size):
    client.send("SUBSCRIBE", *(f"{i}:" + "x" * 10_000 for i in range(size // 10_000)))


def watched(client, size):
    client.send("WATCH", *(f"{i}:" + "x" * 10_000 for i in range(size // 10_000)))


def blocked(client, size):
    client.send("BLPOP", *(f"{i}:" + "x" * 10_000 for i in range(size // 10_000)), 0)


def prefixes(client, size):
    client.send("CLIENT", "TRACKING", "ON", "BCAST", *(word for i in range(size // 10_000)
                                                      for word in ("PREFIX", f"{i}:" + "x" * 10_000)))


def replies(client, size):
    """Asks for much and reads nothing. (The kernel takes some megabytes.)"""
    for _ in range((size + 8 * MEGABYTE) // 100_000):
        client.send("GET", "big")


class WhoIsClosed(RealProgram):
    @staticmethod
    def closed_for(*kinds):
        """A story: each kind of memory in turn; the small client beside the large one stays."""
        def story(server):
            told = []
            server.call("SET", "big", "x" * 100_000)
            for fill in kinds:
                small, large = named(server, "small"), named(server, "large")
                fill(large, 3 * MEGABYTE)
                eventually(lambda: memory_of(server, "large") > 2.5 * MEGABYTE, 20, f"{fill.__name__} is seen")
                evicted = server.stat("evicted_clients")
                server.call("CONFIG", "SET", "maxmemory-clients", "2mb")
                eventually(lambda: server.stat("evicted_clients") == evicted + 1, 20, f"{fill.__name__} is closed")
                told.append((fill.__name__, is_open(small), is_open(large), len([one for one in lines(server) if one["name"]])))
                server.call("CONFIG", "SET", "maxmemory-clients", "0")
                small.close(), large.close()
                eventually(lambda: len(lines(server)) == 1, 20, "both are gone")
            return told
        return story

    def test_whoever_holds_most_of_anything(self):
        told = self.told_twice(self.closed_for(query, transaction, replies))
        self.assertEqual({one[1:] for one in told}, {(True, False, 1)})

    def test_names_count_too(self):
        """Redis counts what stands around the names of keys and channels, and not their bytes."""
        told = self.closed_for(subscriptions, watched, blocked, prefixes)(self.lab.server("names"))
        self.assertEqual({one[1:] for one in told}, {(True, False, 1)})

    def test_the_limit_holds_at_once(self):
        """It is there before anybody comes, and grows with maxmemory where it is a part of it."""
        def story(server):
            told = []
            for limit, maxmemory, size, goes in (("1mb", "0", 2 * MEGABYTE, True), ("8mb", "0", 2 * MEGABYTE, False),
                                                 ("10%", "20mb", 4 * MEGABYTE, True), ("10%", "160mb", 4 * MEGABYTE, False),
                                                 ("5%", "0", 4 * MEGABYTE, False), ("1%", "8mb", 300_000, True),
                                                 ("1", "0", 10_000, False)):
                server.call("CONFIG", "SET", "maxmemory", maxmemory)
                server.call("CONFIG", "SET", "maxmemory-clients", limit)
                told.append(server.call("CONFIG", "GET", "maxmemory-clients")[1])
                client = named(server, "x")
                query(client, size)
                if goes:
                    eventually(lambda: not is_open(client), 20, f"closed at {limit}")
                else:
                    eventually(lambda: memory_of(server, "x") > size, 20, "it is there")
                told.append(is_open(client))
                client.close()
            server.call("CONFIG", "SET", "maxmemory", 0)
            return told
        self.told_twice(story)

    def test_some_are_never_closed(self):
        """No-evict clients count, and others go for them; replicas and primaries neither count nor go."""
        def story(place):
            server, replica = place
            told = []
            watcher = server.client()
            watcher.call("CLIENT", "NO-EVICT", "ON")
            evicted = lambda: int(watcher.info("stats")["evicted_clients"])  # noqa: E731
            other = named(server, "other")
            replica.call("REPLICAOF", HOST, server.port)
            replica.wait_in_sync(server)
            told.append(("OK", "OK") == tuple(one.call("CONFIG", "SET", "maxmemory-clients", "1mb") for one in place))
            spared = named(server, "spared")
            told.append(spared.call("CLIENT", "NO-EVICT", "ON"))
            query(spared, 3 * MEGABYTE)
            eventually(lambda: evicted() > 0, 20, "another is closed for it")
            told += [is_open(spared), is_open(other)]
            spared.close(), other.close()
            eventually(lambda: server.call("PING") == "PONG", 20, "there is room again")
            replica.pause()
            for _ in range(100):
                watcher.call("SET", "k", "x" * 100_000)
            told.append(server.stat("connected_slaves"))
            replica.resume()
            replica.wait_in_sync(server)
            told.append([one.info("replication")["role"] for one in place])
            told.append(replica.stat("evicted_clients"))
            # Off again: it may go.
            once = named(server, "once")
            told.append([once.call("CLIENT", "NO-EVICT", word) for word in ("ON", "OFF")])
            query(once, 3 * MEGABYTE)
            eventually(lambda: not is_open(once), 20, "it is closed")
            once.close(), watcher.close()
            return told
        places = [(self.lab.server(f"{name}1", build, client_query_buffer_limit="1gb"), self.lab.server(f"{name}2", build))
                  for name, build in (("subject", SUBJECT), ("oracle", ORACLE))]
        self.told_over(story, *places)


class HowFar(Story):
    """A burst that arrives while the server sleeps, so that one wake-up has all of it in hand."""

    LIMIT = 10 * MEGABYTE

    def burst(self, request, count, slack):
        """`count` clients ask at once, and read nothing. The process never uses more than the limit and `slack` bytes above
        what it had."""
        server = self.lab.server(maxmemory_clients=self.LIMIT)
        if server.is_sanitized:
            self.skipTest("memory is not judged there")
        server.call("SET", "big", "x" * 100_000)
        clients = [server.client() for _ in range(count)]
        self.addCleanup(lambda: [one.close() for one in clients])
        server.call("CONFIG", "RESETSTAT")
        before = server.stat("used_memory")
        server.reset_peak_rss()
        rss = server.rss_bytes()
        server.pause()
        for one in clients:
            one.send_raw(request)
        server.resume()
        eventually(lambda: server.stat("evicted_clients") > 0, 30, "some are closed")
        eventually(lambda: server.stat("used_memory") < before + self.LIMIT + 2 * MEGABYTE, 30, "their memory is given back")
        self.assertLess(server.peak_rss_bytes() - rss, self.LIMIT + slack)
        return server.stat("connected_clients") - 1

    def test_replies_of_which_each_is_too_much(self):
        """60 clients ask for 60 MB each."""
        self.assertEqual(self.burst(b"GET big\r\n" * 600, 60, 6 * MEGABYTE), 0)

    def test_replies_that_are_too_much_together(self):
        """60 clients ask for 8 MB each."""
        left = self.burst(b"GET big\r\n" * 80, 60, 6 * MEGABYTE)
        self.assertTrue(0 < left < 60, left)

    def test_messages(self):
        """One client publishes 60 MB to each of 60 others in one pipeline."""
        server = self.lab.server("news", maxmemory_clients=self.LIMIT)
        listeners = [server.client() for _ in range(60)]
        for one in listeners:
            one.call("SUBSCRIBE", "news")
        self.addCleanup(lambda: [one.close() for one in listeners])
        publisher = server.client()
        self.addCleanup(publisher.close)
        publisher.call("CLIENT", "NO-EVICT", "ON")
        message = "x" * 100_000
        server.reset_peak_rss()
        rss = server.rss_bytes()
        for _ in range(600):
            publisher.send("PUBLISH", "news", message)
        receivers = [publisher.read() for _ in range(600)]
        self.assertEqual((receivers[0], receivers[-1] < 60), (60, True))
        self.assertGreater(server.stat("evicted_clients"), 0)
        if not server.is_sanitized:
            self.assertLess(server.peak_rss_bytes() - rss, self.LIMIT + 6 * MEGABYTE)


if __name__ == "__main__":
    unittest.main(verbosity=2)
