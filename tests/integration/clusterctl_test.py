#!/usr/bin/env python3
"""clusterctl on real nodes in cluster mode: create, look, move slots under traffic, mend, add, remove, import,
back up. The nodes are Debian's redis-server; CLUSTER_NODES=subject takes ours."""
import binascii
import json
import os
import signal
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from harness import binaries  # noqa: E402
from harness.processes import HOST, Story, die_with_parent, eventually  # noqa: E402
from harness.proxy import Proxy  # noqa: E402
from harness.resp import Closed, ReplyError  # noqa: E402

CLUSTERCTL = binaries.clusterctl()
NODES = binaries.subject() if os.environ.get("CLUSTER_NODES") == "subject" else binaries.oracle()
SLOTS = 16384


def slot_of(key):
    return binascii.crc_hqx(key.encode(), 0) % SLOTS


def at(node):
    return f"{HOST}:{node.port}"


class ClusterStory(Story):
    """A story with nodes in cluster mode and clusterctl."""

    def setUp(self):
        super().setUp()
        # What clusterctl remembers of reshards that were cut off stays in the lab.
        self.environment = {**os.environ, "XDG_STATE_HOME": str(self.lab.folder / "state")}
        self.environment.pop("REDISCLI_AUTH", None)
        self.nodes = []

    def start(self, count=3, **options):
        self.nodes += self.lab.cluster_nodes(NODES, count, **options)
        return self.nodes

    def start_cluster(self, primaries=3, replicas=0, **options):
        self.start(primaries * (1 + replicas), **options)
        self.ctl("create", *map(at, self.nodes), "--replicas", replicas, "--yes")
        return self.nodes

    def ctl(self, *arguments, code=0, answer=None):
        """Runs clusterctl to its end; what it printed. code=None takes any exit code."""
        done = subprocess.run([CLUSTERCTL, *map(str, arguments)], capture_output=True, text=True, timeout=60,
                              input=answer, env=self.environment, preexec_fn=die_with_parent)
        if code is not None:
            self.assertEqual(done.returncode, code, f"{arguments}:\n{done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr

    def start_ctl(self, *arguments):
        return subprocess.Popen([CLUSTERCTL, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL, text=True, env=self.environment,
                                preexec_fn=die_with_parent)

    def view(self):
        return json.loads(self.ctl("check", at(self.nodes[0]), "--json", code=None))

    def assert_sound(self):
        view = eventually(lambda: (lambda v: v if v["healthy"] else None)(self.view()), 10, "a sound cluster")
        self.assertEqual([each["migrating"] or each["importing"] for each in view["nodes"]],
                         [{}] * len(view["nodes"]))
        return view

    def id_of(self, node):
        return node.call("CLUSTER", "MYID").decode()

    def slots_of(self, node):
        mine = next(each for each in self.view()["nodes"] if each["address"] == at(node))
        return mine["slot_count"]

    def fill(self, count, prefix="key", value="value"):
        """Keys into a fresh cluster of self.nodes[:3], by create's slot map; nothing follows redirects here."""
        shares = {}
        for i in range(count):
            key = f"{prefix}:{i}"
            owner = min(slot_of(key) * 3 // SLOTS, 2)
            shares.setdefault(owner, []).append(("SET", key, f"{value}:{i}"))
        moved = 0
        for owner, commands in shares.items():
            with self.nodes[owner].client() as client:
                for start in range(0, len(commands), 1000):
                    replies = client.pipeline(commands[start:start + 1000])
                    moved += sum(reply != "OK" for reply in replies)
        self.assertLess(moved, 4, "more redirects than the edges of the shares explain")
        return count - moved

    @staticmethod
    def slot_count(node):
        """How many slots a node says that it owns."""
        mine = next(line for line in node.call("CLUSTER", "NODES").decode().splitlines() if "myself" in line)
        ranges = [word.split("-") for word in mine.split()[8:] if not word.startswith("[")]
        return sum(int(each[-1]) - int(each[0]) + 1 for each in ranges)

    def fill_by(self, nodes, count):
        """As fill(), whoever of these owns what."""
        owners = [node for node in nodes if self.slot_count(node) > 0]
        self.nodes = sorted(owners, key=lambda node: min(
            int(word.split("-")[0]) for word in next(
                line for line in node.call("CLUSTER", "NODES").decode().splitlines() if "myself" in line).split()[8:]))
        filled = self.fill(count)
        self.nodes = nodes
        return filled

    def keys(self):
        return sum(node.call("DBSIZE") for node in self.nodes)


class Traffic:
    """Clients that count: INCR on their keys, following redirects; every counter must add up in the end."""

    KEYS = 200

    def __init__(self, nodes, threads=2):
        self.nodes = {node.port: node for node in nodes}
        self.first = nodes[0].port
        self.stopping = False
        self.expected = {}
        self.errors = []
        self.threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(20)

    def _run(self, number):
        clients = {}
        try:
            owners = {}
            for i in range(1 << 30):
                if self.stopping:
                    return
                key = f"count:{number}:{i % self.KEYS}"
                value = self._call(clients, owners, key)
                self.expected[key] = self.expected.get(key, 0) + 1
                if value != self.expected[key]:
                    self.errors.append(f"{key} is {value}, not {self.expected[key]}")
                    return
        except (OSError, Closed, ReplyError, AssertionError) as error:
            self.errors.append(repr(error))
        finally:
            for client in clients.values():
                client.close()

    def _call(self, clients, owners, key):
        port = owners.get(slot_of(key), self.first)
        asking = False
        for _ in range(200):
            if port not in clients:
                clients[port] = self.nodes[port].client()
            try:
                if asking:
                    clients[port].call("ASKING")
                value = clients[port].call("INCR", key)
                if not asking:
                    owners[slot_of(key)] = port
                return value
            except ReplyError as error:
                asking = error.code == "ASK"
                if error.code in ("MOVED", "ASK"):
                    port = int(str(error).rsplit(":", 1)[1])
                elif error.code == "TRYAGAIN":
                    time.sleep(0.001)
                else:
                    raise
        raise AssertionError(f"{key} is sent around in circles")


class Making(ClusterStory):
    def test_create_three_and_three(self):
        nodes = self.start(6)
        plan = self.ctl("create", *map(at, nodes), "--replicas", 1, "--dry-run")
        self.assertIn("0-5460", plan)
        self.assertEqual(nodes[0].call("CLUSTER", "INFO").count(b"cluster_known_nodes:1\r"), 1)
        # Nobody says yes: nothing happens.
        self.assertIn("nothing was changed", self.ctl("create", *map(at, nodes), code=1, answer="no\n"))
        self.assertIn("--yes", self.ctl("create", *map(at, nodes), code=1, answer=""))
        # A create that was cut off after two nodes had met is finished by the same words.
        nodes[1].call("CLUSTER", "MEET", HOST, nodes[0].port)
        nodes[0].call("CLUSTER", "ADDSLOTSRANGE", 0, 100)
        self.ctl("--cluster", "create", *map(at, nodes), "--cluster-replicas", 1, "--cluster-yes")
        view = self.assert_sound()
        self.assertEqual([each["role"] for each in view["nodes"]], ["primary", "replica"] * 3)
        self.assertEqual(sum(each["slot_count"] for each in view["nodes"]), SLOTS)
        for reader in ("info", "nodes", "check"):
            self.assertIn(at(nodes[0]), self.ctl(reader, HOST, nodes[3].port))
        self._hand_over(nodes, view)
        # Whoever is primary by now: the cluster stands, and is left alone.
        before = self.view()["nodes"]
        again = self.ctl("create", *map(at, nodes), "--replicas", 1)
        self.assertIn("nothing to create", again)
        self.assertEqual([each["id"] for each in self.view()["nodes"]], [each["id"] for each in before])
        self._call_all(nodes)

    def test_a_meeting_that_came_to_nothing_is_repeated(self):
        """The bus of the first node is out of reach for longer than the others try."""
        port = self.lab.ports.take()
        wire = Proxy(self.lab, port + 10000)
        self.addCleanup(wire.close)
        wire.cut()
        first = self.lab.server("first", NODES, port=port, cluster_enabled="yes", cluster_node_timeout=1000,
                                cluster_announce_bus_port=wire.port)
        others = self.start(2, **{"cluster-node-timeout": 1000})
        create = subprocess.Popen([CLUSTERCTL, "create", *map(at, [first, *others]), "--timeout", "20", "--yes"], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.environment,
                                  preexec_fn=die_with_parent)

        def meeting(node):
            return f"127.0.0.1:{port}@{wire.port}" in node.call("CLUSTER", "NODES").decode()
        for node in others:
            eventually(lambda: meeting(node), 20, "it tries to meet the first")
        eventually(lambda: not any(map(meeting, others)), 20, "the others give up")
        wire.heal()
        out = create.communicate(timeout=60)[0]
        self.assertEqual(create.returncode, 0, out)
        for node in (first, *others):
            self.assertEqual(node.call("CLUSTER", "INFO").count(b"cluster_known_nodes:3\r"), 1)

    def _hand_over(self, nodes, view):
        replica = next(each for each in view["nodes"] if each["role"] == "replica")
        self.assertIn("primary already", self.ctl("failover", at(nodes[0]), code=1))
        self.ctl("failover", replica["address"])
        self.assertEqual([each["role"] for each in self.view()["nodes"] if each["id"] == replica["id"]], ["primary"])
        self.ctl("failover", at(nodes[1]), replica["primary"][:12], "--takeover")
        self.assert_sound()

    def _call_all(self, nodes):
        text = self.ctl("call", at(nodes[0]), "--cluster-only-masters", "PING")
        self.assertEqual(text.count("PONG"), 3)
        self.assertIn("ERROR", self.ctl("call", at(nodes[0]), "NOSUCH", "--x", code=1))
        self.ctl("set-timeout", at(nodes[0]), 4321)
        for node in nodes:
            self.assertEqual(node.call("CONFIG", "GET", "cluster-node-timeout")[1], b"4321")

    def test_create_refuses_and_names_what_does_not_fit(self):
        nodes = self.start(3)
        nodes[1].call("CLUSTER", "ADDSLOTS", 16000)
        stranger = self.lab.server("standalone", NODES)
        text = self.ctl("create", *map(at, nodes), at(stranger), "--yes", code=1)
        self.assertIn(f"{at(nodes[1])} owns slots 16000", text)
        self.assertIn(f"{at(stranger)} answered to CLUSTER NODES: ERR This instance has cluster support disabled", text)
        self.assertIn("Could not connect", self.ctl("create", *map(at, nodes), f"{HOST}:1", "--yes", code=1))
        self.assertIn("at least 3 primaries", self.ctl("create", at(nodes[0]), at(nodes[2]), "--yes", code=1))
        self.assertIn("named twice", self.ctl("create", *[at(nodes[0])] * 3, "--yes", code=1))
        self.assertIn("fail", self.ctl("check", at(nodes[0]), code=3))
        self.assertIn("Could not connect", self.ctl("check", f"{HOST}:1", code=1))
        self.ctl("frob", code=2)


class Moving(ClusterStory):
    def test_reshard_under_traffic_is_killed_and_finished(self):
        nodes = self.start_cluster(3)
        count = self.fill(30000)
        traffic = Traffic(nodes)
        # (Nodes that stream slots are done before anybody can kill: slot_migration_test.py has their stories.)
        words = ["reshard", at(nodes[0]), "--from", "all", "--to", self.id_of(nodes[2]), "--slots", 3000, "--legacy",
                 "--yes"]
        before = self.slots_of(nodes[2])
        kills = 0
        for _ in range(3):
            run = self.start_ctl(*words)
            moved = self.slots_of(nodes[2])
            eventually(lambda: run.poll() is not None or self.slots_of(nodes[2]) > moved, 20, "slots move")
            if run.poll() is None:
                run.send_signal(signal.SIGKILL)
                kills += 1
            run.communicate()
        self.assertGreater(kills, 0)
        self.ctl(*words)
        self.assert_sound()
        self.assertEqual(self.slots_of(nodes[2]), before + 3000)
        self.ctl("rebalance", at(nodes[0]), "--yes")
        traffic.stop()
        self.assertEqual(traffic.errors, [])
        self.assertGreater(len(traffic.expected), 300)
        self.assertEqual(self.keys(), count + len(traffic.expected))
        self.assert_sound()

    def test_a_source_that_gave_its_last_slot_follows_the_target_before_it_is_told(self):
        """It hears the target's claim before clusterctl's last word, which a replica refuses."""
        nodes = self.start(2)
        port = self.lab.ports.take()
        wire = Proxy(self.lab, port)
        self.addCleanup(wire.close)
        source = self.lab.server("source", NODES, port=port, cluster_enabled="yes", cluster_node_timeout=2000,
                                 cluster_announce_port=wire.port, cluster_announce_bus_port=port + 10000)
        nodes.append(source)
        self.ctl("create", *map(at, nodes[:2]), f"{HOST}:{wire.port}", "--yes")
        source_id = self.id_of(source)
        self.assertEqual(self.slot_count(source), 5462)
        self.ctl("reshard", at(nodes[0]), "--from", source_id, "--to", self.id_of(nodes[0]), "--slots", 5457, "--yes")
        held = []

        def until_it_follows(data):
            if b"SETSLOT" in data and b"NODE" in data:
                held.append(eventually(lambda: source.call("ROLE")[0] == b"slave", 20, "the source is a replica"))
        wire.before = until_it_follows
        out = self.ctl("reshard", at(nodes[0]), "--from", source_id, "--to", self.id_of(nodes[0]), "--slots", 5,
                       "--legacy", "--yes")
        self.assertIn("Moved 5 slots", out)
        self.assertTrue(held)
        self.assertEqual([each["primary"] for each in self.assert_sound()["nodes"] if each["role"] == "replica"],
                         [self.id_of(nodes[0])])

    def test_a_source_that_lost_a_failover_is_replaced_by_its_heir(self):
        nodes = self.start_cluster(3, replicas=1, cluster_node_timeout=1000)
        count = self.fill_by(nodes, 20000)
        by_id = {self.id_of(node): node for node in nodes}
        primaries = [each["id"] for each in self.view()["nodes"] if each["role"] == "primary"]
        source, target = by_id[primaries[0]], by_id[primaries[1]]
        replica = next(by_id[each["id"]] for each in self.view()["nodes"] if each.get("primary") == primaries[0])
        asked = by_id[primaries[2]]
        self.nodes = [asked, *(node for node in nodes if node is not asked)]
        words = ["reshard", at(asked), "--from", primaries[0], "--to", primaries[1], "--slots", 2000, "--pipeline", 1,
                 "--legacy", "--yes"]
        run = self.start_ctl(*words)
        before = self.slot_count(target)
        eventually(lambda: run.poll() is not None or self.slot_count(target) > before, 20, "slots move", pause=0)
        self.assertIsNone(run.poll(), "it was over too soon")
        source.kill()
        self.assertIn("the same command again", run.communicate(timeout=60)[0])
        self.assertEqual(run.returncode, 1)
        eventually(lambda: replica.call("ROLE")[0] == b"master", 60, "its replica has taken over")
        source.restart()
        eventually(lambda: source.call("ROLE")[0] == b"slave", 60, "the source is a replica")
        out = self.ctl(*words)
        self.assertIn("stands in for it", out)
        self.assert_sound()
        self.assertEqual(self.slot_count(target), before + 2000)
        primaries = [by_id[each["id"]] for each in self.view()["nodes"] if each["role"] == "primary"]
        self.assertEqual(sum(node.call("DBSIZE") for node in primaries), count)

    def test_what_a_line_does_not_say_is_asked_for(self):
        nodes = self.start_cluster(3)
        to, source = self.id_of(nodes[1]), self.id_of(nodes[0])
        self.assertIn("--slots", self.ctl("reshard", at(nodes[0]), code=1, answer=""))
        self.ctl("reshard", at(nodes[0]), answer=f"10\n{to}\n{source}\nyes\n")
        self.assertEqual(self.slots_of(nodes[0]), 5451)
        self.ctl("reshard", at(nodes[0]), "--slots", 10, "--to", source, answer="all\nno\n", code=1)
        self.assertEqual(self.slots_of(nodes[0]), 5451)
        self.ctl("reshard", at(nodes[0]), "--slots", 10, "--to", source, "--json", code=2)

    def test_weights_threshold_and_an_empty_primary(self):
        nodes = self.start_cluster(3)
        count = self.fill(3000)
        self.assertIn("Nothing to do", self.ctl("rebalance", at(nodes[0]), "--yes"))
        text = self.ctl("rebalance", at(nodes[0]), "--weight", f"{self.id_of(nodes[0])}=2", "--simulate")
        self.assertIn(at(nodes[0]), text)
        self.assertEqual(self.slots_of(nodes[0]), 5461)
        self.ctl("rebalance", at(nodes[0]), "--cluster-weight", f"{self.id_of(nodes[0])}=2",
                 f"{self.id_of(nodes[1])[:10]}=1", "--yes")
        self.assertEqual([self.slots_of(node) for node in nodes], [8192, 4096, 4096])
        # A new node gets its share, gives it away again, and leaves.
        new = self.start(1)[3]
        self.ctl("add-node", at(new), at(nodes[0]), "--yes")
        self.ctl("rebalance", at(nodes[0]), "--use-empty-primaries", "--yes")
        self.assertEqual(self.slots_of(new), 4096)
        new_id = self.id_of(new)
        self.assertIn("owns 4 096 slots", self.ctl("del-node", at(nodes[0]), new_id, "--yes", code=1))
        self.ctl("rebalance", at(nodes[0]), "--weight", f"{new_id}=0", "--yes")
        self.ctl("del-node", at(nodes[0]), new_id, "--yes")
        self.assertEqual(len(self.assert_sound()["nodes"]), 3)
        self.assertEqual(new.call("CLUSTER", "INFO").count(b"cluster_known_nodes:1\r"), 1)
        # As a replica this time; the words may be said again.
        for _ in range(2):
            self.ctl("add-node", at(new), at(nodes[0]), "--slave", "--master-id", self.id_of(nodes[1]), "--yes")
        self.assertEqual([each["primary"] for each in self.assert_sound()["nodes"] if each["role"] == "replica"],
                         [self.id_of(nodes[1])])
        self.assertEqual(sum(node.call("DBSIZE") for node in nodes[:3]), count)
        self.ctl("del-node", at(nodes[0]), at(new), "--yes")
        self.assertEqual(len(self.assert_sound()["nodes"]), 3)

    def test_two_operators(self):
        nodes = self.start_cluster(3)
        count = self.fill(30000)
        first = self.start_ctl("reshard", at(nodes[0]), "--from", self.id_of(nodes[0]), "--to", self.id_of(nodes[1]),
                               "--slots", 5000, "--pipeline", 1, "--legacy", "--yes")
        eventually(lambda: any(each["migrating"] for each in self.view()["nodes"]), 10, "the first is at work")
        text = self.ctl("reshard", at(nodes[1]), "--from", self.id_of(nodes[2]), "--to", self.id_of(nodes[1]),
                        "--slots", 100, "--yes", code=1)
        self.assertIn("another clusterctl is at work", text)
        self.assertIn("'reshard'", text)
        # Ctrl-C ends the first where no slot is open.
        first.send_signal(signal.SIGINT)
        text = first.communicate(timeout=20)[0]
        self.assertIn("interrupted after", text)
        self.assertEqual(first.returncode, 1)
        self.assert_sound()
        self.assertEqual(self.keys(), count)


class Mending(ClusterStory):
    def test_a_burst_that_was_cut_off_left_a_key_at_both_ends(self):
        """The others go over in the same burst; a source that moves a slot answers ASK for what it has no more."""
        nodes = self.start_cluster(3)
        slot = slot_of("b")
        source, target = nodes[slot * 3 // SLOTS], nodes[slot * 3 // SLOTS - 1]
        keys = [f"{{b}}{i}" for i in range(6)]
        for key in keys:
            source.call("SET", key, "value")
        target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", self.id_of(source))
        source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", self.id_of(target))
        with target.client() as client:
            client.call("ASKING")
            client.call("SET", keys[0], "value")
        self.ctl("fix", at(nodes[0]), "--yes")
        self.assert_sound()
        self.assertEqual([target.call("GET", key) for key in keys], [b"value"] * len(keys))

    def test_planted_faults(self):
        nodes = self.start_cluster(3)
        count = self.fill(3000)
        ids = [self.id_of(node) for node in nodes]
        owned = {n: [s for s in range(n * 5461 + 10, n * 5461 + 5000)] for n in range(3)}
        # A move that stands in the middle, with keys at both ends.
        moving = slot_of("key:5")
        source = min(moving * 3 // SLOTS, 2)
        target = (source + 1) % 3
        nodes[target].call("CLUSTER", "SETSLOT", moving, "IMPORTING", ids[source])
        nodes[source].call("CLUSTER", "SETSLOT", moving, "MIGRATING", ids[target])
        # A source that says it gives a slot which nobody takes; an import from somebody who is not the owner.
        nodes[0].call("CLUSTER", "SETSLOT", owned[0][7], "MIGRATING", ids[1])
        nodes[2].call("CLUSTER", "SETSLOT", owned[0][9], "IMPORTING", ids[1])
        # Keys at a node that does not own their slot, marked as an import.
        stray = next(f"stray:{i}" for i in range(100000) if slot_of(f"stray:{i}") == owned[1][3])
        nodes[0].call("CLUSTER", "SETSLOT", owned[1][3], "IMPORTING", ids[2])
        with nodes[0].client() as client:
            client.call("ASKING")
            client.call("SET", stray, "kept")
        # Slots without an owner: one whose keys are still there, and empty ones.
        bare = [slot_of("key:77"), 16300, 16301]
        for node in nodes:
            for slot in bare:
                try:
                    node.call("CLUSTER", "DELSLOTS", slot)
                except ReplyError:
                    pass
        self.assertIn("without an owner", self.ctl("check", at(nodes[0]), code=3))
        self.assertIn("clusterctl fix", self.ctl("reshard", at(nodes[0]), "--to", ids[0], "--slots", 1, "--yes", code=1))
        self.ctl("fix", at(nodes[0]), "--dry-run")
        self.assertIn("without an owner", self.ctl("check", at(nodes[0]), code=3))
        self.ctl("fix", at(nodes[0]), "--cluster-search-multiple-owners", "--yes")
        self.assert_sound()
        self.assertEqual(self.keys(), count + 1)
        self.assertEqual(nodes[1].call("GET", stray), b"kept")
        self.assertIn("Nothing to fix", self.ctl("fix", at(nodes[0]), "--yes"))

    def test_a_dead_primary(self):
        nodes = self.start_cluster(3, cluster_node_timeout=500)
        nodes[2].kill()
        eventually(lambda: nodes[0].call("CLUSTER", "NODES").count(b"fail ") == 1, 20, "the dead node is noticed")
        self.assertIn("left alone", self.ctl("fix", at(nodes[0]), "--yes"))
        self.ctl("del-node", at(nodes[0]), at(nodes[2]), "--yes", code=1)  # It owns slots.
        self.ctl("fix", at(nodes[0]), "--fix-with-unreachable-primaries", "--yes")
        self.ctl("del-node", at(nodes[0]), at(nodes[2]), "--yes")
        self.nodes = nodes[:2]
        self.assertEqual(len(self.assert_sound()["nodes"]), 2)


class Completing(ClusterStory):
    def test_bash_completes_verbs_and_options(self):
        script = self.lab.folder / "completion"
        script.write_text(self.ctl("completion", "bash"))

        def completed(*words):
            line = " ".join(words)
            return self.lab.command("bash", "-c", f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; "
                                    "_clusterctl; echo ${COMPREPLY[@]}").split()
        self.assertEqual(completed("clusterctl", "re"), ["reshard", "rebalance"])
        self.assertEqual(completed("clusterctl", "create", "--repl"), ["--replicas"])
        self.assertEqual(completed("clusterctl", "check", "--js"), ["--json"])


class Carrying(ClusterStory):
    def test_import_and_backup(self):
        nodes = self.start_cluster(3)
        source = self.lab.server("source", NODES, requirepass="open sesame")
        with source.client() as client:
            client.pipeline([("SET", f"word:{i}", f"value:{i}") for i in range(10000)])
            # Our nodes have strings only, so far.
            client.call(*(("RPUSH", "list", *range(100)) if NODES.is_stock else ("SET", "list", 100)))
        words = ["import", at(nodes[0]), "--from", at(source), "--from-pass", "open sesame"]
        self.assertIn("NOAUTH", self.ctl(*words[:4], code=1))
        self.ctl(*words, "--copy")
        self.assertEqual((self.keys(), source.call("DBSIZE")), (10001, 10001))
        self.assertIn("10 001 keys were in the cluster already", self.ctl(*words, "--cluster-copy"))
        # A key that is another in the cluster is named, and overwritten only on demand.
        source.call("SET", "word:7", "other")
        source.call("SET", "fresh", 1)
        self.assertIn('"word:7"', self.ctl(*words, code=1))
        self.assertEqual(self.keys(), 10002)
        self.ctl(*words, "--replace")
        self.assertEqual((self.keys(), source.call("DBSIZE")), (10002, 0))
        owner = nodes[min(slot_of("word:7") * 3 // SLOTS, 2)]
        self.assertEqual(owner.call("GET", "word:7"), b"other")
        self._back_up(nodes)

    def _back_up(self, nodes):
        folder = self.lab.folder / "backup"
        self.ctl("backup", at(nodes[0]), folder)
        described = json.loads((folder / "nodes.json").read_text())
        self.assertEqual(sum(each["slots_count"] for each in described), SLOTS)
        for i, each in enumerate(described):
            name = f"redis-node-{each['host']}-{each['port']}-{each['name']}.rdb"
            loaded = self.lab.server(f"loaded-{i}", binaries.oracle(), dbfilename=name, dir=folder)
            original = next(node for node in nodes if node.port == each["port"])
            self.assertEqual(loaded.call("DBSIZE"), original.call("DBSIZE"))
            self.assertEqual(loaded.digest(), original.digest())

    def test_passwords(self):
        self.start(3, requirepass="secret", masterauth="secret")
        words = ["create", *map(at, self.nodes), "--yes"]
        self.assertIn("NOAUTH", self.ctl(*words, code=1))
        self.assertIn("refused the password", self.ctl(*words, "-a", "wrong", code=1))
        self.ctl(*words, "-a", "secret")
        self.environment["REDISCLI_AUTH"] = "secret"
        with self.nodes[0].client() as client:
            client.call("SET", "{b}1", "x")  # slot 3300
        self.ctl("reshard", at(self.nodes[0]), "--from", at(self.nodes[0]), "--to", at(self.nodes[1]), "--slots", 4000,
                 "--yes")
        self.assertEqual(self.nodes[1].call("GET", "{b}1"), b"x")
        self.assert_sound()


if __name__ == "__main__":
    unittest.main(verbosity=2)
