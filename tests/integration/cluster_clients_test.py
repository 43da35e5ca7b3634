#!/usr/bin/python3
"""Stock clients on a cluster that reshards and fails over: python3-redis, ioredis, node-redis and redis-cli -c.

While slots move, a client meets nothing but redirects, which it follows by itself; when a primary dies, errors end
with the failover. Each client writes without pause, and in the end every acknowledged write is there.
"""

import json
import logging
import os
import subprocess
import threading
import unittest
from pathlib import Path

import redis
from redis.cluster import RedisCluster

from stories import HOST, SUBJECT, Story, eventually

from harness.binaries import clusterctl
from harness.processes import die_with_parent

CLIENTS = Path(__file__).resolve().parent / "clients"


class Python(threading.Thread):
    """python3-redis, as a thread that writes."""

    def __init__(self, ports):
        super().__init__(daemon=True)
        logging.getLogger("redis").setLevel(logging.CRITICAL)  # It logs every redirect as an exception.
        logging.getLogger("redis.cluster").disabled = True
        self.client = RedisCluster(startup_nodes=[redis.cluster.ClusterNode(HOST, port) for port in ports],
                                   socket_timeout=3)
        self.acknowledged, self.errors = [], []
        self.stopping = threading.Event()
        self.start()

    def run(self):
        number = 0
        while not self.stopping.is_set():
            number += 1
            try:
                self.client.set(f"python:{number}", number)
                self.acknowledged.append(number)
            except redis.RedisError as error:
                self.errors.append(f"{type(error).__name__}: {error}")
                self.stopping.wait(0.02)

    def report(self):
        errors, self.errors = self.errors, []
        return {"acknowledged": len(self.acknowledged), "errors": errors}

    def stop(self):
        self.stopping.set()
        self.join(30)
        lost = [number for number in self.acknowledged if self.client.get(f"python:{number}") != b"%d" % number]
        return {**self.report(), "lost": lost}

    def close(self):
        self.stopping.set()
        self.join(30)
        self.client.close()


class Node:
    """One of npm's clients: clients/cluster.js."""

    def __init__(self, name, ports):
        self.process = subprocess.Popen(["node", "cluster.js", name, ",".join(map(str, ports))], cwd=CLIENTS, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        preexec_fn=die_with_parent)

    def ask(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"it ended: {self.process.stderr.read()}")
        return json.loads(line)

    def report(self):
        return self.ask("report")

    def stop(self):
        return self.ask("stop")

    def close(self):
        self.process.kill()
        self.process.communicate()


class Clients(Story):
    def setUp(self):
        super().setUp()
        self.assertTrue((CLIENTS / "node_modules").is_dir(),
                        f"the clients are not installed: run tests/run.sh, or npm ci in {CLIENTS}")
        self.nodes = self.lab.cluster_nodes(count=6, cluster_node_timeout=2000)
        self.ctl("create", *(f"{HOST}:{node.port}" for node in self.nodes), "--replicas", 1, "--yes")

    def ctl(self, *words, check=True):
        return self.lab.command(clusterctl(), *words, check=check, env={**os.environ, "XDG_STATE_HOME": str(self.lab.folder)})

    def primaries(self, asked):
        """id -> node, by their first slot."""
        view = json.loads(self.ctl("info", f"{HOST}:{asked.port}", "--json", check=False))
        by_port = {node.port: node for node in self.nodes}
        return {each["id"]: by_port[int(each["address"].rsplit(":", 1)[1])] for each in view["nodes"]
                if each["role"] == "primary" and each["reachable"] and each["slot_count"]}

    def reshard(self, primaries, slots=3000):
        asked = next(iter(primaries.values()))
        self.ctl("reshard", f"{HOST}:{asked.port}", "--from", "all", "--to", list(primaries)[-1], "--slots", slots,
                 "--yes")

    def through_resharding_and_a_failover(self, start, waits_for_the_dead=False):
        client = start([node.port for node in self.nodes[:3]])
        self.addCleanup(client.close)
        seen = {"count": 0}

        def writes_on(more):
            def more_than_before():
                report = client.report()
                seen["errors"] = seen.get("errors", []) + report["errors"]
                if report["acknowledged"] < seen["count"] + more:
                    return False
                seen["count"] = report["acknowledged"]
                return True
            eventually(more_than_before, 60, f"{more} more writes", pause=0.05)
        writes_on(300)
        primaries = self.primaries(self.nodes[0])
        self.reshard(primaries)
        writes_on(300)
        self.assertEqual(seen["errors"], [])  # Redirects are the client's own business.

        first = next(iter(primaries.values()))
        others = [node for node in self.nodes if node is not first]
        first.kill()
        eventually(lambda: first not in self.primaries(others[0]).values() and len(self.primaries(others[0])) == 3, 60,
                   "a replica has taken over")
        if not waits_for_the_dead:
            writes_on(300)
        first.restart()
        eventually(lambda: first.call("ROLE")[0] == b"slave", 60, "the dead primary is back as a replica")
        writes_on(300)
        seen["errors"] = []
        writes_on(500)
        self.assertEqual(seen["errors"], [])  # The gap is over.
        end = client.stop()
        if not SUBJECT.is_stock:  # Redis promises less.
            self.assertEqual(end["lost"], [])

    def test_python(self):
        self.through_resharding_and_a_failover(Python)

    def test_ioredis(self):
        self.through_resharding_and_a_failover(lambda ports: Node("ioredis", ports))

    def test_node_redis(self):
        # Version 5.0 looks for the new owner only when a node redirects it: the dead one, once it is back.
        self.through_resharding_and_a_failover(lambda ports: Node("redis", ports), waits_for_the_dead=True)

    def test_redis_cli(self):
        primaries = self.primaries(self.nodes[0])
        lines = "".join(f"SET cli:{number} {number}\n" for number in range(3000))
        cli = ["redis-cli", "-c", "-p", str(self.nodes[0].port)]
        process = subprocess.Popen(cli, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
        writer = threading.Thread(target=lambda: (process.stdin.write(lines), process.stdin.close()), daemon=True)
        writer.start()
        self.reshard(primaries)
        text = process.stdout.read()
        process.stdout.close()
        out = [line for line in text.splitlines() if line and not line.startswith("-> Redirected")]
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(out, ["OK"] * 3000)
        # It knows one node; whichever that is leads to all keys, also when another one has died.
        first = next(iter(primaries.values()))
        alive = next(node for node in self.nodes if node is not first)
        alive.call("WAIT", 1, 5000)
        first.kill()

        def written():
            done = subprocess.run(["redis-cli", "-c", "-p", str(alive.port)], text=True, capture_output=True,
                                  input="".join(f"SET after:{number} 1\n" for number in range(100)))
            return [line for line in done.stdout.splitlines() if line == "OK"] == ["OK"] * 100
        eventually(written, 60, "every slot takes writes again")


if __name__ == "__main__":
    unittest.main(verbosity=2)
