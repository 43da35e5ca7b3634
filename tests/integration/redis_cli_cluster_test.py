#!/usr/bin/env python3
"""The stock redis-cli on clusters of our nodes: every verb of --cluster, and -c. Each story looks at what came of it."""

import json
import re
import subprocess
import threading
import unittest

from stories import HOST, Client, ReplyError, Story, SUBJECT, eventually
from harness.processes import die_with_parent

SLOTS = 16384


def at(node):
    return f"{HOST}:{node.port}"


class Seen:
    """A line of CLUSTER NODES."""

    def __init__(self, line):
        words = line.split()
        self.id, self.flags, self.primary, self.linked = words[0], words[2].split(","), words[3], words[7] == "connected"
        self.port = int(words[1].split("@")[0].rsplit(":", 1)[1])
        self.moving = [word for word in words[8:] if word.startswith("[")]
        self.count = 0
        for word in words[8:]:
            if not word.startswith("["):
                first, _, last = word.partition("-")
                self.count += int(last or first) - int(first) + 1


def seen_by(node):
    return {each.port: each for each in map(Seen, node.call("CLUSTER", "NODES").decode().splitlines())}


class RedisCli(Story):
    def setUp(self):
        super().setUp()
        self.nodes = []

    def start(self, count):
        self.nodes += self.lab.cluster_nodes(SUBJECT, count)
        return self.nodes[-count:]

    def cli(self, *words, answer=None, code=0):
        """redis-cli with these words, run to its end; what it printed."""
        done = subprocess.run(["redis-cli", *map(str, words)], capture_output=True, text=True, timeout=180,
                              input=answer, stdin=None if answer else subprocess.DEVNULL,
                              preexec_fn=die_with_parent)
        if code is not None:
            self.assertEqual(done.returncode, code, f"{words}:\n{done.stdout}\n{done.stderr}")
        return re.sub("\x1b\\[[0-9;]*m", "", done.stdout + done.stderr)

    def cluster(self, verb, *words, answer=None, code=0):
        return self.cli("--cluster", verb, *words, answer=answer, code=code)

    def create(self, primaries=3, replicas=0):
        self.start(primaries * (1 + replicas))
        said = self.cluster("create", *map(at, self.nodes), "--cluster-replicas", replicas, "--cluster-yes")
        self.assertIn("[OK] All 16384 slots covered.", said)
        self.wait_agreed()
        return self.nodes

    def wait_agreed(self):
        """Every node sees all nodes linked, every slot owned, nothing on the move, and the same roles."""
        def agreed():
            views = [seen_by(node) for node in self.nodes]
            for view in views:
                if len(view) != len(self.nodes) or not all(each.linked and not each.moving for each in view.values()):
                    return False
            facts = {tuple(sorted((each.id, each.primary, each.count) for each in view.values())) for view in views}
            return (len(facts) == 1 and sum(each.count for each in views[0].values()) == SLOTS and
                    all(b"cluster_state:ok" in node.call("CLUSTER", "INFO") for node in self.nodes))
        eventually(agreed, 60, "all nodes agree on a whole cluster")

    def assert_sound(self):
        self.wait_agreed()
        said = self.cluster("check", at(self.nodes[0]))
        self.assertIn("[OK] All nodes agree about slots configuration.", said)
        self.assertIn("[OK] All 16384 slots covered.", said)
        self.assertNotIn("[ERR]", said)
        self.assertNotIn("[WARNING]", said)

    def id_of(self, node):
        return node.call("CLUSTER", "MYID").decode()

    def slots_of(self, node):
        return seen_by(node)[node.port].count

    def fill(self, count):
        with self.client() as client:
            for i in range(count):
                client.call("SET", f"key:{i}", i)

    def assert_filled(self, count):
        with self.client() as client:
            self.assertEqual([client.call("GET", f"key:{i}") for i in range(count)],
                             [str(i).encode() for i in range(count)])

    def client(self):
        return Following(self.nodes)


class Following:
    """A client that goes where it is sent."""

    def __init__(self, nodes):
        self.first = nodes[0].port
        self.clients = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients.values():
            client.close()

    def at(self, port):
        if port not in self.clients:
            self.clients[port] = Client((HOST, port))
        return self.clients[port]

    def call(self, *words):
        port, asking = self.first, False
        for _ in range(2000):
            client = self.at(port)
            if asking:
                client.call("ASKING")
            try:
                return client.call(*words)
            except ReplyError as error:
                if error.code not in ("MOVED", "ASK", "TRYAGAIN"):
                    raise
                asking = error.code == "ASK"
                if error.code != "TRYAGAIN":
                    port = int(str(error).rsplit(":", 1)[1])
        raise AssertionError(f"{words} was sent around for ever")


