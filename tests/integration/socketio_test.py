#!/usr/bin/python3
"""socket.io with its adapters on Redis (npm): two servers, with people on both, who hear each other through pub/sub,
sharded pub/sub or a stream. clients/chat_server.js is a server, clients/chat_people.js the people."""

import re
import unittest

from real_program import RealProgram
from stories import ORACLE, SUBJECT, eventually

from harness.cluster import Cluster


class Chat:
    """Two socket.io servers on one Redis."""

    def __init__(self, test, server, adapter, client, port=None):
        self.server, self.adapter = server, adapter
        self.sites = [test.serving(test.program(f"{server.name}-{name}", "node", "chat_server.js", name, adapter,
                                                client, port or server.port)) for name in ("east", "west")]
        self.wait_until_joined()
        self.people = test.dialogue("node", "chat_people.js")
        self.marks = 0

    def wait_until_joined(self):
        """Both servers hear each other."""
        conditions = {
            "pubsub": lambda: self.listeners("NUMSUB", "socket.io-request#/#") == 2,  # After their pattern.
            "sharded": lambda: self.listeners("SHARDNUMSUB", "{socket.io}#/#") == 2,
            "streams": lambda: self.listeners("NUMSUB", "socket.io#/#") == self.server.stat("blocked_clients") == 2,
        }
        eventually(conditions[self.adapter], 30, "both servers listen")

    def listeners(self, verb, channel):
        return self.server.call("PUBSUB", verb, channel)[1]

    def channels(self):
        """All that anybody listens for; servers have random names of 6 or 16 characters."""
        with self.server.client() as client:
            found = client.call("PUBSUB", "CHANNELS") + client.call("PUBSUB", "SHARDCHANNELS")
            return sorted(re.sub(rb"#([\w-]{6}|[0-9a-f]{16})#$", b"#name#", each) for each in found), \
                client.call("PUBSUB", "NUMPAT")

    def come(self, name, site):
        self.people.ask("come", name, self.sites[site])

    def ask(self, name, event, *args):
        return self.people.ask("ask", name, event, *args)

    def heard(self, *names):
        """What each has heard since it was asked last, as words. The first and the last of them, who are on different
        servers, send a mark to all: whatever their servers sent before has come before it."""
        marks = {name: f"{name}'s mark {self.marks}" for name in (names[0], names[-1])}
        self.marks += 1
        for name, mark in marks.items():
            self.ask(name, "say", None, mark)
        return {name: [line[0] if len(line) == 1 else line for line in self.people.ask("until", name, *marks.values())]
                for name in names}


class ClusterChat(Chat):
    """The servers know one node of a cluster, and meet at the one that has the slot of their channels."""

    def __init__(self, test, cluster):
        owner = cluster.owner("{socket.io}")
        entrance = next(node for node in cluster.nodes if node is not owner)
        super().__init__(test, owner, "sharded", "cluster", entrance.port)


