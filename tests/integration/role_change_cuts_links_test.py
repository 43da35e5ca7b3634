#!/usr/bin/python3
"""What sentinels rely on (sentinel/logic/README.md): who reconfigures a node cuts off what others have under way to it."""

import unittest

from stories import HOST, ORACLE, SUBJECT, Closed, Story


def promotion():
    """A sentinel's MULTI."""
    return [["MULTI"], ["REPLICAOF", "NO", "ONE"], ["CONFIG", "REWRITE"], ["CLIENT", "KILL", "TYPE", "normal"],
            ["CLIENT", "KILL", "TYPE", "pubsub"], ["EXEC"]]


class CutLinks:
    BUILD = None

    def setUp(self):
        super().setUp()
        self.node = self.lab.server("node", self.BUILD)
        self.other = self.lab.server("other", self.BUILD)

    def order(self, client):
        client.send("REPLICAOF", HOST, self.other.port)

    def test_an_order_of_before_the_promotion_is_never_carried_out_after_it(self):
        # Both wait in the sockets of a node that stands still, in either order; whichever it reads
        # first, in the end it is the primary that it was promoted to.
        for attempt in range(100):
            leader, late = self.node.client(), self.node.client()
            with leader, late:
                for client in (leader, late):
                    self.assertEqual(client.call("PING"), "PONG")  # It knows both.
                leader.call("REPLICAOF", HOST, self.other.port)
                self.node.pause()
                try:
                    if attempt % 2:
                        self.order(late)
                    for command in promotion():
                        leader.send(*command)
                    if attempt % 2 == 0:
                        self.order(late)
                finally:
                    self.node.resume()
                self.read_to_the_end(leader, len(promotion()))
                self.read_to_the_end(late, 1)
            self.assertEqual(self.node.info("replication")["role"], "master", f"attempt {attempt}")

    def read_to_the_end(self, client, replies):
        try:
            for _ in range(replies):
                client.read()
        except (Closed, OSError):
            pass  # Cut off, as one of the two is.

    def test_a_link_that_was_cut_takes_no_order(self):
        with self.node.client() as leader, self.node.client() as late:
            late.call("PING")
            for command in promotion():
                leader.send(*command)
            self.read_to_the_end(leader, len(promotion()))
            with self.assertRaises((Closed, OSError)):
                late.call("REPLICAOF", HOST, self.other.port)
        self.assertEqual(self.node.info("replication")["role"], "master")


class Redan(CutLinks, Story):
    BUILD = SUBJECT


class Redis(CutLinks, Story):
    BUILD = ORACLE


if __name__ == "__main__":
    unittest.main()
