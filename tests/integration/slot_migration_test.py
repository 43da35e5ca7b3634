#!/usr/bin/env python3
"""Slots stream from node to node while clients write to them, and whatever dies on the way: nothing that was
acknowledged is lost, one node serves each slot, and nobody has to tidy up."""

import subprocess
import threading
import time
import unittest

import stories  # noqa: F401
from harness import binaries
from harness.cluster import Cluster, SLOTS, slot_of
from harness.processes import die_with_parent
from stories import Closed, HOST, ReplyError, Story, SUBJECT, eventually

LAST = SLOTS // 3 - 1  # of the first node's slots


def tagged(slot_wanted, cache={}):
    """A hash tag whose keys lie in this slot."""
    if not cache:
        number = 0
        while len(cache) < SLOTS:
            cache.setdefault(slot_of(str(number)), str(number))
            number += 1
    return cache[slot_wanted]


class Writers:
    """Count on keys of some slots: what was acknowledged (by `copies` replicas too) must be there, and never goes back."""

    def __init__(self, cluster, slots, threads=2, copies=0):
        self.cluster, self.copies = cluster, copies
        self.keys = [f"{{{tagged(slot)}}}:{i}" for slot in slots for i in range(3)]
        self.stopping = False
        self.expected, self.errors, self.longest_s = {}, [], 0.0
        self.threads = [threading.Thread(target=self._run, args=(self.keys[i::threads],), daemon=True) for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def _run(self, keys):
        try:
            with self.cluster.client(patience=40) as client:
                while not self.stopping:
                    for key in keys:
                        begin = time.monotonic()
                        value = client.call("INCR", key)
                        least = self.expected.get(key, 0) + 1
                        if value < least:
                            self.errors.append(f"{key} is {value} and was {least - 1}")
                            return
                        self.longest_s = max(self.longest_s, time.monotonic() - begin)
                        if self.acknowledged(client, key):
                            self.expected[key] = value
        except (AssertionError, ReplyError) as error:
            self.errors.append(repr(error))

    def acknowledged(self, client, key):
        if self.copies == 0:
            return True
        try:
            return client.connections[client.port_of(key)].call("WAIT", self.copies, 500) >= self.copies
        except (OSError, Closed, KeyError, ReplyError):
            return False

    def written(self):
        return sum(self.expected.values())

    def wait(self, more):
        goal = self.written() + more
        eventually(lambda: self.written() >= goal or self.errors, 60, f"{more} more writes")

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(60)


class MigrationStory(Story):
    def make(self, primaries=3, replicas=0, **options):
        options = {"cluster-node-timeout": 1000, "save": "", **options}
        self.cluster = Cluster(self.lab, primaries, replicas, SUBJECT, **options)
        by_slots = {view.slots: port for port, view in self.cluster.seen(self.cluster.nodes[0]).items()}
        self.source = self.cluster.node(by_slots[f"0-{LAST}"])
        self.target = self.cluster.node(by_slots[f"{LAST + 1}-{2 * SLOTS // 3 - 1}"])
        return self.cluster

    def id(self, node):
        return self.cluster.seen(node)[node.port].id

    def fill(self, keys, slots=100):
        """Keys in each of the first slots, some that expire, through pipelines of their owner."""
        with self.source.client(timeout=60) as client:
            for start in range(0, keys, 1000):
                batch = range(start, min(keys, start + 1000))
                client.pipeline([("SET", f"{{{tagged(i % slots)}}}fill:{i}", f"value {i}", *(("EX", 100000) if i % 5 == 0 else ()))
                                 for i in batch])

    def begin(self, first, last, node=None):
        return (node or self.target).call("CLUSTER", "MIGRATION", "IMPORT", first, last).decode()

    def tasks(self, node):
        return [{name.decode(): value.decode() for name, value in zip(task[::2], task[1::2])}
                for task in node.call("CLUSTER", "MIGRATION", "STATUS", "ALL")]

    def task(self, id, node=None):
        return next(task for task in self.tasks(node or self.target) if task["id"] == id)

    def ended(self, id, node=None, timeout=30):
        def over():
            task = self.task(id, node)
            return task if task["state"] in ("completed", "failed", "canceled") else None
        return eventually(over, timeout, f"the end of task {id}")

    def owner_of(self, slot):
        """The one that all nodes say owns it."""
        def agreed():
            owners = set()
            for node in self.cluster.alive():
                for view in self.cluster.seen(node).values():
                    for part in view.slots.split():
                        first, _, last = part.partition("-")
                        if int(first) <= slot <= int(last or first):
                            owners.add(view.port)
            return owners.pop() if len(owners) == 1 else None
        return self.cluster.node(eventually(agreed, 30, f"one owner of slot {slot}"))

    def assertTidy(self):
        """No slot is open, nothing runs, no key lies where its slot is not."""
        self.cluster.wait_agreed()
        for node in self.cluster.alive():
            seen = self.cluster.seen(node)[node.port]
            self.assertEqual(seen.moving, [])
            if not seen.is_primary:
                continue
            eventually(lambda: all(t["state"] in ("completed", "failed", "canceled") for t in self.tasks(node)), 20,
                       f"tasks of {node.name} end")
            mine = set()
            for part in seen.slots.split():
                first, _, last = part.partition("-")
                mine |= set(range(int(first), int(last or first) + 1))
            def nothing_foreign():
                with node.client() as client:
                    slots = [slot for slot in range(0, 200) if slot not in mine]
                    return not any(client.pipeline([("CLUSTER", "COUNTKEYSINSLOT", slot) for slot in slots]) if slots else [])
            eventually(nothing_foreign, 20, f"{node.name} has no key of others' slots")

    def assertCounted(self, writers):
        writers.stop()
        self.assertEqual(writers.errors, [])
        with self.cluster.client() as client:
            wrong = {key: (value, least) for key, least in writers.expected.items()
                     if int(value := client.call("GET", key)) < least}
        self.assertEqual(wrong, {})

    def assertFilled(self, keys, slots=100):
        with self.owner_of(0).client(timeout=60) as client:
            for start in range(0, keys, 1000):
                batch = range(start, min(keys, start + 1000))
                values = client.pipeline([("GET", f"{{{tagged(i % slots)}}}fill:{i}") for i in batch])
                self.assertEqual(values, [f"value {i}".encode() for i in batch])
                ttl = client.call("TTL", f"{{{tagged(start % slots)}}}fill:{start}")
                self.assertTrue(90000 < ttl <= 100000, ttl)


class Moving(MigrationStory):
    def test_slots_move_with_their_keys_under_load(self):
        self.make()
        self.fill(20000)
        writers = Writers(self.cluster, [0, 7, 99, 100, 6000])
        writers.wait(100)
        id = self.begin(0, 99)
        task = self.ended(id)
        self.assertEqual((task["state"], task["last_error"]), ("completed", ""))
        self.assertEqual((task["operation"], task["slots"], task["source"], task["dest"]),
                         ("import", "0-99", self.id(self.source), self.id(self.target)))
        self.assertGreaterEqual(int(task["keys"]), 20000)
        writers.wait(100)
        self.assertCounted(writers)
        self.assertEqual(self.owner_of(0), self.target)
        self.assertEqual(self.owner_of(99), self.target)
        self.assertEqual(self.owner_of(100), self.source)
        self.assertFilled(20000)
        out = self.ended(id, self.source)
        self.assertEqual((out["operation"], out["state"]), ("migrate", "completed"))
        self.assertLess(int(out["write_pause_ms"]), 2000)
        self.assertTidy()
        # And back, several ranges at once.
        id = self.source.call("CLUSTER", "MIGRATION", "IMPORT", 0, 9, 20, 99).decode()
        self.assertEqual(self.ended(id, self.source)["state"], "completed")
        self.assertEqual((self.owner_of(5), self.owner_of(15), self.owner_of(50)), (self.source, self.target, self.source))
        self.assertTidy()

    def test_every_kind_of_write_goes_along(self):
        self.make()
        tag = f"{{{tagged(3)}}}"
        with self.source.client() as client:
            stop = threading.Event()
            errors = []

            def busy():
                try:
                    with self.cluster.client(timeout=30) as other:
                        i = 0
                        while not stop.is_set():
                            other.call("SET", tag + "plain", i)
                            other.call("APPEND", tag + "log", "x")
                            other.call("SETRANGE", tag + "range", i % 50, "abc")
                            other.call("INCRBY", tag + "sum", 3)
                            other.call("SET", tag + "soon", "gone", "PX", 1)
                            other.call("SET", tag + "later", i, "EX", 1000)
                            other.call("PERSIST", tag + "later")
                            other.call("DEL", tag + f"old{i - 5}")
                            other.call("SET", tag + f"old{i}", i)
                            other.call("RENAME", tag + f"old{i}", tag + f"new{i % 7}")
                            i += 1
                            self.rounds = i
                except Exception as error:
                    errors.append(repr(error))
            self.rounds = 0
            thread = threading.Thread(target=busy, daemon=True)
            thread.start()
            eventually(lambda: self.rounds > 50, 30, "some writes")
            self.assertEqual(self.ended(self.begin(0, 9))["state"], "completed")
            before = self.rounds
            eventually(lambda: self.rounds > before + 20 or errors, 30, "writes go on")
            stop.set()
            thread.join(30)
            self.assertEqual(errors, [])
            with self.target.client() as client_there:
                last = self.rounds - 1
                get = lambda name: client_there.call("GET", tag + name)
                self.assertEqual(get("plain"), str(last).encode())
                self.assertEqual(client_there.call("STRLEN", tag + "log"), self.rounds)
                self.assertEqual(get("sum"), str(3 * self.rounds).encode())
                eventually(lambda: get("soon") is None, 10, "what expires is gone")
                self.assertEqual((get("later"), client_there.call("TTL", tag + "later")), (str(last).encode(), -1))
                self.assertEqual(get(f"new{last % 7}"), str(last).encode())
        self.assertTidy()

    def test_transactions_stay_whole(self):
        self.make()
        tag = f"{{{tagged(3)}}}"
        stop, errors, rounds = threading.Event(), [], [0]

        def busy():
            port = self.source.port
            connection = self.cluster.node(port).client(timeout=30)
            while not stop.is_set():
                try:
                    replies = connection.pipeline([("MULTI",), ("INCR", tag + "a"), ("INCR", tag + "b"), ("EXEC",)])
                except Exception as error:
                    errors.append(repr(error))
                    return
                moved = next((r for r in replies if isinstance(r, ReplyError) and r.code == "MOVED"), None)
                if moved is not None:
                    port = int(str(moved).rsplit(":", 1)[1])
                    connection.close()
                    connection = self.cluster.node(port).client(timeout=30)
                elif isinstance(replies[-1], list):
                    rounds[0] += 1
                    if replies[-1] != [rounds[0], rounds[0]]:
                        errors.append(f"{replies[-1]} in round {rounds[0]}")
                        return
        thread = threading.Thread(target=busy, daemon=True)
        thread.start()
        eventually(lambda: rounds[0] > 50, 30, "some transactions")
        for node, other in ((self.target, self.source), (self.source, self.target)):
            self.assertEqual(self.ended(self.begin(0, 9, node), node)["state"], "completed")
            before = rounds[0]
            eventually(lambda: rounds[0] > before + 20 or errors, 30, "transactions go on")
        stop.set()
        thread.join(30)
        self.assertEqual(errors, [])

    def test_what_comes_in_is_not_to_be_seen(self):
        self.make()
        self.fill(60000)
        id = self.begin(0, 99)
        key = f"{{{tagged(0)}}}fill:0"
        seen = 0
        with self.target.client() as client:
            while True:
                size, scan, keys, _, there = client.pipeline(
                    [("DBSIZE",), ("SCAN", 0, "COUNT", 1000), ("RANDOMKEY",), ("ASKING",), ("GET", key)])
                if self.task(id)["state"] == "completed":
                    break
                if isinstance(there, ReplyError):
                    seen += 1
                    self.assertEqual((size, scan[1], keys, there.code), (0, [], None, "MOVED"))
        self.assertGreater(seen, 0)
        self.assertFilled(60000)
        self.assertTidy()


class Refusals(MigrationStory):
    def test_words_that_make_no_sense(self):
        self.make()
        importing = ("CLUSTER", "MIGRATION", "IMPORT")
        error = self.assertReplyError
        self.assertIn("is served here already", error("ERR", self.target.call, *importing, LAST + 1, LAST + 2))
        self.assertIn("several owners", error("ERR", self.target.call, *importing, 0, 1, SLOTS - 2, SLOTS - 1))
        self.assertIn("greater than", error("ERR", self.target.call, *importing, 9, 5))
        error("ERR", self.target.call, *importing, 0, SLOTS)
        error("ERR", self.target.call, *importing, 0)
        error("ERR", self.target.call, "CLUSTER", "MIGRATION", "NONSENSE")
        error("ERR", self.target.call, "CLUSTER", "SYNCSLOTS", "START", "x", "y", "5")
        error("ERR", self.target.call, "CLUSTER", "SYNCSLOTS", "NOTE", "0" * 40, "0" * 40, "READY", "5")
        self.assertEqual(self.tasks(self.target), [])
        self.assertEqual(self.target.call("CLUSTER", "MIGRATION", "CANCEL", "ALL"), 0)
        self.source.call("CLUSTER", "SETSLOT", 5, "MIGRATING", self.id(self.target))
        task = self.ended(self.begin(5, 5))
        self.assertEqual(task["state"], "failed")
        self.assertIn("Slot 5 is open (SETSLOT): close it first", task["last_error"])
        self.source.call("CLUSTER", "SETSLOT", 5, "STABLE")
        self.assertEqual(self.ended(self.begin(5, 5))["state"], "completed")
        self.assertTidy()

    def test_a_wrong_password_is_told(self):
        self.make(requirepass="pw", masterauth="pw")
        self.target.call("CONFIG", "SET", "masterauth", "other")
        task = self.ended(self.begin(0, 9))
        self.assertEqual(task["state"], "failed")
        self.assertIn("WRONGPASS", task["last_error"])
        self.target.call("CONFIG", "SET", "masterauth", "pw")
        self.assertEqual(self.ended(self.begin(0, 9))["state"], "completed")

    def test_a_flush_of_the_target_ends_it(self):
        self.make()
        self.fill(60000)
        id = self.begin(0, 99)
        eventually(lambda: int(self.task(id)["bytes"]) > 0, 20, "keys come in")
        self.target.call("FLUSHALL")
        task = self.ended(id)
        if task["state"] == "failed":
            self.assertIn("the data of the target was flushed", task["last_error"])
            self.assertFilled(60000)
            self.assertTidy()

    def test_a_flush_of_the_source_ends_it(self):
        self.make()
        self.fill(60000)
        id = self.begin(0, 99)
        eventually(lambda: int(self.task(id)["bytes"]) > 0, 20, "keys come in")
        self.source.call("FLUSHALL")
        task = self.ended(id)
        if task["state"] == "failed":
            self.assertIn("the data of the source was flushed", task["last_error"])
            self.assertEqual(self.owner_of(0), self.source)
            self.assertTidy()

    def test_two_at_once_for_the_same_slots(self):
        self.make()
        self.fill(60000)
        third = next(node for node in self.cluster.nodes if node not in (self.source, self.target))
        first = self.begin(0, 99)
        try:
            second = self.begin(50, 60, third)
        except ReplyError:
            second = None  # The first was over already: the owner is another.
        self.assertReplyError("ERR", self.begin, 90, 110)
        self.assertEqual(self.ended(first)["state"], "completed")
        if second is not None:
            task = self.ended(second, third)
            self.assertEqual(task["state"], "failed")
        self.assertFilled(60000)
        self.assertTidy()


class Deaths(MigrationStory):
    """Someone dies in the middle, at whatever step that is."""

    KEYS = 30000

    def begun(self, copies=0):
        self.make(replicas=copies)
        self.fill(self.KEYS)
        if copies:
            with self.source.client() as client:
                eventually(lambda: client.call("WAIT", 1, 1000) == 1, 30, "the replica has the keys")
        return Writers(self.cluster, [0, 50, 99], copies=copies)

    def moved_or_not(self, writers, homes):
        """Whatever came of it: one owner, nothing lost, nothing open; and the same again finishes it."""
        writers.wait(30)
        owner = self.owner_of(0)
        self.assertIn(owner, homes)
        self.assertCounted(writers)
        self.assertFilled(self.KEYS)
        self.assertTidy()
        target = homes[-1]
        if owner is not target:
            def again():
                return self.ended(self.begin(0, 99, target), target)["state"] == "completed"
            eventually(again, 30, "the same again moves them")
            self.assertFilled(self.KEYS)
            self.assertTidy()

    def successor(self, node):
        return eventually(lambda: next((each for each in self.cluster.primaries() if each in self.replicas), None), 30,
                          f"a replica replaces {node.name}")

    def at_step(self, step, id):
        """Waits for a step of the task: a number of seconds, or a state."""
        if isinstance(step, float):
            time_is_up = time.monotonic() + step
            eventually(lambda: time.monotonic() > time_is_up, 20)
        else:
            states = list(step.split("|"))
            eventually(lambda: self.task(id)["state"] in states, 30, f"the task is {states}", pause=0)

    def test_the_operator_cancels(self):
        writers = self.begun()
        for step in ("connecting|starting|snapshot|completed", "snapshot|completed", 0.05, 0.1):
            id = self.begin(0, 99)
            self.at_step(step, id)
            self.target.call("CLUSTER", "MIGRATION", "CANCEL", "ID", id)
            if self.ended(id)["state"] == "completed":
                self.source, self.target = self.target, self.source
            else:
                self.assertEqual(self.task(id)["last_error"], "canceled")
            self.owner_of(0)
        self.moved_or_not(writers, [self.source, self.target])

    def test_the_connection_breaks(self):
        writers = self.begun()
        for step in ("snapshot|completed", 0.05, 0.1):
            id = self.begin(0, 99)
            self.at_step(step, id)
            self.source.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            if self.ended(id)["state"] == "completed":
                self.source, self.target = self.target, self.source
            self.owner_of(0)
        self.moved_or_not(writers, [self.source, self.target])

    def test_the_target_dies_and_comes_back(self):
        for step in ("snapshot|completed", 0.06):
            with self.subTest(step):
                writers = self.begun()
                self.at_step(step, self.begin(0, 99))
                done = self.tasks(self.target)[-1]["state"] == "completed"
                if done:
                    continue  # Its data would be gone with it: the next story has a replica.
                self.target.kill()
                self.target.restart()
                self.moved_or_not(writers, [self.source, self.target])

    def test_the_target_dies_and_its_replica_goes_on(self):
        for step in ("snapshot|completed", "ending|ready|completed", "completed"):
            with self.subTest(step):
                writers = self.begun(copies=1)
                self.replicas = self.cluster.replicas_of(self.target)
                id = self.begin(0, 99)
                self.at_step(step, id)
                self.target.kill()
                heir = self.successor(self.target)
                self.target.restart()
                self.moved_or_not(writers, [self.source, heir])

    def test_the_source_dies_and_its_replica_goes_on(self):
        for step in ("snapshot|completed", "streaming|ending|ready|completed", "completed"):
            with self.subTest(step):
                writers = self.begun(copies=1)
                self.replicas = self.cluster.replicas_of(self.source)
                id = self.begin(0, 99)
                self.at_step(step, id)
                self.source.kill()
                heir = self.successor(self.source)
                self.source.restart()
                self.ended(id)
                self.moved_or_not(writers, [heir, self.target])

    def test_a_manual_failover_of_either_end(self):
        for end in ("source", "target"):
            with self.subTest(end):
                writers = self.begun(copies=1)
                node = getattr(self, end)
                self.replicas = self.cluster.replicas_of(node)
                id = self.begin(0, 99)
                self.at_step("snapshot|completed", id)
                self.replicas[0].call("CLUSTER", "FAILOVER")
                heir = self.successor(node)
                self.cluster.wait_agreed()
                self.moved_or_not(writers, [heir, self.target] if end == "source" else [self.source, heir])


class Tool(MigrationStory):
    def test_a_killed_clusterctl_is_finished_by_the_same_again(self):
        self.make()
        self.fill(60000)
        words = [str(binaries.clusterctl()), "reshard", f"{HOST}:{self.source.port}", "--from", self.id(self.source), "--to",
                 self.id(self.target), "--slots", "1000", "--yes"]
        tool = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                preexec_fn=die_with_parent)
        eventually(lambda: self.tasks(self.target) or tool.poll() is not None, 30, "it moves", pause=0)
        tool.kill()
        tool.communicate()
        said = self.cluster.run_clusterctl(*words[1:])
        self.cluster.wait_agreed()
        size = sum(int(part.partition("-")[2] or part) - int(part.partition("-")[0]) + 1
                   for part in self.cluster.seen(self.target)[self.target.port].slots.split())
        self.assertIn(size, (SLOTS // 3 + 1000, SLOTS // 3 + 1001), said)
        self.assertTidy()
        self.assertIn("all nodes answer and agree", self.cluster.run_clusterctl("check", f"{HOST}:{self.source.port}"))


if __name__ == "__main__":
    unittest.main()
