#!/usr/bin/python3
"""Input that no honest peer sends: one clear error, no crash, nothing lost."""

import random
import socket
import unittest

from stories import HOST, SUBJECT, Client, Story, eventually, fill

from harness.proxy import Proxy


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


class Words(Story):
    """What an operator reads: the cause and the remedy, in one line that says it all."""

    def one_line(self, text, *parts):
        found = [line for line in text.splitlines() if all(part in line for part in parts)]
        self.assertTrue(found, f"no line says {parts}:\n{text}")

    def test_a_damaged_snapshot(self):
        path = self.lab.folder / "dump.rdb"
        path.write_bytes(b"REDIS0010\xfe\x00\x00\x01k")
        self.one_line(self.lab.refusal("--port", self.lab.ports.take(), "--bind", HOST, "--dir", self.lab.folder),
                      str(path), "offset", "redis-check-rdb")
        self.assertEqual(path.read_bytes(), b"REDIS0010\xfe\x00\x00\x01k")

    def test_an_unknown_directive(self):
        path = self.lab.folder / "redan.conf"
        path.write_text("port 0\nmaxmemry 100mb\n")
        for arguments in ([path], ["--check-config", path]):
            words = self.lab.refusal(*arguments)
            self.assertIn(f"Reading the configuration file {path}, at line 2\n>>> 'maxmemry 100mb'\n"
                          "Bad directive or wrong number of arguments\nDid you mean 'maxmemory'?\n", words)

    def test_a_port_in_use(self):
        with socket.create_server((HOST, 0)) as taken:
            port = taken.getsockname()[1]
            self.one_line(self.lab.refusal("--port", port, "--bind", HOST), f"{HOST}:{port}", "Address already in use",
                          "stop it, or choose another port")
            server = self.lab.server()
            self.assertReplyError("ERR", server.call, "CONFIG", "SET", "port", port)
            self.assertEqual(server.call("PING"), "PONG")  # Where it was.

    def test_a_folder_that_cannot_be_written(self):
        server = self.lab.server(enable_protected_configs="yes")
        server.call("SET", "k", "v")
        server.call("CONFIG", "SET", "dir", "/sys")
        self.assertReplyError("ERR", server.call, "SAVE")
        self.one_line(server.log(), "/sys/dump.rdb", "Permission denied",
                      "let the server's user write there or set 'dir' to another folder")
        gone = self.lab.folder / "gone"
        gone.mkdir()
        server.call("CONFIG", "SET", "dir", gone)
        gone.rmdir()
        server.call("BGSAVE")
        eventually(lambda: server.info()["rdb_last_bgsave_status"] == "err", 20, "the failure is reported")
        self.one_line(server.log(), f"{gone}/dump.rdb", "No such file or directory", "create the folder")
        self.assertEqual(server.call("GET", "k"), b"v")

    def test_a_password_that_the_primary_refuses(self):
        primary = self.lab.server("primary", requirepass="right")
        for name, options, cause in (("wrong", {"masterauth": "wrong"}, "WRONGPASS"), ("none", {}, "NOAUTH")):
            replica = self.lab.server(name, replicaof=[HOST, primary.port], **options)
            eventually(lambda: "set masterauth (and masteruser)" in replica.log(), 20, "the log says what to do")
            self.one_line(replica.log(), cause, "set masterauth (and masteruser)")
            self.assertNotIn("right", replica.log())

    def test_a_full_sync_that_breaks_off(self):
        primary = self.lab.server("primary")
        fill(primary, 3000)
        wire = Proxy(self.lab, primary.port)
        self.addCleanup(wire.close)
        wire.limit = 20_000
        replica = self.lab.server("replica")
        replica.call("SET", "old", "v")
        replica.call("REPLICAOF", HOST, wire.port)
        eventually(lambda: wire.limited >= 2, 60, "two transfers broke off")
        self.one_line(replica.log(), "I/O error trying to sync with MASTER", "the old data stays, the sync is tried again")
        self.assertEqual(replica.call("GET", "old"), b"v")


if __name__ == "__main__":
    unittest.main(verbosity=2)
