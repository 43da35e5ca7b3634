#!/usr/bin/python3
"""MONITOR with real connections: the same lines as from redis-server, on primaries and replicas, over TCP and unix sockets,
and in redis-cli. LOLWUT and MODULE, which answer people."""

import re
import socket
import subprocess
import unittest

from stories import ORACLE, SUBJECT, Story, eventually

TALK = [
    ["SELECT", 3], ["SET", "k", b"a\x00\n\r\t\a\b\"\\\xff v"], ["set", "", ""], ["AUTH", "x"], ["AUTH", "u", "p"],
    ["HELLO", 3, "AUTH", "default", "p"], ["HELLO", 2, "AUTH", "u", "p", "SETNAME", "q"], ["HELLO", 2, "SETNAME", "q"],
    ["CONFIG", "GET", "port"], ["MULTI"], ["SET", "a", 1], ["GET", "a"], ["CONFIG", "GET", "port"], ["MONITOR"], ["EXEC"],
    ["MULTI"], ["PING"], ["DISCARD"], ["WATCH", "a"], ["MULTI"], ["NOSUCH"], ["EXEC"], ["NOSUCH"], ["GET"],
    ["LPUSH", "a", "x"], ["migrate", "127.0.0.1", 1, "nokey", 0, 10, "AUTH", "pw"],
    ["migrate", "127.0.0.1", 1, "nokey", 0, 10, "AUTH2", "u", "pw"], ["WAIT", 0, 1], ["SETEX", "k", 100, "v"],
    ["GETEX", "k", "EX", 10], ["GETSET", "k", "w"], ["GETDEL", "k"], ["SADD", "s", 1, 2, 3], ["SPOP", "s", 2], ["SPOP", "s"],
    ["INCRBYFLOAT", "f", 1.5], ["HINCRBYFLOAT", "h", "f", 1.5], ["EXPIRE", "f", 100], ["EXPIRE", "f", -1],
    ["RESTORE", "r", 0, "x"], ["XADD", "x", "*", "f", "v"], ["BLPOP", "nolist", 0.01], ["BRPOPLPUSH", "nolist", "x", 0.01],
    ["XREAD", "BLOCK", 10, "STREAMS", "x", "$"], ["CLIENT", "GETNAME"], ["CLIENT", "LIST"], ["CLIENT", "SETNAME", "x"],
    ["CLIENT", "KILL", "ID", 1000], ["COMMAND", "COUNT"], ["COMMAND", "GETKEYS", "GET", "k"], ["DBSIZE"], ["SLOWLOG", "GET"],
    ["DEBUG", "JMAP"], ["OBJECT", "ENCODING", "f"], ["MEMORY", "USAGE", "f"], ["SUBSCRIBE", "c"], ["UNSUBSCRIBE", "c"],
    ["PUBLISH", "c", "m"], ["LATENCY", "RESET"], ["MODULE", "LIST"], ["INFO"], ["LASTSAVE"], ["TIME"], ["ROLE"], ["ECHO", "x"],
    ["SWAPDB", 3, 4], ["FLUSHDB"], ["FLUSHALL"], ["SAVE"], ["CLUSTER", "INFO"], ["READONLY"], ["ACL", "WHOAMI"],
    ["LOLWUT"], ["RESET"], ["PING"], ["QUIT"],
]


def plain(line):
    """A line without what differs from run to run; the form of its time is looked at."""
    match = re.fullmatch(r"(\d+)\.(\d{6}) \[(\d+) ([^\]]+)\](.*)", line)
    assert match, line
    sender = re.sub(r"^127.0.0.1:\d+", "ADDR", re.sub(r"^unix:.*", "unix", match[4]))
    return f"[{match[3]} {sender}]{match[5]}"


def monitor(server):
    client = server.client()
    assert client.call("MONITOR") == "OK"
    return client


def until(client, last):
    """The lines up to the one that asked for `last`."""
    lines = []
    while not lines or not lines[-1].endswith(f' "{last}"'):
        lines.append(plain(client.read()))
    return lines


