#!/usr/bin/python3
"""Input that no honest peer sends: one clear error, no crash, nothing lost."""

import random
import socket
import unittest

from stories import HOST, SUBJECT, Client, Story, eventually, fill


class Nonsense(Story):
    """Bytes that are no RESP."""

    REFUSED = [b"*1\r\n$x\r\n", b"*2\r\n$3\r\nGET\r\n$-5\r\n", b"*1\r\n:5\r\n", b"*x\r\n", b"*9999999999999\r\n",
               b"*1\r\n$99999999999\r\n", b"*1\r\n$4294967300\r\nPING\r\n", b'SET k "open\r\n', b"*" + b"1" * 70000,
               b"*1\r\n$" + b"9" * 70000, b"x" * 70000, b"*1\r\n\r\n", b"*1\r\n$\r\n",
               b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$18446744073709551615\r\n"]

    def test_each_gets_one_protocol_error_and_the_door(self):
        server = self.lab.server()
        server.call("SET", "k", "v")
        for payload in self.REFUSED:
            with Client(server.address, timeout=20) as client:
                try:
                    client.send_raw(payload)
                except OSError:
                    pass
                answer = client.read_until_closed()
                self.assertTrue(answer.startswith(b"-ERR Protocol error") or
                                (answer == b"" and len(payload) > 60000), (payload[:30], answer[:80]))
                self.assertLessEqual(answer.count(b"\r\n"), 1)
        self.assertEqual(server.call("GET", "k"), b"v")

    def test_random_bytes_never_hurt_the_others(self):
        server = self.lab.server()
        server.call("SET", "k", "v")
        dice = random.Random(7)
        pieces = [b"*3\r\n", b"$3\r\nSET\r\n", b"$-1\r\n", b"$0\r\n\r\n", b"*-1\r\n", b"\r\n", b"GET k\r\n", b"*1\r\n",
                  b"$4\r\nPING\r\n", b"\x00\xff", b"%2\r\n", b"~1\r\n", b"_\r\n", b",1.5\r\n", b"(1\r\n", b">1\r\n",
                  b"$5\r\nab", b"'", b'"', b" "]
        for _ in range(400):
            with Client(server.address, timeout=20) as client:
                data = b"".join(dice.choice(pieces) if dice.random() < 0.9 else dice.randbytes(dice.randint(1, 30))
                                for _ in range(dice.randint(1, 40)))
                try:
                    client.send_raw(data)
                    client.socket.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                client.read_until_closed()
        self.assertTrue(server.running())
        self.assertEqual(server.call("GET", "k"), b"v")

    def test_a_promised_giant_costs_nothing_until_it_arrives(self):
        server = self.lab.server()
        before = server.rss_bytes()
        clients = [server.client() for _ in range(50)]
        for client in clients:
            client.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nx")
        self.assertEqual(server.call("PING"), "PONG")
        self.assertLess(server.rss_bytes() - before, 100 * 2**20)
        for client in clients:
            client.close()

    def test_a_reader_that_never_reads_is_cut_off(self):
        server = self.lab.server(client_output_buffer_limit="normal 8mb 0 0")
        server.call("SET", "big", "x" * 1_000_000)
        with server.client() as lazy:
            lazy.send_raw(b"GET big\r\n" * 200)
            eventually(lambda: int(server.info()["connected_clients"]) == 1, 30, "it is disconnected")
        self.assertEqual(server.call("STRLEN", "big"), 1_000_000)

    def test_a_subscriber_that_never_reads_is_cut_off(self):
        server = self.lab.server(client_output_buffer_limit="pubsub 4mb 0 0")
        with server.client() as lazy:
            lazy.send("SUBSCRIBE", "ch")
            lazy.read()
            with server.client() as client:
                eventually(lambda: client.call("PUBLISH", "ch", "x" * 500_000) == 0, 30, "it is disconnected")

    def test_wrong_passwords_are_refused_and_counted(self):
        server = self.lab.server(requirepass="right")
        with Client(server.address) as client:
            self.assertReplyError("NOAUTH", client.call, "GET", "k")
            for words in (["wrong"], ["default", "wrong"], ["nobody", "right"]):
                self.assertReplyError("WRONGPASS", client.call, "AUTH", *words)
            self.assertEqual(client.call("AUTH", "right"), "OK")
            self.assertGreaterEqual(int(client.info()["total_error_replies"]), 4)

    def test_a_replication_stream_of_nonsense_is_refused(self):
        """A primary that answers the handshake and then sends garbage."""
        replica = self.lab.server("replica", repl_timeout=5)
        replica.call("SET", "k", "v")
        answers = [b"+PONG\r\n", b"+OK\r\n", b"+OK\r\n", b"+OK\r\n",
                   b"+FULLRESYNC " + b"a" * 40 + b" 1\r\n$20\r\nthis is no RDB file!"]
        for flood in (b"-ERR go away\r\n", b"\x00" * 100, b"+PONG", b"HTTP/1.1 400 Bad Request\r\n\r\n", None):
            with socket.create_server((HOST, 0)) as liar:
                liar.settimeout(20)
                replica.call("REPLICAOF", HOST, liar.getsockname()[1])
                for _ in range(2):
                    link, _ = liar.accept()
                    link.settimeout(2)
                    try:
                        for answer in answers if flood is None else [flood]:
                            link.recv(4096)
                            link.sendall(answer)
                        link.recv(4096)
                    except OSError:
                        pass
                    link.close()
            self.assertTrue(replica.running(), replica.log_tail())
            self.assertEqual(replica.call("GET", "k"), b"v")
        replica.call("REPLICAOF", "NO", "ONE")
        self.assertEqual(replica.call("SET", "k", "w"), "OK")

    def test_a_replica_of_nonsense_hurts_no_primary(self):
        server = self.lab.server()
        fill(server, 2000)
        for words in (["PSYNC", "?", "x"], ["PSYNC", "x", "1"], ["PSYNC", "?", "-1", "more"],
                      ["REPLCONF", "ack", "x"], ["PSYNC", "a" * 40, "9223372036854775807"], ["SYNC"],
                      ["REPLCONF", "capa"], ["PSYNC", "?", "-1"]):
            with Client(server.address, timeout=2) as client:
                client.send(*words)
                try:
                    client.socket.recv(1000)
                    client.send_raw(b"\xff" * 100 + b"\r\n")
                except OSError:
                    pass
        self.assertEqual(server.call("GET", "key:1"), b"v1")
        eventually(lambda: server.info()["connected_slaves"] == "0", 20, "no replica is left")

    def test_the_bus_hangs_up_on_nonsense(self):
        """A sentinel's bus port (10000 above) gets what is no gRPC."""
        primary = self.lab.server("primary")
        sentinel = self.lab.sentinel("sentinel", primary, quorum=1)
        if not SUBJECT.is_stock:  # A stock sentinel has no bus.
            for payload in (b"\x00" * 1000, b"GET / HTTP/1.1\r\n\r\n", b"*1\r\n$4\r\nPING\r\n",
                            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 500):
                with socket.create_connection((HOST, sentinel.port + 10000), 10) as peer:
                    peer.settimeout(2)
                    peer.sendall(payload)
                    try:
                        peer.recv(4096)
                    except OSError:
                        pass
        self.assertEqual(sentinel.primary_port(), primary.port)
        self.assertTrue(sentinel.running())


if __name__ == "__main__":
    unittest.main(verbosity=2)
