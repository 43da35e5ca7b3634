"""Drills of a cluster of three primaries and three replicas, under load: it breaks, or it is changed.

A drill gets a running cluster with writers on it, does what it does, and returns when that is over. The frame
around it waits until all nodes are of one mind, counts, and judges: PROMISES says what a drill may lose.
"""

import json
import signal
import subprocess
import time

from books import Books
from cluster_load import SLOTS, slot_of
from drills import PORT, Promise
from harness.processes import eventually
from harness.resp import Client, ReplyError

FILL = 30000  # Keys that are there before the load, so that slots have something to move.


class ClusterDrill:
    profile = "cluster"

    def __init__(self, name, stack, writers=4):
        self.name, self.stack, self.network, self.writers = name, stack, stack.network, writers
        self.nodes = [name for name in stack.services if not stack.is_job(name)]
        self.operator = stack.client([], "operator")
        self.old = self.new = None  # Of a failover: who lost and who won it.
        self.harmed_at = self.window_ended_at = None
        self.everybody_down = False  # Clients have to meet trouble.
        self.notes = {}  # Figures of this drill only.
        self.load = None
        self.filled = []
        self.breaches = []

    # What a drill may ask and do.
    def call(self, name, *args, timeout=2.0):
        with Client((self.network.address(name), PORT), timeout=timeout, connect_timeout=timeout) as client:
            return client.call(*args)

    def alive(self):
        """Some node that answers, for clusterctl to begin with."""
        return next(name for name in self.nodes if name != self.old)

    def start_ctl(self, *words):
        return self.operator.spawn(["clusterctl", *words])

    def ctl(self, *words, code=0, timeout=60):
        return self.finish(self.start_ctl(*words), words, code, timeout)

    @staticmethod
    def finish(process, words, code=0, timeout=60):
        try:
            out = process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"clusterctl {' '.join(words)} does not end:\n{process.communicate()[0]}")
        if code is not None and process.returncode != code:
            raise AssertionError(f"clusterctl {' '.join(words)} ended with {process.returncode}:\n{out}")
        return out

    def view(self):
        return json.loads(self.ctl("check", f"{self.alive()}:{PORT}", "--json", code=None))

    def members(self):
        """Of the view: name -> what clusterctl says of the node."""
        return {self.network.name_of(each["address"].rsplit(":", 1)[0]): each for each in self.view()["nodes"]}

    def primaries(self):
        """name -> id of those that own slots."""
        return {name: each["id"] for name, each in self.members().items()
                if each["role"] == "primary" and each["slot_count"] > 0}

    def own_slots(self, name):
        """What a node says that it owns."""
        for line in self.call(name, "CLUSTER", "NODES").decode().splitlines():
            words = line.split()
            if "myself" in words[2]:
                return self.slots_in(words[8:])
        raise AssertionError(f"{name} does not name itself")

    def keys(self):
        return sum(self.call(name, "DBSIZE") for name in self.primaries())

    def load_runs(self, more=200):
        """The load gets writes through: more of them than now, as somebody sees who is not cut off."""
        before = self.keys()
        eventually(lambda: self.keys() > before + more, 60, "writes are acknowledged", pause=0.05)

    def harm(self):
        self.harmed_at = time.monotonic()

    def wait_failover(self, timeout=60):
        """Until the slots of the old primary are another's."""
        def moved():
            for line in self.call(self.alive(), "CLUSTER", "NODES").decode().splitlines():
                words = line.split()
                if max(self.slots_of_old) in self.slots_in(words[8:]):
                    return self.network.name_of(words[1].split(":")[0])
            return None
        self.new = eventually(lambda: (lambda name: name if name and name != self.old else None)(moved()), timeout,
                              f"a failover away from {self.old}")

    @staticmethod
    def slots_in(words):
        ranges = [word.split("-") for word in words if not word.startswith("[")]
        return {slot for each in ranges for slot in range(int(each[0]), int(each[-1]) + 1)}

    def doom(self, name):
        """This primary is the one that will fail."""
        self.old = name
        self.slots_of_old = self.own_slots(name)

    def back_as_replica(self):
        def follows():
            role = self.call(self.old, "ROLE")
            return role[0] == b"slave" and role[3] == b"connected"
        eventually(follows, 60, f"{self.old} becomes a replica in sync")

    def probe_key(self):
        """A key of the old primary's, which nobody else writes."""
        return next(key for key in (f"probe:{number}" for number in range(SLOTS * 20))
                    if slot_of(key) in self.slots_of_old)

    def fill(self):
        """Keys by hand into a cluster that nobody changes meanwhile."""
        self.filled = [f"fill:{number}" for number in range(FILL)]
        self.at_owners(self.filled, lambda key: ("SET", key, key + "." * 50))

    def at_owners(self, keys, command):
        """command(key) for each key at the owner of its slot; the replies in the order of the keys."""
        owners = [None] * SLOTS
        for name in self.primaries():
            for slot in self.own_slots(name):
                owners[slot] = name
        shares = {}
        for index, key in enumerate(keys):
            shares.setdefault(owners[slot_of(key)], []).append(index)
        replies = [None] * len(keys)
        for name, indexes in shares.items():
            with Client((self.network.address(name), PORT), timeout=20) as client:
                for start in range(0, len(indexes), 1000):
                    part = indexes[start:start + 1000]
                    for index, reply in zip(part, client.pipeline([command(keys[index]) for index in part])):
                        replies[index] = reply
        return replies

    # The frame.
    def run(self):
        self.stack.up()
        eventually(lambda: self.view()["healthy"], 30, "the cluster that was created is sound", pause=0.1)
        self.ctl("create", *(f"{name}:{PORT}" for name in self.nodes), "--replicas", "1", "--yes")  # Once more.
        self.fill()
        self.load = self.stack.client(
            ["/usr/bin/python3", "/tests/compose/cluster_load.py",
             "--nodes", ",".join(f"{name}:{PORT}" for name in self.nodes), "--writers", str(self.writers),
             "--careful", str(self.writers // 2), "--out", "/out/load.json"])
        self.load.start()
        self.load_runs(1000)
        CLUSTER_DRILLS[self.name](self)
        self.load_runs(300)
        self.load.signal(signal.SIGTERM)
        if self.load.popen.wait(30) != 0:
            raise AssertionError(f"the load ended badly:\n{self.load.log_tail()}")
        eventually(self._converged, 60, "one map, no open slot, every replica has what its primary has", pause=0.1)
        return self._count()

    def _converged(self):
        view = self.view()
        if not view["healthy"] or any(each["migrating"] or each["importing"] for each in view["nodes"]):
            return False
        of = {each["id"]: each for each in view["nodes"]}
        return all(each["role"] == "primary" or
                   (each["keys"] == of[each["primary"]]["keys"] and each["offset"] == of[each["primary"]]["offset"])
                   for each in view["nodes"])

    def _strays(self):
        """Keys at a primary that does not own their slots, as sentences."""
        found = []
        for name in (name for name, each in self.members().items() if each["role"] == "primary"):
            others = sorted(set(range(SLOTS)) - self.own_slots(name))
            with Client((self.network.address(name), PORT), timeout=20) as client:
                counts = client.pipeline([("CLUSTER", "COUNTKEYSINSLOT", slot) for slot in others])
            found += [f"{name} holds {count} keys of slot {slot}, which it does not own"
                      for slot, count in zip(others, counts) if count]
        return found

    def _count(self):
        books = Books(self.stack.folder / "load.json", self.network.name_of)
        books.compare(lambda keys: self.at_owners(keys, lambda key: ("GET", key)))
        promise = CLUSTER_PROMISES[self.name]
        self.breaches = books.breaches(promise is Promise.NOTHING_LOST, self.old, self.harmed_at,
                                       self.window_ended_at, 1)
        self.breaches += self._strays()
        values = self.at_owners(self.filled, lambda key: ("GET", key))
        gone = [key for key, value in zip(self.filled, values) if value != (key + "." * 50).encode()]
        self.breaches += [f"{key}, which stood there from the beginning, is lost" for key in gone]
        if self.old is None and books.troubles and not self.everybody_down:
            self.breaches.append(f"clients met more than redirects: {books.troubles}")
        took_over = None if self.new is None else books.first_of(self.new, self.harmed_at)
        return {"acknowledged": len(books.acknowledged), "attempted": books.attempted,
                "on_every_replica": len(books.held_by(1)), "lost": len(books.lost) + len(gone),
                "bound": promise.value, "write_gap_s": round(books.gap_after(self.harmed_at), 3),
                "new_primary_took_writes_after_s": None if took_over is None else round(took_over, 3),
                "loss_window_s": round(books.window_after(self.harmed_at), 3),
                "permitted_window_s": None if promise is Promise.NOTHING_LOST
                else round(self.window_ended_at - self.harmed_at, 3),
                "redirects": books.redirects, "troubles": books.troubles, **self.notes,
                "old_primary": self.old, "new_primary": self.new}

    @staticmethod
    def summary(name, build, result):
        window = "" if result["permitted_window_s"] is None else \
            f" in {result['loss_window_s']:.2f} of {result['permitted_window_s']:.2f} s"
        taken = "" if result["new_primary_took_writes_after_s"] is None else \
            f", {result['old_primary']} -> {result['new_primary']} took writes after " \
            f"{result['new_primary_took_writes_after_s']:.2f} s"
        return (f"{name:12} {build}: {result['acknowledged']} acknowledged, {result['on_every_replica']} of them on "
                f"every replica, {result['lost']} lost{window} (may be: {result['bound']}); write gap "
                f"{result['write_gap_s']:.2f} s{taken}; redirects {result['redirects']}, other trouble "
                f"{result['troubles']}")


def cluster_kill(drill):
    """kill -9 of a primary; it is started again once its replica has taken over."""
    drill.doom(next(iter(drill.primaries())))
    drill.harm()
    drill.stack.containers[drill.old].kill()
    drill.wait_failover()
    drill.load_runs()
    drill.stack.containers[drill.old].start()
    drill.back_as_replica()


def cluster_crash(drill):
    """kill -9, and the restart policy starts it again at once, with whatever its disk held."""
    drill.doom(next(iter(drill.primaries())))
    drill.harm()
    drill.stack.containers[drill.old].kill()
    drill.stack.containers[drill.old].start()
    drill.wait_failover()
    drill.load_runs()
    drill.back_as_replica()


def cluster_minority(drill):
    """A primary, another one's replica and the writers, cut off from the rest for ten seconds."""
    members = drill.members()
    drill.doom(next(iter(drill.primaries())))
    stranger = next(name for name, each in members.items()
                    if each["role"] == "replica" and each["primary"] != members[drill.old]["id"])
    minor = [drill.old, stranger, "client"]
    # clusterctl is on the other side.
    drill.harm()
    drill.network.cut(minor, [name for name in drill.network.hosts if name not in minor])

    def refuses():
        try:
            drill.call(drill.old, "SET", drill.probe_key(), "cut off")
        except ReplyError as error:
            return error.code == "CLUSTERDOWN"
        return False
    eventually(refuses, 60, f"{drill.old} refuses writes without a majority")
    drill.window_ended_at = time.monotonic()
    drill.notes["refused_after_s"] = round(drill.window_ended_at - drill.harmed_at, 3)
    drill.wait_failover()
    drill.notes["failover_seen_after_s"] = round(time.monotonic() - drill.harmed_at, 3)
    eventually(lambda: drill.call(drill.new, "SET", drill.probe_key(), 2) == "OK", 60, "the majority takes writes")
    eventually(lambda: time.monotonic() - drill.harmed_at >= 10, 20, "ten seconds are over")
    drill.network.heal()
    drill.back_as_replica()


def cluster_reshard(drill):
    """A quarter of all slots goes to one primary while clients write."""
    target = list(drill.primaries())[-1]
    before = len(drill.own_slots(target))
    drill.harm()
    began = time.monotonic()
    drill.ctl("reshard", f"{drill.alive()}:{PORT}", "--from", "all", "--to", f"{drill.network.address(target)}:{PORT}",
              "--slots", "4096", "--yes")
    drill.notes["reshard_s"] = round(time.monotonic() - began, 3)
    if len(drill.own_slots(target)) != before + 4096:
        raise AssertionError(f"{target} owns {len(drill.own_slots(target))} slots, not {before + 4096}")


def cluster_members(drill):
    """A node joins, gets its share, gives it back, and leaves."""
    asked = f"{drill.alive()}:{PORT}"
    drill.harm()
    drill.stack.add("node-7", like=drill.nodes[-1])
    at = f"{drill.network.address('node-7')}:{PORT}"
    drill.ctl("add-node", f"node-7:{PORT}", asked, "--yes")
    drill.ctl("rebalance", asked, "--use-empty-primaries", "--yes")
    if len(drill.own_slots("node-7")) != 4096:
        raise AssertionError(f"node-7 owns {len(drill.own_slots('node-7'))} slots, not its share")
    drill.load_runs()
    drill.ctl("rebalance", asked, "--weight", f"{at}=0", "--yes")
    drill.load_runs()
    # Its slots went back to others, whose replica its last source may have given it; del-node finds them a new home.
    drill.ctl("del-node", asked, at, "--yes")
    if "cluster_known_nodes:1\r" not in drill.call("node-7", "CLUSTER", "INFO").decode():
        raise AssertionError("node-7 still knows the cluster")
    if "node-7" in drill.members():
        raise AssertionError("the cluster still knows node-7")


def interrupted_reshard(drill, victim_of):
    """A reshard of 2000 slots is cut off in the middle by kill -9 of victim_of(source, target); then its words again.

    Slot by slot, which takes long enough to be hit: nodes that stream these slots are done in a tenth of a second, and
    die at each step of it in tests/integration/slot_migration_test.py. A move that was over before the blow is no test:
    another one is begun.
    """
    source, target = list(drill.primaries())[:2]
    for _ in range(5):
        words = ["reshard", f"{list(drill.primaries())[2]}:{PORT}", "--from", drill.primaries()[source],
                 "--to", drill.primaries()[target], "--slots", "2000", "--legacy", "--yes"]
        before = len(drill.own_slots(target))
        run = drill.start_ctl(*words)
        eventually(lambda: run.poll() is not None or len(drill.own_slots(target)) > before, 20, "slots move", pause=0)
        if run.poll() is None and len(drill.own_slots(target)) < before + 1900:
            break
        drill.finish(run, words)
        source, target = target, source
    else:
        raise AssertionError("every reshard was over before it could be cut off")
    drill.harm()
    victim = victim_of(source, target)
    if victim is None:
        run.kill()
        run.communicate()
    else:
        drill.doom(victim)
        drill.stack.containers[victim].kill()
        out = drill.finish(run, words, code=1)
        if "again" not in out:
            raise AssertionError(f"clusterctl does not say how to go on:\n{out}")
        drill.wait_failover()
        drill.stack.containers[victim].start()
        drill.back_as_replica()
    moved = len(drill.own_slots(drill.new if victim == target else target)) - before
    drill.notes["slots_moved_before_the_blow"] = moved
    drill.ctl(*words)
    end = drill.new if victim == target else target
    if len(drill.own_slots(end)) != before + 2000:
        raise AssertionError(f"{end} owns {len(drill.own_slots(end))} slots, not {before} and 2000 more")


def cluster_lost_source(drill):
    """kill -9 of the node that gives slots, in the middle of it."""
    interrupted_reshard(drill, lambda source, target: source)


def cluster_lost_target(drill):
    """kill -9 of the node that gets slots, in the middle of it."""
    interrupted_reshard(drill, lambda source, target: target)


def cluster_lost_tool(drill):
    """kill -9 of clusterctl while it moves slots."""
    interrupted_reshard(drill, lambda source, target: None)


def cluster_readdressed(drill):
    """All nodes are stopped in good order and start again, each with the address of another; create runs again."""
    before = drill.primaries()
    drill.everybody_down = True
    drill.harm()
    containers = [drill.stack.containers[name] for name in drill.nodes]
    for container in containers:
        container.signal(signal.SIGTERM)
    for container in containers:
        container.popen.wait(30)
    addresses = [drill.network.address(name) for name in drill.nodes]
    drill.network.readdress(dict(zip(drill.nodes, addresses[1:] + addresses[:1])))
    for container in containers:
        container.start()
    drill.stack.write_hosts()
    for name in drill.nodes:
        drill.stack.wait_healthy(name)
    drill.stack.containers["create-cluster"].start()
    drill.stack.wait_done("create-cluster")
    if drill.primaries() != before:
        raise AssertionError(f"primaries were {before} and are {drill.primaries()}")


CLUSTER_DRILLS = {action.__name__.replace("_", "-"): action for action in (
    cluster_kill, cluster_crash, cluster_minority, cluster_reshard, cluster_members, cluster_lost_source,
    cluster_lost_target, cluster_lost_tool, cluster_readdressed)}
PEACEFUL = {"cluster-reshard", "cluster-members", "cluster-lost-tool"}
CLUSTER_PROMISES = {name: Promise.NOTHING_LOST for name in CLUSTER_DRILLS}
CLUSTER_PROMISES["cluster-minority"] = Promise.UNTIL_MINORITY

__all__ = ["CLUSTER_DRILLS", "PEACEFUL", "ClusterDrill"]
