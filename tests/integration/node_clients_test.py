#!/usr/bin/python3
"""ioredis and node-redis from npm, alone and through a failover. clients/exercise.js is their side."""

import subprocess
import unittest
from pathlib import Path

from stories import Story, eventually

CLIENTS = Path(__file__).resolve().parent / "clients"


class Node(Story):
    def setUp(self):
        super().setUp()
        self.assertTrue((CLIENTS / "node_modules").is_dir(),
                        f"the clients are not installed: run tests/run.sh, or npm ci in {CLIENTS}")

    def start(self, *words):
        process = subprocess.Popen(["node", "exercise.js", *map(str, words)], cwd=CLIENTS, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        return process

    def finish(self, process, timeout=90):
        out, errors = process.communicate(timeout=timeout)
        self.assertEqual(process.returncode, 0, f"{out}\n{errors}")
        return out

    def through_a_failover(self, client):
        primary, replicas, sentinels = self.lab.deployment()
        process = self.start(client, "sentinel", ",".join(str(one.port) for one in sentinels), "redan")
        self.assertEqual(process.stdout.readline().strip(), "ready")
        primary.kill()
        out = self.finish(process)
        self.assertIn(out.split()[:2], [["moved", str(replica.port)] for replica in replicas])
        eventually(lambda: all(one.primary_port() != primary.port for one in sentinels), 30,
                   "the sentinels agree")

    def test_ioredis_with_one_server(self):
        self.finish(self.start("ioredis", "server", self.lab.server().port))

    def test_node_redis_with_one_server(self):
        self.finish(self.start("redis", "server", self.lab.server().port))

    def test_ioredis_follows_a_failover(self):
        self.through_a_failover("ioredis")

    def test_node_redis_follows_a_failover(self):
        self.through_a_failover("redis")


if __name__ == "__main__":
    unittest.main(verbosity=2)
