#!/usr/bin/python3
"""rename-command: what a command is called, at start, to clients and on the way to replicas, beside redis-server."""

import signal
import unittest

from stories import HOST, ORACLE, SUBJECT, Story

RENAMES = [("get", "fetch"), ("set", "store me"), ("config", ""), ("MULTI", "begin"), ("EXEC", "go"), ("DEL", "remove"),
           ("CLIENT", "cl"), ("INCR", "plus"), ("expire", ""), ("fetch", "obtain"), ("append", "GET")]
DIRECTIVE = [word for pair in RENAMES for word in ("--rename-command", *pair)][1:]

CALLS = [["get", "a"], ["fetch", "a"], ["obtain", "a"], ["OBTAIN", "a", "b"], ["store me", "a", "1"], ["get", "a", "7"],
         ["append", "a", "x"], ["config", "get", "x"], ["CONFIG"], ["plus", "a"], ["incr", "a"], ["del", "a"],
         ["expire", "a", "1"], ["cl", "nosuch"], ["cl"], ["cl", "setname", "n"], ["cl", "getname"], ["client", "getname"],
         ["multi"], ["begin"], ["plus", "n"], ["incr", "n"], ["go"], ["begin"], ["plus", "n"], ["obtain", "n"], ["exec"],
         ["go"], ["begin"], ["plus", "n"], ["store me", "z", "y"], ["go"], ["remove", "n", "q"], ["exec"],
         ["command", "getkeys", "get", "a", "b"], ["command", "getkeys", "append", "a", "b"],
         ["command", "getkeys", "obtain", "a"], ["command", "getkeys", "store me", "a", "b"], ["command", "info", "get"],
         ["command", "info", "obtain", "fetch", "config"], ["command", "docs", "plus"], ["command", "docs", "incr"],
         ["debug", "nosuch"], ["object", "nosuch"], ["OBJECT", "help", "x"]]


def report(text):
    """What a refusal to start says, without who says it."""
    return [line for line in text.splitlines() if line and not line.startswith("***")]


class Names(Story):
    def answers(self, server):
        answers = []
        with server.client() as client:
            for words in CALLS:
                client.send(*words)
                answers.append((words, client.read()))
            client.send("cl", "help")
            answers.append((["cl", "help"], client.read()[0]))
            stats = client.info("commandstats")
        return answers, sorted(name for name in stats if name.startswith("cmdstat_"))

    def test_both_answer_alike_under_other_names(self):
        ours = self.lab.server("ours", rename_command=DIRECTIVE)
        theirs = self.lab.server("theirs", ORACLE, rename_command=DIRECTIVE)
        got, names = self.answers(ours)
        expected, their_names = self.answers(theirs)
        for (words, one), (_, other) in zip(got, expected):
            self.assertEqual(one, other, words)
        self.assertEqual(names, their_names)

    def test_a_rename_that_cannot_be_is_refused_as_redis_does(self):
        path = self.lab.folder / "bad.conf"
        for line in ("rename-command nosuch x", "rename-command get set", "rename-command get", "rename-command get a b",
                     'rename-command get ""\nrename-command get x'):
            path.write_text(f"port 0\nunixsocket {self.lab.folder}/s\n{line}\n")
            words = [report(self.lab.refusal(path, build=build)) for build in (SUBJECT, ORACLE)]
            self.assertEqual(words[0][-2:], words[1][-2:], line)
            self.assertIn(words[1][0].split("at line")[1], words[0][0])

    def test_a_rewritten_file_keeps_its_renames(self):
        path = self.lab.folder / "redan.conf"
        port = self.lab.ports.take()
        path.write_text(f'port {port}\nbind {HOST}\nrename-command GET ""\nrename-command set "Store Me"\n')
        server = self.lab.server_with(path, port=port)
        server.call("CONFIG", "SET", "timeout", "7")
        server.call("CONFIG", "REWRITE")
        text = path.read_text()
        self.assertIn('rename-command GET ""\n', text)
        self.assertIn('rename-command set "Store Me"\n', text)
        self.assertIn("timeout 7", text)


class Replicas(Story):
    """The stream carries the name that the client used; the replica looks it up in its own table."""

    RENAMED = {"rename_command": ["set", "store", "--rename-command", "incr", "plus"]}

    def test_a_pair_with_the_same_names_stays_equal(self):
        for ours, theirs in ((SUBJECT, SUBJECT), (SUBJECT, ORACLE), (ORACLE, SUBJECT)):
            primary = self.lab.server(f"primary-{ours.server.name}-{theirs.server.name}", ours, **self.RENAMED)
            replica = self.lab.server(f"replica-{ours.server.name}-{theirs.server.name}", theirs,
                                      replicaof=[HOST, primary.port], **self.RENAMED)
            replica.wait_in_sync(primary)
            with primary.client() as client:
                # Redis sends a SET with EX under its first name, which its own replicas then do not know; ours do.
                expiry = [] if theirs is ORACLE else ["EX", "1000"]
                for words in (["store", "a", "1"], ["plus", "a"], ["MULTI"], ["plus", "b"], ["store", "c", "x", *expiry],
                              ["EXEC"], ["DEL", "none"]):
                    client.call(*words)
            replica.wait_in_sync(primary)
            self.assertEqual(primary.call("MGET", "a", "b", "c"), [b"2", b"1", b"x"])
            self.assertEqual(replica.digest(), primary.digest())
            self.assertEqual(replica.stat("unexpected_error_replies"), 0)
            replica.stop()
            primary.stop()

    def test_a_replica_without_the_name_says_so_and_counts_it(self):
        for build in (ORACLE, SUBJECT):
            primary = self.lab.server(f"primary-of-{build.server.name}", SUBJECT, **self.RENAMED)
            replica = self.lab.server(f"lone-{build.server.name}", build, replicaof=[HOST, primary.port])
            replica.wait_in_sync(primary)
            primary.call("store", "a", "1")
            primary.call("APPEND", "b", "2")
            replica.wait_in_sync(primary)
            self.assertEqual(replica.call("MGET", "a", "b"), [None, b"2"])
            self.assertIn("== CRITICAL == This replica is sending an error to its master: 'unknown command 'store', "
                          "with args beginning with: 'a' '1' ' after processing the command '<unknown>'", replica.log())
            self.assertEqual(replica.stat("unexpected_error_replies"), 1)

    def test_a_replica_may_be_told_to_stop_instead(self):
        for build in (ORACLE, SUBJECT):
            primary = self.lab.server(f"primary-of-{build.server.name}", SUBJECT, **self.RENAMED)
            replica = self.lab.server(f"strict-{build.server.name}", build, replicaof=[HOST, primary.port],
                                      propagation_error_behavior="panic-on-replicas", crash_log_enabled="no")
            replica.wait_in_sync(primary)
            primary.call("store", "a", "1")
            self.assertEqual(replica.wait(), -signal.SIGABRT)
            self.assertIn("== CRITICAL == This replica is sending an error to its master", replica.log())

    def test_it_may_stop_without_a_signal(self):
        primary = self.lab.server("primary", **self.RENAMED)
        replica = self.lab.server("replica", replicaof=[HOST, primary.port], crash_log_enabled="no",
                                  propagation_error_behavior="panic-on-replicas", use_exit_on_panic="yes")
        replica.wait_in_sync(primary)
        primary.call("store", "a", "1")
        self.assertEqual(replica.wait(), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