class SocketIo(RealProgram):
    def setUp(self):
        super().setUp()
        self.require_npm("socket.io", "socket.io-client", "@socket.io/redis-adapter",
                         "@socket.io/redis-streams-adapter")

    def talk(self, chat):
        everybody = ("ann", "bob", "eve")
        for name, site in (("ann", 0), ("bob", 1), ("eve", 1)):
            chat.come(name, site)
        self.assertEqual(chat.ask("ann", "servers"), 2)

        letter = {"to": ["all", 1.5, None]}
        chat.ask("ann", "say", None, "hello", letter)
        self.assertEqual(chat.heard(*everybody), dict.fromkeys(everybody, [["hello", letter]]))
        chat.ask("bob", "sayToOthers", "from bob")
        self.assertEqual(chat.heard(*everybody), {"ann": ["from bob"], "bob": [], "eve": ["from bob"]})
        chat.ask("ann", "sayHere", "only in the east")
        self.assertEqual(chat.heard(*everybody), {"ann": ["only in the east"], "bob": [], "eve": []})

        chat.ask("ann", "join", "tea")
        chat.ask("eve", "join", "tea")
        self.wait_for_room(chat, "tea", 2)
        chat.ask("bob", "say", "tea", "the kettle")
        chat.ask("ann", "sayToAllBut", "tea", "secret")
        self.assertEqual(chat.heard(*everybody), {"ann": ["the kettle"], "bob": ["secret"], "eve": ["the kettle"]})
        self.assertEqual(chat.ask("bob", "who", "tea"), ["ann@2", "eve@2"])

        chat.ask("eve", "leave", "tea")
        self.wait_for_room(chat, "tea", 1)
        chat.ask("bob", "say", "tea", "the cup")
        self.assertEqual(chat.heard(*everybody), {"ann": ["the cup"], "bob": [], "eve": []})
        self.assertEqual(chat.ask("ann", "question", "tea"), ["ann on tea", "bob on tea", "eve on tea"])
        self.assertEqual(chat.ask("ann", "otherServers"), ["west"])
        self.assertEqual(chat.ask("bob", "otherServers"), ["east"])
        self.move_people(chat)

    def wait_for_room(self, chat, room, servers):
        """The sharded adapter has a channel for each room, where a server listens while somebody there is in it."""
        if chat.adapter == "sharded":
            eventually(lambda: chat.listeners("SHARDNUMSUB", f"{{socket.io}}#/#{room}#") == servers, 20,
                       f"{servers} servers listen for {room}")

    def move_people(self, chat):
        chat.ask("bob", "move", "tea", "garden")  # Ann is on the other server.
        eventually(lambda: chat.ask("eve", "who", "garden") == ["ann@3"], 20, "ann is in the garden, too")
        self.wait_for_room(chat, "garden", 1)
        chat.ask("bob", "drop", "tea")
        eventually(lambda: chat.ask("eve", "who", "tea") == [], 20, "nobody is left at tea")
        self.wait_for_room(chat, "tea", 0)
        chat.ask("bob", "kick", "garden")
        self.assertEqual(chat.people.ask("until", "ann", "(io server disconnect)"), [])
        self.assertEqual(chat.ask("eve", "question", "now"), ["bob on now", "eve on now"])

    def send_much(self, chat):
        chat.come("zoe", 0)
        for large in ("x" * 300_000, "\u20ac\0"):
            chat.ask("bob", "say", None, large)
            self.assertEqual(chat.heard("bob", "zoe"), {"bob": [large], "zoe": [large]})
        chat.ask("bob", "sayBytes", "00ff0d0a80")
        self.assertEqual(chat.heard("bob", "zoe"), {"bob": ["bytes 00ff0d0a80"], "zoe": ["bytes 00ff0d0a80"]})

    def recover(self, chat):
        """Zoe's connection breaks; she finds the other server, which hands her what she has missed."""
        chat.ask("zoe", "join", "tower")
        self.assertEqual(chat.heard("zoe", "bob"), {"zoe": [], "bob": []})
        # She will ask for what came after the last she heard; marks of two servers may have crossed.
        chat.ask("bob", "say", None, "last")
        self.assertEqual(chat.people.ask("until", "zoe", "last"), [])
        chat.people.ask("cut", "zoe")
        session, = eventually(lambda: chat.server.call("KEYS", "sio:session:*"), 20, "her session is kept")
        self.assertTrue(0 < chat.server.call("PTTL", session) <= 120_000)
        before = chat.server.call("XLEN", "socket.io")
        chat.ask("bob", "say", "tower", "to the tower")
        chat.ask("bob", "say", "cellar", "to the cellar")
        chat.ask("bob", "say", None, "to all")
        self.assertEqual(chat.heard("bob"), {"bob": ["last", "to all"]})
        self.assertEqual(chat.server.call("XLEN", "socket.io"), before + 4)  # With the mark.
        self.assertTrue(chat.people.ask("back", "zoe", chat.sites[1]))
        self.assertEqual(chat.people.ask("until", "zoe", "to all", f"bob's mark {chat.marks - 1}"),
                         [["(forced close)"], ["to the tower"]])
        self.assertEqual(chat.server.call("EXISTS", session), 0)
        self.assertEqual(chat.ask("bob", "who", "tower"), ["zoe@2"])

    def lose_the_server(self, chat):
        """Both servers find back to Redis and to what they listened for."""
        chat.server.stop()
        chat.server.restart()
        chat.wait_until_joined()
        chat.come("kim", 0)
        chat.ask("bob", "say", None, "again")
        self.assertEqual(chat.heard("bob", "kim"), {"bob": ["again"], "kim": ["again"]})
        chat.ask("kim", "say", None, "and back")
        self.assertEqual(chat.heard("kim", "bob"), {"kim": ["and back"], "bob": ["and back"]})
        self.assertEqual(chat.ask("kim", "otherServers"), ["west"])

    def whole_story(self, adapter, client):
        def story(server):
            chat = Chat(self, server, adapter, client)
            self.talk(chat)
            self.send_much(chat)
            if adapter == "streams":
                self.recover(chat)
            self.lose_the_server(chat)
            return chat.channels()
        self.told_twice(story)

    def test_pubsub_through_ioredis(self):
        self.whole_story("pubsub", "ioredis")

    def test_pubsub_through_node_redis(self):
        self.whole_story("pubsub", "redis")

    def test_sharded_pubsub_through_node_redis(self):
        self.whole_story("sharded", "redis")

    def test_sharded_pubsub_of_a_cluster(self):
        """Its slots stay where they are: node-redis 5.0 does not notice when the slot of a channel moves."""
        def story(cluster):
            chat = ClusterChat(self, cluster)
            self.talk(chat)
            self.send_much(chat)
            return chat.channels()
        self.told_over(story, *(Cluster(self.lab, replicas=0, build=build) for build in (SUBJECT, ORACLE)))

    def test_streams_through_ioredis(self):
        self.whole_story("streams", "ioredis")

    def test_streams_through_node_redis(self):
        self.whole_story("streams", "redis")


if __name__ == "__main__":
    unittest.main(verbosity=2)
