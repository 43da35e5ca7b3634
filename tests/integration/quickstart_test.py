#!/usr/bin/python3
"""deploy/quickstart.sh as a new user runs it: from a clean tree, and its corners with programs already built."""

import logging
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import unittest
from pathlib import Path

from redis.cluster import RedisCluster

from stories import HOST, SUBJECT, Client, Story, eventually

from harness.binaries import REPOSITORY, clusterctl
from harness.processes import is_free


class Quickstart(Story):
    """Runs the script of the tree `top` with a home and ports of its own."""

    def setUp(self):
        super().setUp()
        self.base = self.free_base()
        self.top = REPOSITORY
        self.environment = {**os.environ, "REDAN_HOME": str(self.lab.folder / "home")}
        self.environment.pop("REDAN_BIN", None)
        self.addCleanup(self.run_script, "--stop")

    @staticmethod
    def free_base():
        """A base whose ports, also the sentinels' 20000 above, are free and below the ephemeral range. Their bus
        10000 above may be taken at the moment: it waits."""
        for base in random.sample(range(1100, 12700), 200):
            if all(is_free(base + offset + i) for offset in (0, 10000, 20000) for i in range(7)):
                return base
        raise AssertionError("no free ports")

    def run_script(self, *words, code=None, timeout=120):
        done = subprocess.run([str(self.top / "deploy/quickstart.sh"), *map(str, words)],
                              env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              stdin=subprocess.DEVNULL, timeout=timeout)
        if code is not None:
            self.assertEqual(done.returncode, code, done.stdout)
        return done.stdout

    def rows(self, text):
        """name -> (role, port, pid) of the table."""
        return {name: (role, int(port), pid) for name, role, port, pid in
                re.findall(r"^(\S+)\s+(\S+)\s+127\.0\.0\.1:(\d+)\s+(\S+)\s+\S+/log$", text, re.MULTILINE)}

    @staticmethod
    def lives(pid):
        """Not when it has ended and only waits for somebody to ask for its exit code."""
        try:
            with open(f"/proc/{pid}/stat") as stat:
                return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
        except FileNotFoundError:
            return False

    def processes(self):
        """Everything that runs in this test's home, by pid: its command line (a server's is its title)."""
        found = {}
        home = self.environment["REDAN_HOME"]
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                there = os.readlink(f"/proc/{pid}/cwd").startswith(home)
            except OSError:
                continue
            if (there or any(word.startswith(home.encode()) for word in words)) and self.lives(pid):
                found[pid] = words
        return found

    def from_nothing_to_a_failover_and_back_to_nothing(self, timeout=120):
        rows = self.rows(self.run_script("--port-base", self.base, code=0, timeout=timeout))
        self.assertEqual([row[0] for row in rows.values()], ["primary", "replica", "replica"] + ["sentinel"] * 3)
        self.assertEqual(set(self.processes()), {pid for _, _, pid in rows.values()})
        again = self.rows(self.run_script("--port-base", self.base, code=0))
        self.assertEqual(again, rows)  # The second run starts nothing and ends nothing.
        with Client((HOST, self.base)) as client:
            client.call("SET", "greeting", "hello")
            self.assertEqual(client.call("WAIT", 2, 5000), 2)
        os.kill(int(rows["primary"][2]), signal.SIGKILL)

        def taken_over():
            roles = [row[0] for row in self.rows(self.run_script("--status")).values()]
            return roles[0] == "stopped" and "primary" in roles
        eventually(taken_over, 60, "a replica has taken over")
        rows = self.rows(self.run_script("--port-base", self.base, code=0))
        self.assertEqual(rows["primary"][0], "replica")
        new = next(row for name, row in rows.items() if row[0] == "primary")
        with Client((HOST, new[1])) as client:
            self.assertEqual(client.call("GET", "greeting"), b"hello")
        self.assertIn("6 processes ended", self.run_script("--stop", code=0))
        self.assertEqual(self.processes(), {})
        self.run_script("--status", code=1)


