#!/usr/bin/python3
"""The tools that people have: redis-cli, redis-benchmark, redis-check-rdb."""

import re
import subprocess
import unittest

from stories import HOST, ORACLE, SUBJECT, Story, eventually, fill


class RedisCli(Story):
    def setUp(self):
        super().setUp()
        self.server = self.lab.server()

    def cli(self, *words, **options):
        return self.lab.command("redis-cli", "-h", HOST, "-p", self.server.port, *words, **options)

    def test_plain_commands(self):
        self.assertEqual(self.cli("SET", "k", "hello world"), "OK\n")
        self.assertEqual(self.cli("GET", "k"), "hello world\n")
        self.assertEqual(self.cli("--no-raw", "GET", "none"), "(nil)\n")
        self.assertEqual(self.cli("--no-raw", "INCR", "n"), "(integer) 1\n")
        self.assertIn("ERR", self.cli("INCR", "k"))

    def test_resp3_and_another_database(self):
        self.assertEqual(self.cli("-3", "-n", "5", "SET", "k", "v"), "OK\n")
        self.assertEqual(self.cli("-n", "5", "GET", "k"), "v\n")
        self.assertEqual(self.cli("GET", "k"), "\n")

    def test_a_password_from_the_command_line(self):
        self.cli("CONFIG", "SET", "requirepass", "secret")
        self.assertIn("NOAUTH", self.cli("GET", "k"))
        self.assertEqual(self.cli("--no-auth-warning", "-a", "secret", "PING"), "PONG\n")
        self.assertEqual(self.cli("-u", f"redis://default:secret@{HOST}:{self.server.port}/3",
                                  "--no-auth-warning", "SET", "k", "v"), "OK\n")

    def test_mass_insertion_by_pipe(self):
        script = "".join(f"SET key:{i} {i}\r\n" for i in range(20000))
        self.assertIn("errors: 0, replies: 20000", self.cli("--pipe", input=script))
        self.assertEqual(self.cli("DBSIZE"), "20000\n")

    def test_scanning_from_the_shell(self):
        fill(self.server, 2000)
        keys = self.cli("--scan", "--pattern", "key:*", "-n", "7").split()
        self.assertEqual(len(set(keys)), 1000)

    def test_bigkeys(self):
        self.cli("SET", "small", "x")
        self.cli("SET", "large", "x" * 5000)
        self.assertRegex(self.cli("--bigkeys"), "Biggest string found '\"large\"' has 5000 bytes")

    def test_a_backup_over_the_wire(self):
        fill(self.server)
        path = self.lab.folder / "backup.rdb"
        self.cli("--rdb", path)
        self.lab.command(ORACLE.check_rdb, path)
        folder = self.lab.folder / "reader"
        folder.mkdir()
        path.rename(folder / "dump.rdb")
        self.assertEqual(self.lab.server("reader", ORACLE).digest(), self.server.digest())

    def test_a_script_from_standard_input(self):
        out = self.cli(input="SET a 1\nINCR a\nMULTI\nINCR a\nEXEC\nGET a\n")
        self.assertEqual(out.split(), ["OK", "2", "OK", "QUEUED", "3", "3"])

    def test_subscribing(self):
        with subprocess.Popen(["redis-cli", "-p", str(self.server.port), "SUBSCRIBE", "ch"], text=True,
                              stdout=subprocess.PIPE) as listener:
            eventually(lambda: self.server.call("PUBLISH", "ch", "hello") == 1, 20, "it listens")
            lines = [listener.stdout.readline().strip() for _ in range(6)]
            listener.terminate()
        self.assertEqual(lines, ["subscribe", "ch", "1", "message", "ch", "hello"])

    def test_help_knows_our_commands(self):
        """redis-cli asks COMMAND DOCS when it starts; completion and hints live on it."""
        self.assertIn("getex", self.cli("COMMAND", "LIST").split())
        self.assertIn("summary", self.cli("COMMAND", "DOCS", "getex"))


class RedisBenchmark(Story):
    def test_its_usual_tests_run_without_an_error(self):
        server = self.lab.server()
        for extra in ([], ["-P", "16"], ["-P", "64", "-d", "1000"], ["-c", "1"], ["-3"]):
            out = self.lab.command("redis-benchmark", "-h", HOST, "-p", server.port, "-n", "4000", "-t",
                                   "ping,set,get,incr,mset", "-r", "1000", "--csv", *extra)
            # Four thousand requests may take less than redis-benchmark's millisecond: "inf".
            rates = re.findall(r'^"([^"]+)","([\d.]+|inf)"', out, re.MULTILINE)
            self.assertEqual(len(rates), 6, out)
            self.assertTrue(all(float(rate) > 0 for _, rate in rates), out)
        self.assertGreater(server.call("DBSIZE"), 500)
        errors = server.info("errorstats")
        self.assertEqual({name for name in errors if name.startswith("errorstat_")} - {"errorstat_ERR"}, set())


class CheckRdb(Story):
    def test_it_names_what_it_found(self):
        server = self.lab.server()
        fill(server, 1000)
        server.call("SAVE")
        out = self.lab.command(SUBJECT.check_rdb, server.folder / "dump.rdb")
        self.assertIn("RDB looks OK", out)
        done = subprocess.run([SUBJECT.check_rdb, "/no/such/file.rdb"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=20)
        self.assertGreater(done.returncode, 0)
        self.assertIn("/no/such/file.rdb", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
