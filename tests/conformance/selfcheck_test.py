#!/usr/bin/python3
"""The comparison itself: it must see what differs, and forgive only what a rule forgives; and the harness below it:
it must hear what a sanitizer says."""

import sys
import unittest
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from harness import races  # noqa: E402
from harness.binaries import build_in, oracle  # noqa: E402
from harness.processes import Lab, Story, eventually  # noqa: E402
from harness.resp import parse, reply_end  # noqa: E402

import dumps  # noqa: E402
import replicated  # noqa: E402
import rules  # noqa: E402
import script  # noqa: E402
from coverage import Coverage  # noqa: E402
from generate import Generator, hazardous  # noqa: E402
from generate_geo import GEO_KEYS  # noqa: E402
from generate_streams import CONSUMERS  # noqa: E402
from generate_table import LEFT_OUT, Table  # noqa: E402
from pair import Link, Report  # noqa: E402
from transactions import Transactions  # noqa: E402


class Comparison(unittest.TestCase):
    def assertDiffers(self, command, a, b):
        report = Report()
        self.assertFalse(report.check("test", command, a, b))
        self.assertTrue(report.failed())

    def assertAgrees(self, command, a, b):
        self.assertTrue(Report().check("test", command, a, b))

    def test_another_byte_is_a_difference(self):
        self.assertDiffers([b"GET", b"k"], b"$1\r\nx\r\n", b"$1\r\ny\r\n")
        self.assertDiffers([b"GET", b"k"], b"$-1\r\n", b"_\r\n")
        self.assertDiffers([b"INCR", b"k"], b":1\r\n", b":2\r\n")

    def test_times_may_be_near_but_not_far_and_not_absent(self):
        self.assertAgrees([b"ttl", b"k"], b":100\r\n", b":99\r\n")
        self.assertDiffers([b"TTL", b"k"], b":100\r\n", b":90\r\n")
        self.assertDiffers([b"TTL", b"k"], b":-1\r\n", b":-2\r\n")
        self.assertDiffers([b"TTL", b"k"], b":-1\r\n", b":1\r\n")

    def test_sets_may_come_in_any_order(self):
        self.assertAgrees([b"KEYS", b"*"], b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", b"*2\r\n$1\r\nb\r\n$1\r\na\r\n")
        self.assertDiffers([b"KEYS", b"*"], b"*1\r\n$1\r\na\r\n", b"*1\r\n$1\r\nb\r\n")

    def test_a_missing_reply_is_a_difference(self):
        self.assertDiffers([b"INFO"], b"(no reply)", b"$1\r\nx\r\n")
        self.assertDiffers([b"TTL", b"k"], b"(closed)", b":5\r\n")

    def test_the_end_of_a_reply_is_found_at_every_cut(self):
        raw = b"*3\r\n$3\r\na\r\n\r\n%1\r\n+x\r\n*0\r\n_\r\n"
        self.assertEqual(reply_end(raw + b"+", 0), len(raw))
        for cut in range(len(raw)):
            self.assertEqual(reply_end(raw[:cut], 0), -1, cut)
        self.assertEqual(parse(raw)[0], [b"a\r\n"[:3], {"x": []}, None])

    def test_a_seed_makes_the_same_commands(self):
        self.assertEqual(Generator(5).commands(500), Generator(5).commands(500))
        self.assertNotEqual(Generator(5).commands(500), Generator(6).commands(500))

    def test_the_last_ids_are_added_to_one_stream_only(self):
        last = b"18446744073709551615"
        for options in ([], [b"NOMKSTREAM"], [b"maxlen", b"~", b"5", b"LIMIT", b"2"], [b"MINID", b"7-1"]):
            for key, entry_id, refused in ((b"stream:2", last, True), (b"stream:2", b"77-1", False),
                                           (b"stream:2", last + b"-0", True), (b"stream:end", last, False)):
                self.assertEqual(hazardous([b"XADD", key, *options, entry_id, b"f", last]), refused, (key, options, entry_id))

    def test_a_group_is_made_with_all_its_consumers(self):
        generator, groups = Generator(1), 0
        generator.makers, generator.weights = [generator.stream_group, generator.transaction], [2, 1]
        for _ in range(1000):
            row = generator.transaction()
            for at, command in enumerate(row):
                if [word.upper() for word in command[:2]] == [b"XGROUP", b"CREATE"] and len(command) > 4:
                    groups += 1
                    self.assertEqual([made[2:] for made in row[at + 1:at + 1 + len(CONSUMERS)]],
                                     [[*command[2:4], consumer] for consumer in CONSUMERS], row)
        self.assertGreater(groups, 50)

    def test_only_one_run_of_zeros_may_come_from_behind_a_text(self):
        for ours, theirs, same in (("z:5", "z:5", True), ("z:5 v:1,2", "z:5 v:1,2 Z:14337", True), ("", "Z:16129", True),
                                   ("z:5", "z:5 Z:14338", False), ("z:5", "z:5 z:1", False), ("z:5", "Z:257", False),
                                   ("z:5", "z:5 Z:257 Z:257", False), ("z:5 Z:257", "z:5", False)):
            a, b = (b"$%d\r\n%s\r\n" % (len(text), text.encode()) for text in (ours, theirs))
            (self.assertAgrees if same else self.assertDiffers)([b"PFDEBUG", b"DECODE", b"k"], a, b)
            if a != b:
                self.assertDiffers([b"GET", b"k"], a, b)

    def test_no_two_places_are_the_same(self):
        places = Counter()
        for command in Generator(1).commands(30_000):
            if command[0] == b"GEOADD":
                words = [word for word in command[2:] if word not in (b"NX", b"XX", b"CH")]
                places.update(zip(words[::3], words[1::3]))
            if b"STOREDIST" in command and command[0].upper() == b"GEOSEARCHSTORE":
                self.assertNotIn(command[1], GEO_KEYS)  # Distances that are read as places are often equal.
        self.assertEqual({place for place, times in places.items() if times > 1 and is_place(*place)}, set())

    def test_what_exec_answers_goes_back_to_the_commands(self):
        transactions, queued = Transactions(), b"+QUEUED\r\n"
        for command, reply in (([b"multi"], b"+OK\r\n"), ([b"SMEMBERS", b"s"], queued), ([b"GET", b"k"], queued)):
            self.assertEqual(transactions.answered(command, reply, reply), [(command, reply, reply)])
        ours, theirs = (b"*2\r\n*2\r\n$1\r\n%b\r\n$1\r\n%b\r\n$1\r\n%b\r\n" % order for order in ((b"a", b"b", b"1"), (b"b", b"a", b"2")))
        parts = transactions.answered([b"EXEC"], ours, theirs)
        self.assertEqual([command for command, _, _ in parts], [[b"SMEMBERS", b"s"], [b"GET", b"k"]])
        self.assertAgrees(*parts[0])
        self.assertDiffers(*parts[1])

    def test_quoting_is_that_of_redis_cli(self):
        self.assertEqual(script.split_arguments(r'''SET k "a\x00\r\n\"b" 'it\s' ""'''),
                         [b"SET", b"k", b'a\x00\r\n"b', b"it\\s", b""])


def is_place(longitude, latitude):
    try:
        return abs(float(longitude)) <= 180 and abs(float(latitude)) <= 85.05112878
    except ValueError:
        return False


class Commands(Story):
    def test_every_command_on_data_is_made_and_every_edge_that_is_no_hazard(self):
        with self.lab.server("oracle", oracle()).client() as client:
            table = Table(client)
        coverage, generator = Coverage(table), Generator(1, table)
        generator.sent = coverage.sent
        for _ in range(24):
            for command in generator.commands(5000):
                coverage.count(command, b"+OK")
        missing = coverage.calls - set(coverage.succeeded) - set(LEFT_OUT)
        self.assertEqual(missing, set())
        self.assertGreater(len(coverage.sent), 0.97 * len(table.aims), coverage.never_sent())


class TwoServers(Story):
    def test_contents_that_differ_are_found(self):
        pair = [self.lab.server(name, oracle()) for name in ("one", "two")]
        for server, value in zip(pair, ("x" * 200, "x" * 199 + "y")):
            server.call("SET", "k", value)
        report = Report()
        dumps.compare_contents(*pair, report, "test")
        self.assertGreaterEqual(len(report.differences), 3)  # The digest, the value, the payload.

    def test_a_replica_whose_key_expires_at_another_time_is_found(self):
        primary, replica = (self.lab.server(name, oracle()) for name in ("primary", "replica"))
        replicated.follow(replica, primary)
        primary.call("SET", "k", "v", "PXAT", 4102444800000)
        report = Report()
        replicated.check(primary, replica, report, 1)
        self.assertFalse(report.failed())
        replica.call("CONFIG", "SET", "replica-read-only", "no")
        replica.call("PEXPIREAT", "k", 4102444800001)
        replicated.check(primary, replica, report, 1)
        self.assertEqual([one.command for one in report.differences], [["PEXPIRETIME"]])

    def test_a_server_that_lies_once_is_found(self):
        pair = [self.lab.server(name, oracle()) for name in ("one", "two")]
        link = Link(*pair)
        report = Report()
        commands = Generator(1).commands(1000)
        pair[0].call("SET", "counter", "77")
        for command, ours, redis in link.batch([[b"GET", b"counter"], *commands]):
            report.check("test", command, ours, redis)
        link.close()
        self.assertTrue(report.failed())


class Sanitizers(unittest.TestCase):
    """A program that passes for one with AddressSanitizer (it has the name in it) says what a test wants."""

    def run_program(self, at_start, at_end):
        lab = Lab("selfcheck")
        program = lab.folder / "redan-server"
        program.write_text(f"#!/bin/sh\n# __asan_init\ntrap '{at_end}; exit 0' TERM\n{at_start}; echo up\n"
                           "while :; do sleep 0.01; done\n")
        program.chmod(0o755)
        server = lab.server(build=build_in(lab.folder), wait=False)
        eventually(lambda: "up" in server.log() or not server.running())
        lab.close()

    def test_races_of_our_own_are_told_from_those_that_grpc_seems_to_have(self):
        def report(first, second):
            stacks = ("".join(f"    #{at} {frame}\n" for at, frame in enumerate(frames)) for frames in (first, second))
            return ("=" * 18 + "\nWARNING: ThreadSanitizer: data race (pid=1)\n  Write of size 8 at 0x7b by thread T3:\n{}\n"
                    "  Previous read of size 8 at 0x7b by thread T9 (mutexes: write M7):\n{}\nSUMMARY: ...\n".format(*stacks))

        helper = "std::function<void (bool)>::operator()(bool) const /usr/include/c++/12/bits/std_function.h:589 (redan-bus.so+0x2f)"
        inlined = "void grpc::internal::CatchingCallback<std::function<void (bool)>&>(bool) /usr/include/grpcpp/callback_common.h:42"
        message = "redan::cluster::v1::Envelope::clear_message() proto/cluster_bus.pb.cc:7"
        judge = "redan::BusHub::judge(redan::cluster::Envelope const&) const ../../server/bus/bus_inlet.cc:14 (redan-bus.so+0x1)"
        read = "OnReadDone ../../server/bus/bus_service.cc:85 (redan-bus.so+0x2)"
        handler = "redan::cluster::v1::ClusterBus::WithCallbackMethod_Link<redan::cluster::v1::ClusterBus::Service>::Link()"
        for first, second, wanted in (([judge, read, inlined], [helper, judge], True), ([judge], [helper, inlined], False),
                                      ([message, judge], [judge], False), ([judge], [read, handler], False), ([judge], [], False)):
            self.assertEqual(len(races.ours(report(first, second))), wanted, (first, second))
        self.assertEqual(len(races.ours("=" * 18 + "\nWARNING: ThreadSanitizer: double lock of a mutex (pid=1)\n")), 1)

    def test_what_one_in_the_background_leaves_fails_the_test(self):
        lab = Lab("selfcheck")
        program = lab.folder / "redan-server"
        # As a sanitizer does it: to the file that its options name, while its output goes nowhere.
        program.write_text("""#!/bin/bash
# __asan_init
while [ "$1" != --pidfile ]; do shift; done
(
  trap 'echo "==1==ERROR: AddressSanitizer: heap-use-after-free" >"${ASAN_OPTIONS##*log_path=}.$BASHPID"; exit 1' TERM
  echo $BASHPID >"$2"
  while :; do sleep 0.01; done
) >/dev/null 2>&1 &
""")
        program.chmod(0o755)
        daemon = lab.daemon(build=build_in(lab.folder), wait=False)
        self.assertTrue(daemon.running())
        with self.assertRaisesRegex(AssertionError, "heap-use-after-free"):
            lab.close()
        self.assertFalse(daemon.running())

    def test_a_leak_at_the_end_fails_the_test(self):
        with self.assertRaisesRegex(AssertionError, "detected memory leaks"):
            self.run_program("true", "echo ERROR: LeakSanitizer: detected memory leaks")

    def test_an_error_before_fails_the_test(self):
        for words in ("==7==ERROR: AddressSanitizer: heap-use-after-free", "a.cc:1:2: runtime error: shift by -1",
                      "WARNING: ThreadSanitizer: data race"):
            with self.subTest(words), self.assertRaisesRegex(AssertionError, words):
                self.run_program(f"echo {words}", "true")
            with self.subTest(words), self.assertRaisesRegex(AssertionError, words):
                self.run_program(f"echo {words}; exit 1", "true")

    def test_a_program_that_says_nothing_of_the_kind_is_well(self):
        self.run_program("echo loaded", "echo bye")


if __name__ == "__main__":
    unittest.main(verbosity=2)
