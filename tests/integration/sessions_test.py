#!/usr/bin/python3
"""connect-redis under express-session (npm): browsers with sessions that are made, touched, renewed, lost and cleared.
clients/session_app.js is the application."""

import http.cookiejar
import json
import unittest
import urllib.request

from real_program import RealProgram, keyspace
from stories import eventually

HOUR_S, SHORT_S = 3600, 100
MASKS = {"id": r"[\w-]{32}", "time": r"\d{4}-\d\d-\d\dT[\d:.]+Z",
         # The program takes the hour as what is left of it, which is a millisecond less now and then.
         "hour": r"\b(3600000|35999\d\d)\b"}


class Browser:
    """With its cookies."""

    def __init__(self, site):
        self.site = site
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
                                                  urllib.request.ProxyHandler({}))

    def get(self, path):
        with self.opener.open(self.site + path, timeout=30) as response:
            return json.loads(response.read())


class Sessions(RealProgram):
    def setUp(self):
        super().setUp()
        self.require_npm("express-session", "connect-redis", "redis")

    def story(self, server):
        site = self.serving(self.program(f"{server.name}-app", "node", "session_app.js", server.port))
        ann, bob, admin = Browser(site), Browser(site), Browser(site)
        self.assertEqual(admin.get("/store/all"), [])
        self.assertIsNone(admin.get("/store/none"))
        self.assertEqual([ann.get("/visit")["visits"] for _ in range(3)], [1, 2, 3])
        key = "sess:" + ann.get("/peek")["id"]
        self.is_touched(server, ann, key)
        first = keyspace(server, **MASKS)
        self.two_are_apart(ann, bob, admin)
        self.ends(server, ann, bob, admin)
        self.many(server, admin)
        self.survive_a_restart(server, bob)
        last = keyspace(server, **MASKS)
        server.call("SET", "other", "stays")
        admin.get("/store/clear")
        self.assertEqual(server.call("KEYS", "*"), [b"other"])
        self.assertEqual(bob.get("/visit")["visits"], 1)
        return first, last

    def is_touched(self, server, ann, key):
        """A visit that changes nothing sends EXPIRE and nothing else."""
        self.assertEqual(json.loads(server.call("GET", key))["visits"], 3)
        self.assertTrue(SHORT_S < server.call("TTL", key) <= HOUR_S)
        before = server.call("GET", key)
        self.assertEqual(server.call("EXPIRE", key, SHORT_S), 1)
        self.assertEqual(ann.get("/peek")["visits"], 3)
        self.assertTrue(SHORT_S < server.call("TTL", key) <= HOUR_S)
        self.assertEqual(server.call("GET", key), before)

    def two_are_apart(self, ann, bob, admin):
        self.assertEqual(bob.get("/visit")["visits"], 1)
        ids = sorted(each.get("/peek")["id"] for each in (ann, bob))
        self.assertEqual(admin.get("/store/ids"), ids)
        self.assertEqual(admin.get("/store/length"), 2)
        self.assertEqual(sorted((each["id"], each["visits"]) for each in admin.get("/store/all")),
                         sorted([(ann.get("/peek")["id"], 3), (bob.get("/peek")["id"], 1)]))

    def ends(self, server, ann, bob, admin):
        old = ann.get("/peek")["id"]
        new = ann.get("/login")["id"]
        self.assertEqual(server.call("EXISTS", f"sess:{old}", f"sess:{old}", f"sess:{new}"), 1)
        self.assertEqual(ann.get("/peek")["user"], "ann")
        ann.get("/logout")
        self.assertEqual(server.call("EXISTS", f"sess:{new}"), 0)
        self.assertEqual(ann.get("/visit")["visits"], 1)

        server.call("DEL", "sess:" + ann.get("/peek")["id"])
        self.assertEqual([ann.get("/visit")["visits"] for _ in range(2)], [1, 2])
        server.call("PEXPIRE", "sess:" + ann.get("/peek")["id"], 1)
        eventually(lambda: admin.get("/store/length") == 1, 20, "the session has expired")
        self.assertEqual(ann.get("/visit")["visits"], 1)
        key = "sess:" + ann.get("/peek")["id"]
        ann.get("/end")
        self.assertEqual(server.call("EXISTS", key), 0)
        self.assertEqual(admin.get("/store/ids"), [bob.get("/peek")["id"]])

    def many(self, server, admin):
        """More than one page of SCAN."""
        names = [f"{i:032}" for i in range(2500)]
        with server.client() as client:
            client.pipeline([["SET", f"sess:{name}", '{"cookie":{},"visits":0}', "EX", HOUR_S] for name in names])
            client.pipeline([["SET", f"elsewhere:{name}", 0] for name in names[:500]])
        self.assertEqual(set(names) - set(admin.get("/store/ids")), set())
        self.assertEqual(admin.get("/store/length"), 2501)
        self.assertEqual(len(admin.get("/store/all")), 2501)
        with server.client() as client:
            client.pipeline([["DEL", f"elsewhere:{name}", *([f"sess:{name}"] if int(name) >= 300 else [])]
                             for name in names])
        self.assertEqual(admin.get("/store/length"), 301)

    def survive_a_restart(self, server, bob):
        before = bob.get("/visit")
        server.call("SAVE")
        server.stop()
        server.restart()

        def served():
            try:
                return bob.get("/visit")
            except OSError:
                return None
        after = eventually(served, 30, "the application is back")
        self.assertEqual((after["id"], after["visits"]), (before["id"], before["visits"] + 1))

    def test_sessions(self):
        first, last = self.told_twice(self.story)
        self.assertEqual(first, [("sess:<id>", "string", True, [
            '{"cookie":{"originalMaxAge":<hour>,"expires":"<time>","httpOnly":true,"path":"/"},"visits":3}'])])
        self.assertEqual(len(last), 301)


if __name__ == "__main__":
    unittest.main(verbosity=2)