class Monitor(Story):
    def setUp(self):
        super().setUp()
        self.ours, self.theirs = self.lab.server("ours", SUBJECT), self.lab.server("theirs", ORACLE)

    def told_twice(self, story):
        """What the story returns, which is the same over ours and over redis-server."""
        ours, theirs = story(self.ours), story(self.theirs)
        self.assertEqual(ours, theirs)
        return ours

    def test_the_lines_are_those_of_redis(self):
        def story(server):
            with monitor(server) as watching, server.client() as talking:
                for words in TALK:
                    talking.send(*words)
                    talking.read()
                return [line for line in until(watching, "QUIT") if '"ACL"' not in line]
        lines = self.told_twice(story)
        self.assertGreater(len(lines), 50)
        self.assertNotIn("pw", " ".join(lines))

    def test_what_a_replica_is_sent_is_shown_there(self):
        def story(server):
            other = self.lab.server(f"replica-of-{server.name}", server.build, replicaof=f"127.0.0.1 {server.port}")
            other.wait_in_sync(server)
            with monitor(other) as watching, server.client() as talking:
                talking.pipeline([["SELECT", 2], ["SET", "k", "v"], ["MULTI"], ["SADD", "s", 1], ["INCRBYFLOAT", "f", 2],
                                  ["EXEC"], ["PEXPIREAT", "k", 1], ["SET", "end", "of it"]])
                lines = until(watching, "of it")
                # PINGs come when they like.
                return [line for line in lines if '"PING"' not in line]
        lines = self.told_twice(story)
        self.assertIn('[2 ADDR] "SET" "k" "v"', lines)
        self.assertIn('[2 ADDR] "EXEC"', lines)

    def test_a_client_that_waits_is_shown_once(self):
        def story(server):
            with monitor(server) as watching, server.client() as waiting, server.client() as talking:
                waiting.send("BLPOP", "list", 0)
                first = plain(watching.read())
                talking.call("RPUSH", "list", "x")
                talking.call("PING")
                return [first, waiting.read(), *until(watching, "PING")]
        self.assertEqual(self.told_twice(story),
                         ['[0 ADDR] "BLPOP" "list" "0"', [b"list", b"x"], '[0 ADDR] "RPUSH" "list" "x"', '[0 ADDR] "PING"'])

    def test_in_both_protocols_and_in_the_list_of_clients(self):
        def story(server):
            with server.client() as watching, server.client() as talking:
                watching.call("HELLO", 3)
                self.assertEqual(watching.call("MONITOR"), "OK")
                talking.call("PING")
                told = [watching.read()]
                listed = [line for line in talking.call("CLIENT", "LIST", "TYPE", "normal").decode().splitlines()
                          if " flags=O " in line and " cmd=monitor " in line]
                clients = talking.info("clients")
                told += [len(listed), talking.call("CLIENT", "LIST", "TYPE", "replica"), clients["connected_clients"],
                         talking.info("replication")["connected_slaves"]]
                watching.send("PSYNC", "?", -1)  # Neither this
                watching.send("MONITOR")         # nor this is answered.
                watching.send("GET", "k")
                watching.send("PING")
                while told[-1] != "PONG":
                    told.append(watching.read())
                told.append(watching.read())
                self.assertEqual(watching.call("RESET"), "RESET")
                talking.call("PING")
                told.append(watching.call("ECHO", "nothing else"))
                return [plain(part) if " [" in str(part) else part for part in told]
        self.told_twice(story)

    def test_whoever_does_not_read_is_cut_off(self):
        def story(server):
            with server.client(timeout=30) as talking, monitor(server) as watching:
                talking.call("CONFIG", "SET", "client-output-buffer-limit", "normal 1mb 0 0")
                watching.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                value = "v" * 100_000
                talking.pipeline([["SET", "k", value]] * 200)
                eventually(lambda: " flags=O " not in talking.call("CLIENT", "LIST").decode())
                talking.call("CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0")
                return talking.call("PING")
        self.told_twice(story)

    def test_over_a_unix_socket(self):
        def story(server):
            path = str(self.lab.folder / f"{server.name}.sock")
            node = self.lab.server(f"{server.name}-unix", server.build, unixsocket=path)
            with monitor(node) as watching, socket.socket(socket.AF_UNIX) as talking:
                talking.connect(path)
                talking.sendall(b"PING\r\n")
                return until(watching, "PING")
        self.assertEqual(len(self.told_twice(story)), 1)

    def test_redis_cli(self):
        def story(server):
            cli = subprocess.Popen(["redis-cli", "-p", str(server.port), "monitor"], stdout=subprocess.PIPE, text=True)
            self.addCleanup(lambda: (cli.kill(), cli.wait(), cli.stdout.close()))
            self.assertEqual(cli.stdout.readline(), "OK\n")
            server.call("SET", "k", "two words")
            line = plain(cli.stdout.readline().rstrip("\n"))
            cli.terminate()
            cli.wait(10)
            eventually(lambda: " flags=O " not in server.call("CLIENT", "LIST").decode())
            return line
        self.assertEqual(self.told_twice(story), '[0 ADDR] "SET" "k" "two words"')

    def test_the_slow_log_shows_no_passwords(self):
        def story(server):
            with server.client() as client:
                client.call("CONFIG", "SET", "slowlog-log-slower-than", 0)
                client.pipeline([["AUTH", "pw"], ["AUTH", "default", "pw"], ["HELLO", 2, "AUTH", "default", "pw"],
                                 ["CONFIG", "SET", "masterauth", "pw", "timeout", 0],
                                 ["MIGRATE", "127.0.0.1", 1, "nokey", 0, 10, "AUTH", "pw"],
                                 ["ACL", "SETUSER", "bob", "on", ">pw", "+@all"]])
                return [entry[3] for entry in client.call("SLOWLOG", "GET")]
        self.assertNotIn(b"pw", [word for entry in self.told_twice(story) for word in entry])