class Counting:
    """Counts on some keys while a story goes on; every answer must be one more than the last."""

    def __init__(self, nodes):
        self.nodes, self.stopping, self.errors, self.written = nodes, False, [], 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        expected = {}
        try:
            with Following(self.nodes) as client:
                i = 0
                while not self.stopping:
                    key, i = f"count:{i % 300}", i + 1
                    expected[key] = expected.get(key, 0) + 1
                    value = client.call("INCR", key)
                    if value != expected[key]:
                        self.errors.append(f"{key} is {value}, not {expected[key]}")
                        return
                    self.written += 1
        except Exception as error:  # Whatever it is, the story must fail.
            self.errors.append(repr(error))

    def stop(self):
        self.stopping = True
        self.thread.join(30)


class Making(RedisCli):
    def test_create_check_info_and_call(self):
        self.create(3, 1)
        self.assert_sound()
        view = seen_by(self.nodes[0])
        primaries = [each for each in view.values() if "master" in each.flags]
        self.assertEqual(sorted(each.count for each in primaries), [5461, 5461, 5462])
        self.assertEqual(sorted(each.primary for each in view.values() if each.primary != "-"),
                         sorted(each.id for each in primaries))
        self.fill(90)
        said = self.cluster("info", at(self.nodes[4]))
        self.assertEqual(said.count("slots | 1 slaves."), 3)
        self.assertIn("[OK] 90 keys in 3 masters.", said)
        self.assertEqual(self.cluster("call", at(self.nodes[0]), "PING").count("PONG"), 6)
        said = self.cluster("call", at(self.nodes[0]), "CONFIG", "SET", "maxmemory-samples", 7, "--cluster-only-masters")
        self.assertEqual(said.count("OK"), 3)
        self.assertEqual(sorted(node.call("CONFIG", "GET", "maxmemory-samples")[1] for node in self.nodes),
                         [b"5"] * 3 + [b"7"] * 3)

    def test_set_timeout_reaches_all(self):
        # It rewrites the nodes' configuration, so they must have a file.
        for i in range(3):
            port, folder = self.lab.ports.take(), self.lab.folder / f"filed-{i}"
            folder.mkdir()
            file = folder / "redan.conf"
            file.write_text(f"port {port}\nbind {HOST}\ndir {folder}\ncluster-enabled yes\nsave ''\n")
            self.nodes.append(self.lab.server_with(file, name=f"filed-{i}", port=port))
        self.cluster("create", *map(at, self.nodes), "--cluster-yes")
        self.wait_agreed()
        self.assertIn("3 OK, 0 ERR", self.cluster("set-timeout", at(self.nodes[1]), 3210))
        for i, node in enumerate(self.nodes):
            self.assertEqual(node.call("CONFIG", "GET", "cluster-node-timeout")[1], b"3210")
            self.assertIn("cluster-node-timeout 3210", (self.lab.folder / f"filed-{i}" / "redan.conf").read_text())

    def test_nodes_are_added_and_deleted(self):
        self.create(3)
        primary, = self.start(1)
        self.assertIn("[OK] New node added correctly.", self.cluster("add-node", at(primary), at(self.nodes[0])))
        self.wait_agreed()
        replica, = self.start(1)
        self.assertIn("[OK] New node added correctly.",
                      self.cluster("add-node", at(replica), at(self.nodes[0]), "--cluster-slave", "--cluster-master-id",
                                   self.id_of(self.nodes[1])))
        self.wait_agreed()
        view = seen_by(self.nodes[0])
        self.assertEqual((view[primary.port].count, view[primary.port].primary), (0, "-"))
        self.assertEqual(view[replica.port].primary, self.id_of(self.nodes[1]))
        replica.wait_in_sync(self.nodes[1])
        # A primary with slots is not let go, an empty one is; and nobody brings it back.
        self.assertIn("is not empty", self.cluster("del-node", at(self.nodes[0]), self.id_of(self.nodes[1]), code=1))
        for node in (primary, replica):
            self.cluster("del-node", at(self.nodes[0]), self.id_of(node))
            self.nodes.remove(node)
            self.wait_agreed()
        self.assert_sound()
        self.assertEqual(len(seen_by(primary)), 1)


