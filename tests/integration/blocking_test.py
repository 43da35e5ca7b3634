#!/usr/bin/python3
"""Clients that wait for lists, with real connections: who gets what, what replicas hear, and what becomes of a wait whose
node changes its role, whose slot goes elsewhere or whose client is gone."""

import socket
import unittest

from stories import ORACLE, SUBJECT, Closed, Story, eventually
from harness.cluster import Cluster, slot_of


def blocked(server, count):
    eventually(lambda: server.stat("blocked_clients") == count, what=f"{count} clients wait")


class Waiting(Story):
    def setUp(self):
        super().setUp()
        self.server = self.lab.server("primary")

    def waiting(self, *command, server=None):
        """A client that waits with this command."""
        server = server or self.server
        before = server.stat("blocked_clients")
        client = server.client(timeout=30)
        self.addCleanup(client.close)
        client.send(*command)
        blocked(server, before + 1)
        return client

    def test_each_element_goes_to_one_client_in_order(self):
        clients = [self.waiting("BLPOP", f"own:{i}", "queue", 0) for i in range(60)]
        with self.server.client() as producer:
            producer.pipeline([["RPUSH", "queue", f"job {i}"] for i in range(50)])
            self.assertEqual(producer.call("LLEN", "queue"), 0)
            producer.call("RPUSH", "queue", *(f"job {i}" for i in range(50, 70)))
            self.assertEqual(producer.call("LLEN", "queue"), 10)
        self.assertEqual([client.read() for client in clients], [[b"queue", b"job %d" % i] for i in range(60)])
        blocked(self.server, 0)

    def test_a_time_runs_out(self):
        client = self.waiting("BLPOP", "queue", 0.2)
        self.assertEqual(self.server.stat("clients_in_timeout_table"), 1)
        self.assertIsNone(client.read())
        self.assertEqual(self.server.stat("blocked_clients"), 0)
        self.assertEqual(client.call("PING"), "PONG")
        # A later, shorter wait does not end at the time of an earlier, longer one.
        long = self.waiting("BLPOP", "queue", 1000)
        short = self.waiting("BLPOP", "queue", 0.05)
        self.assertIsNone(short.read())
        self.assertEqual(self.server.stat("blocked_clients"), 1)
        long.close()

    def test_input_behind_a_wait_waits(self):
        client = self.waiting("BLPOP", "queue", 0)
        client.send_raw(b"SET after 1\r\n")
        client.send("GET", "after")
        self.assertEqual(self.server.call("EXISTS", "after"), 0)
        self.server.call("RPUSH", "queue", "x")
        self.assertEqual([client.read() for _ in range(3)], [[b"queue", b"x"], "OK", b"1"])

    def test_a_client_that_is_gone_gets_nothing(self):
        gone, half = self.waiting("BLPOP", "queue", 0), self.waiting("BLMOVE", "queue", "other", "LEFT", "LEFT", 0)
        gone.close()
        half.socket.shutdown(socket.SHUT_WR)
        blocked(self.server, 0)
        self.server.call("RPUSH", "queue", "x")
        self.assertEqual(self.server.call("LRANGE", "queue", 0, -1), [b"x"])

    def test_client_list_tells_who_waits(self):
        client = self.waiting("BLPOP", "a", "b", 0)
        lines = self.server.call("CLIENT", "LIST").decode().splitlines()
        self.assertEqual(len([line for line in lines if " flags=b " in line and " cmd=blpop " in line]), 1)
        self.assertEqual(self.server.stat("total_blocking_keys"), 2)
        client.close()
        eventually(lambda: self.server.stat("total_blocking_keys") == 0)

    def test_replicas_of_both_kinds_hear_what_was_taken(self):
        replicas = [self.lab.server("ours", SUBJECT, replicaof=f"127.0.0.1 {self.server.port}"),
                    self.lab.server("theirs", ORACLE, replicaof=f"127.0.0.1 {self.server.port}")]
        for replica in replicas:
            replica.wait_in_sync(self.server)
        clients = [self.waiting("BLPOP", "a", 0), self.waiting("BLMOVE", "b", "c", "LEFT", "RIGHT", 0),
                   self.waiting("BLMPOP", 0, 2, "d", "e", "RIGHT", "COUNT", 2), self.waiting("BRPOPLPUSH", "c", "f", 0)]
        with self.server.client() as producer:
            producer.pipeline([["RPUSH", "a", 1, 2], ["MULTI"], ["RPUSH", "b", 3, 4], ["RPUSH", "e", 5, 6, 7], ["EXEC"]])
            acknowledged = producer.call("WAIT", 2, 10000)
        self.assertEqual([client.read() for client in clients], [[b"a", b"1"], b"3", [b"e", [b"7", b"6"]], b"3"])
        self.assertEqual(acknowledged, 2)
        for replica in replicas:
            replica.wait_in_sync(self.server)
            self.assertEqual(replica.digest(), self.server.digest())
        self.assertEqual(self.server.call("LRANGE", "f", 0, -1), [b"3"])

    def test_a_write_of_a_client_that_waited_can_be_waited_for(self):
        replica = self.lab.server("replica", SUBJECT, replicaof=f"127.0.0.1 {self.server.port}")
        replica.wait_in_sync(self.server)
        client = self.waiting("BLPOP", "queue", 0)
        self.server.call("RPUSH", "queue", "x", "y")
        self.assertEqual(client.read(), [b"queue", b"x"])
        self.assertEqual(client.call("WAIT", 1, 10000), 1)
        self.assertEqual(replica.call("LRANGE", "queue", 0, -1), [b"y"])

    def test_a_node_that_becomes_a_replica_lets_its_clients_go(self):
        other = self.lab.server("other")
        client = self.waiting("BLPOP", "queue", 0)
        self.server.call("REPLICAOF", "127.0.0.1", other.port)
        self.assertEqual(str(client.read()), "UNBLOCKED force unblock from blocking operation, instance state changed "
                                             "(master -> replica?)")
        self.assertRaises(Closed, client.read)

    def test_a_slot_that_goes_elsewhere_takes_its_waiting_clients_along(self):
        cluster = Cluster(self.lab, primaries=3, replicas=0)
        here, there, _ = cluster.nodes
        key, other = [name for name in map("queue:{}".format, range(100)) if cluster.owner(name) is here][:2]
        moving, staying = (self.waiting("BLPOP", name, 0, server=here) for name in (key, other))
        target = there.call("CLUSTER", "MYID").decode()
        for node in (here, there):
            node.call("CLUSTER", "SETSLOT", slot_of(key), "NODE", target)
        self.assertEqual(str(moving.read()), f"MOVED {slot_of(key)} 127.0.0.1:{there.port}")
        self.assertEqual(here.stat("blocked_clients"), 1)
        here.call("RPUSH", other, "x")
        self.assertEqual(staying.read(), [other.encode(), b"x"])


if __name__ == "__main__":
    unittest.main()