class ForPeople(Story):
    def setUp(self):
        super().setUp()
        self.ours, self.theirs = self.lab.server("ours", SUBJECT), self.lab.server("theirs", ORACLE)

    def asked(self, server, *words):
        with server.client() as client:
            return client.pipeline([list(words)])[0]

    def test_lolwut_draws_and_names_the_version(self):
        for words in ([], ["VERSION"], ["VERSION", 5], ["VERSION", 6, 20, 3], ["VERSION", 5, 30, 4, 4, "x"],
                      ["nothing", "known"], ["VERSION", 7, "x"], ["VERSION", 5, -1, 10**15], ["version", 6, 10**18, 10**18]):
            text = self.asked(self.ours, "LOLWUT", *words)
            self.assertRegex(text, rb"Redis ver\. \d+\.\d+\.\d+\n$")
            self.assertTrue(SUBJECT.is_stock or len(text) < 150_000)
        for words in (["VERSION", "x"], ["VERSION", 5, "x"], ["VERSION", 6, 1, "x"], ["VERSION", 5, 1, 1, "x"],
                      ["VERSION", 10**20]):
            ours, theirs = (self.asked(server, "LOLWUT", *words) for server in (self.ours, self.theirs))
            self.assertEqual((str(ours), str(theirs)), ("ERR value is not an integer or out of range",) * 2)
        if not SUBJECT.is_stock:
            self.assertNotEqual(self.asked(self.ours, "LOLWUT"), self.asked(self.ours, "LOLWUT"))
            self.assertEqual(self.asked(self.ours, "LOLWUT", 40, 5).count(b"\n"), 7)

    def test_the_list_of_clients_counts_subscriptions(self):
        for server in (self.ours, self.theirs):
            with server.client() as client:
                client.call("HELLO", 3)
                client.pipeline([["SUBSCRIBE", "a"], ["PSUBSCRIBE", "b*"], ["PSUBSCRIBE", "c*"]])
                for channel in "xyz":
                    client.send("SSUBSCRIBE", channel)
                    client.read()
                self.assertRegex(client.call("CLIENT", "INFO"), rb" flags=P db=0 sub=1 psub=2 ssub=3 ")

    def test_modules_are_not_loaded(self):
        calls = [["LOAD", "/none.so"], ["LOADEX", "/none.so", "CONFIG", "a", "b", "ARGS", "x"], ["UNLOAD", "none"]]
        same = [["LIST"], ["LIST", "x"], [], ["NOSUCH"], ["LOAD"], ["UNLOAD"], ["UNLOAD", "a", "b"]]
        for words in calls + same:
            self.assertEqual(self.asked(self.ours, "MODULE", *words), self.asked(self.theirs, "MODULE", *words), words)
        ours, theirs = (self.lab.server(f"{name}-modules", build, enable_module_command="yes")
                        for name, build in (("ours", SUBJECT), ("theirs", ORACLE)))
        for words in calls:
            answers = [str(self.asked(server, "MODULE", *words)) for server in (ours, theirs)]
            self.assertEqual(*(text.split(":")[0].split(".")[0] for text in answers))
            self.assertTrue(SUBJECT.is_stock or "Redan loads no modules" in answers[0])
        self.assertTrue(SUBJECT.is_stock or "Redan loads no modules" in ours.log())


if __name__ == "__main__":
    unittest.main()
