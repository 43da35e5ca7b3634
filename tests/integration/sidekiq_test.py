#!/usr/bin/python3
"""ruby-sidekiq of Debian: its client and its API of queues and sets, `sidekiq` itself with jobs that succeed, fail,
wait and lose their server, `sidekiqmon`.

Without the poller that moves due jobs from the sets to their queues: of all Sidekiq does, it alone is a script. The
jobs of this story go back to their queues by the API instead.
"""

import json
import unittest

from real_program import RealProgram, keyspace
from stories import HOST, eventually

MASKS = {"jid": r"\b[0-9a-f]{24}\b", "time": r"\b1(\d{9}\.\d+(e[+]09)?|\.\d+e[+]9)\b", "today": r"\d{4}-\d\d-\d\d",
         "process": r'[^\s:"]+:\d+:[0-9a-f]{12}\b', "pid": r'(?<="pid":)\d+',
         "number": r"(?<=^rss=)\d+|(?<=^rtt_us=)\d+"}


class Sidekiq(RealProgram):
    def held(self, server):
        """Without the counters of a day, of which there are two around midnight."""
        return [entry for entry in keyspace(server, **MASKS) if "<today>" not in entry[0]]

    def step(self, server, name):
        return json.loads(self.run_program("/usr/bin/ruby", "sidekiq_client.rb", name, REDIS_URL=self.url(server)))

    def url(self, server):
        return f"redis://{HOST}:{server.port}/0"

    def start(self, server):
        process = self.program(f"{server.name}-sidekiq", "/usr/bin/sidekiq", "-r", "./sidekiq_jobs.rb", "-c", "1",
                               "-q", "default", "-q", "low", "-q", "bulk", REDIS_URL=self.url(server))
        eventually(lambda: server.call("SCARD", "processes") == 1, 30, "its heart beats")
        return process

    def with_the_client(self, server):
        pushed = self.step(server, "push")
        self.assertEqual(sorted(server.call("SMEMBERS", "queues")), [b"bulk", b"default", b"low"])
        self.assertEqual(server.call("LLEN", "queue:bulk"), 120)
        self.assertEqual(server.call("ZCARD", "schedule"), 5)
        oldest = json.loads(server.call("LINDEX", "queue:default", -1))
        self.assertEqual((oldest["jid"], oldest["class"], oldest["args"]), ("one", "Add", [1, 2]))
        look, first = self.step(server, "look"), self.held(server)
        edit, second = self.step(server, "edit"), self.held(server)
        return pushed, look, first, edit, second, self.step(server, "clear"), self.held(server)

    def test_the_client_and_its_api(self):
        _, look, _, edit, _, cleared, left = self.told_twice(self.with_the_client)
        self.assertEqual(look["stats"], {"processed": 0, "failed": 0, "enqueued": 128, "scheduled": 5, "retries": 0,
                                         "dead": 0, "processes": 0, "busy": 0, "recently": 0,
                                         "queues": [["bulk", 120], ["default", 5], ["low", 3]]})
        self.assertEqual(look["bulk"], [[i, 1000] for i in range(120, 0, -1)])
        self.assertEqual((look["found"], look["none"], look["scan"], look["day"]), ([1, 2], None, ["hour"], True))
        self.assertEqual((edit["first"], edit["gone"], edit["size"]), ("day", [True, True], 118))
        self.assertEqual((edit["dead"], edit["queues"]), ([["Add", [8, 8]]], ["bulk", "default", "low"]))
        self.assertEqual((cleared["enqueued"], cleared["scheduled"], cleared["dead"], cleared["queues"]), (0, 0, 0, []))
        self.assertEqual([key for key, *_ in left], ["stat:failed", "stat:processed"])

    def with_workers(self, server):
        self.step(server, "push")
        process = self.start(server)
        eventually(lambda: (server.call("LLEN", "ran"), server.call("ZCARD", "retry"), server.call("ZCARD", "dead")) ==
                   (126, 1, 1), 30, "all jobs have run or failed")
        failures = self.step(server, "failures")
        self.assertEqual(self.step(server, "try_again"), 0)
        self.wait_until_counted(server, 130)
        again = self.step(server, "failures")

        self.step(server, "gated")
        eventually(lambda: self.step(server, "processes")["work"], 30, "the job runs")
        busy = self.step(server, "processes")
        monitor = self.run_program("/usr/bin/sidekiqmon", "overview", REDIS_URL=self.url(server))
        server.call("RPUSH", "gate", "open")
        self.wait_until_counted(server, 131)
        self.lose_the_server(server)
        stats = self.end(server, process)
        ran = list(map(bytes.decode, server.call("LRANGE", "ran", 0, -1)))
        self.assertEqual(server.call("DEL", "ran"), 1)  # Which queue comes next is drawn by lot.
        bulk = [line for line in ran if "+ 1000" in line]
        self.assertEqual(bulk, [f"{i} + 1000 = {i + 1000}" for i in range(1, 121)])
        return failures, again, busy, monitor, stats, sorted(ran), self.held(server)

    def wait_until_counted(self, server, processed):
        eventually(lambda: server.call("GET", "stat:processed") == b"%d" % processed, 30, f"{processed} have run")

    def lose_the_server(self, server):
        """The workers wait in BRPOP meanwhile."""
        server.call("SAVE")
        server.stop()
        server.restart()
        self.step(server, "gated")
        server.call("RPUSH", "gate", "open again")
        self.wait_until_counted(server, 132)

    def end(self, server, process):
        self.step(server, "quiet")
        eventually(lambda: self.step(server, "processes")["processes"][0][3], 30, "it takes no more jobs")
        self.step(server, "gated")
        self.step(server, "stop")
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(server.call("SMEMBERS", "processes"), [])
        self.assertEqual(server.call("LLEN", "queue:default"), 1)
        return self.step(server, "stats")

    def test_workers(self):
        failures, again, busy, monitor, stats, ran, _ = self.told_twice(self.with_workers)
        self.assertEqual(failures, {"retries": [["Fragile", ["glass"], "not yet", 0]],
                                    "dead": [["Hopeless", ["sad"], "ArgumentError", True]]})
        self.assertEqual(again, {**failures, "retries": []})
        self.assertEqual(busy, {"processes": [[["default", "low", "bulk"], 1, 1, False]], "threads": 1,
                                "work": [["default", "Gated"]]})
        self.assertIn("Processed: 130\n", monitor)
        self.assertIn("Busy: 1\n", monitor)
        self.assertEqual(stats["recently"], 132)
        self.assertEqual((stats["processed"], stats["failed"], stats["dead"], stats["enqueued"]), (132, 3, 1, 1))
        self.assertEqual(ran, sorted([f"{i} + 1000 = {i + 1000}" for i in range(1, 121)] + [
            "1 + 2 = 3", "10 + 1 = 11", "10 + 2 = 12", "3 + 4 = 7", "0 + 1 = 1", "2 + 2 = 4", "glass at last",
            "gate: open", "gate: open again"]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
