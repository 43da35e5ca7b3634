#!/usr/bin/python3
"""What surrounds a sentinel's decisions: scripts, the bus, passwords, protected mode, names of hosts."""

import os
import socket
import subprocess
import time
import unittest
from pathlib import Path

from stories import HOST, SUBJECT, ReplyError, Story, eventually

from harness.processes import wait_acquainted


class Scripts(Story):
    def script(self, name, body):
        path = self.lab.folder / name
        path.write_text(f'#!/bin/sh\necho "$@" >> {path}.called\n{body}\n')
        path.chmod(0o755)
        return path

    @staticmethod
    def calls(path):
        called = path.with_name(path.name + ".called")
        return called.read_text().splitlines() if called.exists() else []

    def watched(self, notify=None, reconfigure=None, extra=()):
        self.primary = self.lab.server("primary")
        self.replica = self.lab.server("replica", replicaof=[HOST, self.primary.port])
        self.replica.wait_in_sync(self.primary)
        extra = list(extra)
        extra += [f"sentinel notification-script redan {notify}"] if notify else []
        extra += [f"sentinel client-reconfig-script redan {reconfigure}"] if reconfigure else []
        sentinel = self.lab.sentinel("sentinel", self.primary, quorum=1, extra=extra)
        wait_acquainted(sentinel, 1, 1)
        sentinel.call("SENTINEL", "DEBUG", "SCRIPT-RETRY-DELAY", "50", "SCRIPT-MAX-RUNTIME", "300")
        return sentinel

    def test_both_are_called_with_what_happened(self):
        notify, reconfigure = self.script("notify", "exit 0"), self.script("reconfigure", "exit 0")
        sentinel = self.watched(notify, reconfigure)
        self.primary.kill()
        eventually(lambda: any("+switch-master" in line for line in self.calls(notify)), 60, "the last event")
        switched = f"+switch-master redan {HOST} {self.primary.port} {HOST} {self.replica.port}"
        self.assertIn(switched, self.calls(notify))
        self.assertIn(f"+sdown master redan {HOST} {self.primary.port}", self.calls(notify))
        self.assertFalse([line for line in self.calls(notify) if line.startswith("+slave ")])  # No warning.
        self.assertEqual(self.calls(reconfigure),
                         [f"redan leader start {HOST} {self.primary.port} {HOST} {self.replica.port}"])
        eventually(lambda: sentinel.call("SENTINEL", "PENDING-SCRIPTS") == [], 20, "nothing waits")

    def moved(self, code):
        """A client-reconfig-script that ends with `code`, after a failover."""
        reconfigure = self.script("reconfigure", f"exit {code}")
        sentinel = self.watched(reconfigure=reconfigure)
        self.primary.kill()
        eventually(lambda: self.calls(reconfigure), 60, "the first call")
        return sentinel, reconfigure

    def test_exit_code_one_is_tried_again(self):
        sentinel, reconfigure = self.moved(1)
        eventually(lambda: len(self.calls(reconfigure)) >= 4, 60, "three more calls")
        self.assertEqual(len(set(self.calls(reconfigure))), 1)
        self.assertNotIn("-script-error", sentinel.log())

    def test_exit_code_two_is_final(self):
        sentinel, reconfigure = self.moved(2)
        eventually(lambda: "-script-error" in sentinel.log(), 20, "it is told")
        self.assertEqual(sentinel.call("SENTINEL", "PENDING-SCRIPTS"), [])
        self.assertEqual(len(self.calls(reconfigure)), 1)

    def test_its_path_cannot_be_changed_over_the_network(self):
        primary = self.lab.server("primary")
        sentinel = self.lab.sentinel("sentinel", primary, quorum=1)
        for option in ("client-reconfig-script", "notification-script"):
            with self.assertRaises(ReplyError) as caught:
                sentinel.call("SENTINEL", "SET", "redan", option, "/bin/true")
            self.assertIn("denied for security reasons", str(caught.exception))

    def test_one_that_runs_too_long_is_killed(self):
        notify = self.script("notify", "exec sleep 1000")
        sentinel = self.watched(notify, extra=["loglevel debug"])
        self.primary.kill()
        eventually(lambda: "-script-timeout" in sentinel.log(), 60, "its time is over")
        eventually(lambda: any(line.split()[-1] == "9" for line in sentinel.log().splitlines()
                               if "-script-child" in line), 20, "it was killed by signal 9")