class Moving(RedisCli):
    def test_reshard_under_traffic_loses_nothing(self):
        self.create(3, 1)
        self.fill(600)
        counting = Counting(self.nodes)
        source, target = self.nodes[0], self.nodes[1]
        said = self.cluster("reshard", at(self.nodes[2]), "--cluster-from", self.id_of(source), "--cluster-to",
                            self.id_of(target), "--cluster-slots", 200, "--cluster-yes", "--cluster-pipeline", 3)
        self.assertEqual(said.count("Moving slot "), 400, "each is planned, and then moved")
        counting.stop()
        self.assertEqual(counting.errors, [])
        self.assertGreater(counting.written, 100)
        self.wait_agreed()
        self.assertEqual(self.slots_of(source), 5461 - 200)
        self.assertEqual(self.slots_of(target), 5462 + 200)
        self.assert_filled(600)
        self.assert_sound()

    def test_rebalance_gives_a_new_node_its_share(self):
        self.create(3)
        self.fill(300)
        fresh, = self.start(1)
        self.cluster("add-node", at(fresh), at(self.nodes[0]))
        self.wait_agreed()
        self.cluster("rebalance", at(self.nodes[0]), "--cluster-use-empty-masters", "--cluster-weight",
                     f"{self.id_of(fresh)}=0.02", "--cluster-threshold", 1)
        self.wait_agreed()
        self.assertTrue(105 <= self.slots_of(fresh) <= 112)  # redis-cli rounds each share up.
        self.assert_filled(300)
        # And takes it all away again: what has no slots left follows.
        self.cluster("rebalance", at(self.nodes[0]), "--cluster-weight", f"{self.id_of(fresh)}=0")
        eventually(lambda: "slave" in seen_by(fresh)[fresh.port].flags, 30, "an empty primary becomes a replica")
        self.assert_filled(300)
        self.assert_sound()

    def test_import_takes_the_keys_of_a_server(self):
        self.create(3)
        server = self.lab.server("standalone")
        with server.client() as client:
            client.pipeline([["SET", f"key:{i}", i] for i in range(200)])
        said = self.cluster("import", at(self.nodes[0]), "--cluster-from", at(server), "--cluster-copy")
        self.assertEqual(said.count(": OK\n"), 200)
        self.assertEqual(server.call("DBSIZE"), 200)
        self.assert_filled(200)
        # Without COPY the source gives them away; they are there already, so they must be replaced.
        self.cluster("import", at(self.nodes[0]), "--cluster-from", at(server), "--cluster-replace")
        self.assertEqual(server.call("DBSIZE"), 0)
        self.assert_filled(200)

    def test_backup_has_every_key(self):
        self.create(3)
        self.fill(300)
        folder = self.lab.folder / "backup"
        folder.mkdir()
        self.assertIn("[OK] Backup created into: " + str(folder), self.cluster("backup", at(self.nodes[0]), folder))
        files = sorted(folder.glob("*.rdb"))
        self.assertEqual(len(files), 3)
        keys = 0
        for file in files:
            said = subprocess.run(["/usr/bin/redis-check-rdb", file], capture_output=True, text=True, timeout=30,
                                  check=True, preexec_fn=die_with_parent).stdout
            keys += int(next(line for line in said.splitlines() if "keys read" in line).split()[1])
        self.assertEqual(keys, 300)
        nodes = json.loads((folder / "nodes.json").read_text())
        self.assertEqual(sorted(each["slots_count"] for each in nodes), [5461, 5461, 5462])