class FromACleanTree(Quickstart):
    def test_it_builds_starts_survives_a_kill_and_stops(self):
        """What git has, elsewhere, without anything built: only packages are there already."""
        self.top = self.lab.folder / "redan"
        files = self.lab.command("git", "-c", f"safe.directory={REPOSITORY}", "-C", REPOSITORY, "ls-files", "-z",
                                 "--cached", "--others", "--exclude-standard").split("\0")
        for name in filter(None, files):
            if (REPOSITORY / name).exists():
                (self.top / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(REPOSITORY / name, self.top / name)
        self.assertFalse((self.top / "build").exists())
        self.from_nothing_to_a_failover_and_back_to_nothing(timeout=3000)
        self.assertTrue((self.top / "build/release/bin/clusterctl").exists())


class Corners(Quickstart):
    def setUp(self):
        super().setUp()
        programs = self.lab.folder / "bin"
        programs.mkdir()
        for name, target in (("redan-server", SUBJECT.server), ("redan-sentinel", SUBJECT.sentinel),
                             ("clusterctl", clusterctl())):
            (programs / name).write_text(f'#!/bin/sh\nexec {target} "$@"\n')
            (programs / name).chmod(0o755)
        self.environment["REDAN_BIN"] = str(programs)

    def run_script(self, *words, **options):
        return super().run_script("--no-install", *words, **options)

    def test_from_nothing_to_a_failover_and_back_to_nothing(self):
        self.from_nothing_to_a_failover_and_back_to_nothing()

    def test_a_cluster_from_nothing_to_a_failover_a_further_node_and_back_to_nothing(self):
        words = ("--cluster", "--port-base", self.base)
        rows = self.rows(self.run_script(*words, code=0))
        self.assertEqual(list(rows), [f"node-{number}" for number in range(1, 7)])
        self.assertEqual(sorted(role for role, _, _ in rows.values()), ["primary"] * 3 + ["replica"] * 3)
        self.assertEqual(self.rows(self.run_script(*words, code=0)), rows)  # Starts nothing, changes nothing.
        logging.getLogger("redis.cluster").disabled = True  # It logs every redirect as an exception.
        client = RedisCluster(host=HOST, port=self.base)
        self.addCleanup(client.close)
        for number in range(100):
            client.set(f"key:{number}", number)
        failed = next(name for name, row in rows.items() if row[0] == "primary")
        with Client((HOST, rows[failed][1])) as one:
            self.assertEqual(one.call("WAIT", 1, 5000), 1)
        os.kill(int(rows[failed][2]), signal.SIGKILL)

        def taken_over():
            roles = [row[0] for row in self.rows(self.run_script(*words, "--status")).values()]
            return roles.count("primary") == 3 and roles.count("stopped") == 1
        eventually(taken_over, 60, "its replica has taken over")
        rows = self.rows(self.run_script(*words, code=0))
        self.assertEqual(rows[failed][0], "replica")
        self.assertEqual([client.get(f"key:{number}") for number in range(100)], [b"%d" % n for n in range(100)])
        advice = self.run_script(*words, "--add-node", code=0)
        self.assertIn("node-7", self.rows(advice))
        # What it says how to go on with is done as it stands there.
        steps = re.findall(r"^  (/\S+/clusterctl .*)$", advice, re.MULTILINE)
        self.assertEqual([step.split()[1] for step in steps], ["add-node", "rebalance", "rebalance", "del-node"])
        for step in steps:
            self.lab.command(*step.split(), "--yes", env={**self.environment, "XDG_STATE_HOME": str(self.lab.folder)})
        self.assertEqual([client.get(f"key:{number}") for number in range(100)], [b"%d" % n for n in range(100)])
        self.assertIn("at port base", self.run_script("--port-base", self.base, code=1))  # Not with sentinels, too.
        self.assertIn("7 processes ended", self.run_script(*words, "--stop", code=0))
        self.assertEqual(self.processes(), {})

    def test_a_port_in_use_is_named_and_what_was_started_can_be_stopped(self):
        with socket.create_server((HOST, self.base + 1)):
            words = self.run_script("--port-base", self.base, code=1)
            self.assertIn(f"port {self.base + 1} is in use", words)
            self.assertIn("--port-base", words)
        self.assertIn("1 processes ended", self.run_script("--stop", code=0))

    def test_a_pid_that_belongs_to_somebody_else_is_left_alone(self):
        self.run_script("--port-base", self.base, code=0)
        self.run_script("--stop", code=0)
        bystander = subprocess.Popen(["sleep", "60"])
        self.addCleanup(bystander.kill)
        (self.lab.folder / "home" / str(self.base) / "primary" / "pid").write_text(f"{bystander.pid} 12345\n")
        self.assertIn("0 processes ended", self.run_script("--stop", code=0))
        self.assertIsNone(bystander.poll())

    def test_nonsense_is_refused(self):
        for words in (["--port-base", "x"], ["--port-base", "40000"], ["--nope"], ["--port-base"]):
            self.run_script(*words, code=1)
        self.assertIn("--stop", self.run_script("--help", code=0))


class SampleConfiguration(Story):
    def test_a_node_starts_with_all_of_cluster_conf(self):
        text = (REPOSITORY / "deploy/cluster.conf").read_text().replace("/var/lib/redan", str(self.lab.folder))
        path = self.lab.folder / "cluster.conf"
        path.write_text(re.sub(r"^# ([a-z]+-[a-z-]+|requirepass|masterauth) (?=\S+$)", r"\1 ", text, flags=re.MULTILINE))
        self.assertIn("\nmasterauth CHANGE-ME", path.read_text())
        port = self.lab.ports.take()
        node = self.lab.server_with(path, "--port", port, "--bind", HOST, port=port, requirepass="CHANGE-ME")
        self.assertIn(b",node-1.example.org", node.call("CLUSTER", "NODES"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