class Bus(Story):
    @staticmethod
    def listens(port):
        with socket.socket() as probe:
            return probe.connect_ex((HOST, port)) == 0

    @staticmethod
    def is_connected_to(port):
        """Whether some process here has a connection to this port."""
        rows = [line.split() for kind in ("tcp", "tcp6")
                for line in Path("/proc/net", kind).read_text().splitlines()[1:]]
        return any(int(row[2].split(":")[1], 16) == port and row[3] == "01" for row in rows)

    def test_a_taken_port_delays_the_bus_and_nothing_else(self):
        primary = self.lab.server("primary")
        first = self.lab.sentinel("first", primary, quorum=2)
        port = self.lab.ports.take()
        with socket.create_server((HOST, port + 10000)) as taken:
            self.lab.ports.take, take = (lambda: port), self.lab.ports.take
            second = self.lab.sentinel("second", primary, quorum=2)
            self.lab.ports.take = take
            self.assertIn("Address already in use", second.log())
            self.assertIn("Peers are spoken to over their client ports", second.log())
            for sentinel in (first, second):
                wait_acquainted(sentinel, 0, 2)
            eventually(lambda: first.call("SENTINEL", "CKQUORUM", "redan").startswith("OK 2"), 30, "both count")
        taken.close()
        eventually(lambda: "is free now and listened on" in second.log(), 30, "the bus opens")
        self.assertTrue(self.listens(port + 10000))
        eventually(lambda: self.is_connected_to(port + 10000), 60, "the peer moves to the bus")
        primary.kill()
        eventually(lambda: "+odown" in first.log() or "+odown" in second.log(), 30, "they agree")

    def test_a_peer_with_another_password_is_refused(self):
        primary = self.lab.server("primary")
        friends = [self.lab.sentinel(name, primary, quorum=1, extra=["sentinel sentinel-pass s3cret"])
                   for name in ("first", "second")]
        for friend in friends:
            wait_acquainted(friend, 0, 2)
            self.assertNotIn("refused us", friend.log())
        stranger = self.lab.sentinel("stranger", primary, quorum=1, extra=["sentinel sentinel-pass wrong"])
        eventually(lambda: "refused us: 'sentinel sentinel-pass' differs" in stranger.log(), 30, "it is told why")
        self.assertNotIn("s3cret", stranger.log() + friends[0].log())

    def test_a_password_keeps_peers_without_it_from_voting(self):
        primary = self.lab.server("primary")
        first = self.lab.sentinel("first", primary, quorum=1, extra=["sentinel sentinel-pass s3cret"])
        first.stop()
        first.config.write_text(first.config.read_text() + "\nrequirepass s3cret\n")
        first.start()
        eventually(lambda: self.listens(first.port), 20, "it listens")
        stranger = self.lab.sentinel("stranger", primary, quorum=1)
        eventually(lambda: "Unable to AUTH" in stranger.log() or "NOAUTH" in stranger.log() or
                   "refused us" in stranger.log(), 30, "neither way is open")

        def sees_it_down():
            with stranger.client() as client:
                others = client.call("SENTINEL", "SENTINELS", "redan")
            flags = [dict(zip(one[::2], one[1::2]))[b"flags"] for one in others]
            return flags and b"s_down" in flags[0]
        eventually(sees_it_down, 30, "it has no peer that answers")
        with self.assertRaises(ReplyError):
            stranger.call("SENTINEL", "CKQUORUM", "redan")


class Doors(Story):
    def test_without_a_password_only_this_host_may_enter(self):
        """In a network namespace of its own, which has an address that is not loopback."""
        conf = self.lab.folder / "sentinel.conf"
        for mode, password, open_door in (("yes", "", False), ("no", "", True), ("yes", "requirepass x\n", True)):
            conf.write_text(f"port 26379\nbind 0.0.0.0\nprotected-mode {mode}\n{password}"
                            "sentinel monitor m 127.0.0.1 6379 1\n")
            done = subprocess.run(
                ["unshare", "-rn", "sh", "-c",
                 "ip link set lo up && ip addr add 10.9.9.9/32 dev lo || exit 3\n"
                 f"{SUBJECT.sentinel} {conf} > {self.lab.folder}/log 2>&1 & pid=$!\n"
                 "n=0; while ! redis-cli -p 26379 ping > /dev/null 2>&1 && [ $n -lt 200 ]; do n=$((n+1)); sleep 0.05; done\n"
                 "redis-cli -h 127.0.0.1 -p 26379 ping\nredis-cli -h 10.9.9.9 -p 26379 ping\nkill $pid; wait $pid"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
            if done.returncode == 3 or "unshare" in done.stdout:
                self.fail("no network namespaces here: " + done.stdout)
            here, there = done.stdout.split("\n", 1)
            self.assertIn("NOAUTH" if password else "PONG", here)
            if open_door:
                self.assertIn("NOAUTH" if password else "PONG", there)
            else:
                self.assertIn("DENIED Redan is running in protected mode", there)

    def test_a_host_is_monitored_and_announced_by_its_name(self):
        primary = self.lab.server("primary")
        sentinel = self.lab.sentinel("sentinel", primary, quorum=1)
        with self.assertRaises(ReplyError):
            sentinel.call("SENTINEL", "MONITOR", "named", "localhost", primary.port, "1")
        sentinel.call("SENTINEL", "CONFIG", "SET", "resolve-hostnames", "yes")
        begin = time.monotonic()
        with self.assertRaises(ReplyError):
            sentinel.call("SENTINEL", "MONITOR", "none", "no-such-host.invalid", primary.port, "1")
        self.assertLess(time.monotonic() - begin, 60)
        self.assertEqual(sentinel.call("SENTINEL", "MONITOR", "named", "localhost", primary.port, "1"), "OK")
        ask = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "named")
        self.assertEqual(sentinel.call(*ask)[0], HOST.encode())
        sentinel.call("SENTINEL", "CONFIG", "SET", "announce-hostnames", "yes")
        self.assertEqual(sentinel.call(*ask)[0], b"localhost")
        sentinel.stop()
        sentinel.restart()

        def watched_again():
            with sentinel.client() as client:
                reply = client.call("SENTINEL", "MASTER", "named")
            return dict(zip(reply[::2], reply[1::2]))[b"flags"] == b"master"
        eventually(watched_again, 30, "the name in the file is resolved after the start")
        self.assertEqual(sentinel.call(*ask)[0], b"localhost")


if __name__ == "__main__":
    os.environ.pop("REDISCLI_AUTH", None)
    unittest.main(verbosity=2)