class Mending(RedisCli):
    def test_fix_ends_a_move_that_was_left_open(self):
        self.create(3)
        source, target = self.nodes[0], self.nodes[1]
        # {b} is in slot 3300, which is the first node's. Two of its keys have gone, then the tool died.
        with source.client() as client:
            client.pipeline([["SET", "{b}%d" % i, i] for i in range(5)])
        target.call("CLUSTER", "SETSLOT", 3300, "IMPORTING", self.id_of(source))
        source.call("CLUSTER", "SETSLOT", 3300, "MIGRATING", self.id_of(target))
        source.call("MIGRATE", HOST, target.port, "", 0, 5000, "KEYS", "{b}0", "{b}1")
        said = self.cluster("check", at(source), code=1)
        self.assertIn("has slots in migrating state 3300", said)
        self.assertIn("has slots in importing state 3300", said)
        self.cluster("fix", at(source))
        self.assert_sound()
        with self.client() as client:
            self.assertEqual([client.call("GET", "{b}%d" % i) for i in range(5)], [b"%d" % i for i in range(5)])
        # redis-cli lets the slot be where most of its keys are.
        self.assertEqual(source.call("CLUSTER", "COUNTKEYSINSLOT", 3300), 5)

    def test_a_move_goes_on_where_its_target_fails_over(self):
        self.create(3, 1)
        source, target = self.nodes[0], self.nodes[1]
        heir = next(node for node in self.nodes if seen_by(node)[node.port].primary == self.id_of(target))
        heir.wait_in_sync(target)
        source.call("SET", "{b}", "kept")
        target.call("CLUSTER", "SETSLOT", 3300, "IMPORTING", self.id_of(source))
        source.call("CLUSTER", "SETSLOT", 3300, "MIGRATING", self.id_of(target))
        heir.call("CLUSTER", "FAILOVER")
        eventually(lambda: seen_by(source)[heir.port].count == 5462, 30, "the replica took over")
        eventually(lambda: seen_by(source)[source.port].moving == [f"[3300->-{self.id_of(heir)}]"], 10,
                   "the source sends the slot to the new primary")
        self.assertEqual(seen_by(heir)[heir.port].moving, [f"[3300-<-{self.id_of(source)}]"])
        # What is not here yet is asked for there, and written there.
        self.assertIn(f"ASK 3300 {at(heir)}", self.cli("-p", source.port, "SET", "{b}2", "v"))
        self.assertEqual(self.cli("-c", "-p", source.port, "SET", "{b}2", "new"), "OK\n")
        self.assertEqual(heir.call("CLUSTER", "COUNTKEYSINSLOT", 3300), 1)
        self.assertEqual(source.call("MIGRATE", HOST, heir.port, "{b}", 0, 5000), "OK")
        for node in (heir, source):
            node.call("CLUSTER", "SETSLOT", 3300, "NODE", self.id_of(heir))
        self.assert_sound()
        with self.client() as client:
            self.assertEqual([client.call("GET", "{b}"), client.call("GET", "{b}2")], [b"kept", b"new"])

    def test_fix_covers_slots_that_nobody_has(self):
        self.create(3)
        with self.nodes[0].client() as client:
            client.call("SET", "{b}", "kept")
        for node in self.nodes:
            node.call("CLUSTER", "DELSLOTS", 3300, 17)
        said = self.cluster("check", at(self.nodes[0]), code=1)
        self.assertIn("[ERR] Not all 16384 slots are covered by nodes.", said)
        self.cluster("fix", at(self.nodes[0]), answer="yes\nyes\n")
        self.assert_sound()
        with self.client() as client:
            self.assertEqual(client.call("GET", "{b}"), b"kept")


class Asking(RedisCli):
    def test_cli_follows_redirects(self):
        self.create(3)
        first, second = self.nodes[0], self.nodes[1]
        cli = ["-c", "-p", first.port]
        for i in range(30):
            self.assertEqual(self.cli(*cli, "SET", f"key:{i}", i), "OK\n")
        for i in range(30):
            self.assertEqual(self.cli(*cli, "GET", f"key:{i}"), f"{i}\n")
        self.assertEqual(sum(node.call("DBSIZE") for node in self.nodes), 30)
        self.assertTrue(all(node.call("DBSIZE") > 0 for node in self.nodes))
        # Told once, without -c.
        self.assertIn(f"MOVED 15495 {at(self.nodes[2])}", self.cli("-p", first.port, "GET", "a"))
        # A slot on the move: the key that has gone is asked for where it is.
        second.call("CLUSTER", "SETSLOT", 3300, "IMPORTING", self.id_of(first))
        first.call("CLUSTER", "SETSLOT", 3300, "MIGRATING", self.id_of(second))
        self.assertEqual(self.cli(*cli, "SET", "{b}", "moved"), "OK\n")
        self.assertEqual(second.call("CLUSTER", "COUNTKEYSINSLOT", 3300), 1)
        self.assertEqual(self.cli(*cli, "GET", "{b}"), "moved\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
