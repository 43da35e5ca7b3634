#!/usr/bin/env python3
"""What no peer would say on the cluster's bus, and peers that are none: the cluster goes on. And what the bus takes."""

import socket
import unittest

import stories  # noqa: F401  finds the harness
from harness.cluster import Cluster
from stories import HOST, Story, SUBJECT, eventually

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def bus_port(node):
    return node.port + 10000


def strangers(node, count=1):
    return [socket.create_connection((HOST, bus_port(node)), timeout=20) for _ in range(count)]


def is_closed(stranger):
    try:
        stranger.settimeout(20)
        while stranger.recv(4096):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return False
    return True


class BadBusInput(Story):
    def make(self):
        self.cluster = Cluster(self.lab, 3, 0, SUBJECT)
        return self.cluster

    def assertServes(self):
        self.cluster.wait_agreed()
        with self.cluster.client() as client:
            for i in range(30):
                self.assertEqual(client.call("SET", f"key:{i}", i), "OK")
        for node in self.cluster.nodes:
            self.assertTrue(all(each.linked for each in self.cluster.seen(node).values()))

    def test_garbage_is_counted_logged_once_and_hurts_nobody(self):
        node = self.make().nodes[0]
        for text in (b"PING\r\n", b"*1\r\n$4\r\nPING\r\n", b"GET / HTTP/1.1\r\n\r\n", b"RCmb\0\0\1\0", b"\0" * 5000,
                     PREFACE + b"x" * 200, PREFACE + b"\0\0\4\1\0\0\0\0\1garb"):
            for stranger in strangers(node):
                stranger.sendall(text)
                self.assertTrue(is_closed(stranger), text[:40])
                stranger.close()
        self.assertEqual(node.log().count("Nonsense on the cluster bus from 127.0.0.1: not the bus protocol"), 1)
        self.assertServes()

    def test_a_flood_of_silent_connections_leaves_the_cluster_alone(self):
        node = self.make().nodes[0]
        flood = strangers(node, 300)
        for stranger in flood[::2]:
            try:
                stranger.sendall(PREFACE)
            except (BrokenPipeError, ConnectionResetError):
                pass  # It was turned away.
        self.assertServes()
        for stranger in flood:
            stranger.close()
        self.assertServes()
        self.assertIn("too many connections that say nothing", node.log())

    def test_meeting_a_port_that_is_no_cluster_bus_comes_to_nothing(self):
        first, other = self.make().nodes[:2]
        alone = self.lab.server("alone")
        self.assertEqual(first.call("CLUSTER", "MEET", HOST, other.port, other.port), "OK")  # A client port of ours,
        self.assertEqual(first.call("CLUSTER", "MEET", HOST, alone.port, alone.port), "OK")  # one of a node by itself,
        self.assertEqual(first.call("CLUSTER", "MEET", HOST, alone.port, bus_port(alone)), "OK")  # and nobody.
        eventually(lambda: len(self.cluster.seen(first)) == 3, 30, "the handshakes are given up")
        self.assertEqual(alone.call("PING"), "PONG")
        self.assertServes()

    def test_a_node_that_does_not_know_the_password_stays_outside(self):
        inside, outside = self.lab.cluster_nodes(SUBJECT, 1, requirepass="right", masterauth="right") + \
            self.lab.cluster_nodes(SUBJECT, 1)
        self.assertEqual(outside.call("CLUSTER", "MEET", HOST, inside.port), "OK")
        refusal = (f"The cluster bus at {HOST}:{bus_port(inside)} refused this node: "
                   "neither 'masterauth' nor 'requirepass' is one of its own")
        eventually(lambda: refusal in outside.log(), 20, "the refused node says why")
        self.assertIn("Nonsense on the cluster bus from 127.0.0.1: it does not know our 'masterauth' or 'requirepass'",
                      inside.log())
        with inside.client() as client:
            client.call("AUTH", "right")
            self.assertEqual(len(client.call("CLUSTER", "NODES").splitlines()), 1)
        # With the password it is let in.
        outside.call("CONFIG", "SET", "masterauth", "right")
        self.assertEqual(outside.call("CLUSTER", "MEET", HOST, inside.port), "OK")
        eventually(lambda: len(outside.call("CLUSTER", "NODES").splitlines()) == 2 and
                   b"handshake" not in outside.call("CLUSTER", "NODES"), 20, "it is in")


class Footprint(Story):
    LIMIT_BYTES = 20 * 2**20

    def test_a_node_with_five_links_is_small(self):
        cluster = Cluster(self.lab, 3, 1, SUBJECT)
        if SUBJECT.is_sanitized:
            return
        # What starting and joining took goes back to the kernel within seconds.
        try:
            eventually(lambda: all(node.rss_bytes() <= self.LIMIT_BYTES for node in cluster.nodes), 60)
        except AssertionError:
            self.fail(f"RSS: {[node.rss_bytes() for node in cluster.nodes]}, at most {self.LIMIT_BYTES} each")


if __name__ == "__main__":
    unittest.main()
