#!/usr/bin/python3
"""Fields of hashes that expire (as in Redis 7.4), between real processes and over restarts."""

import unittest

from stories import HOST, ORACLE, Story, eventually

FAR_MS = 4_102_444_800_000


def fields(*names):
    return ["FIELDS", len(names), *names]


SMALL = 50


class FieldExpiry(Story):
    def test_fields_go_by_themselves_and_replicas_hear_of_it(self):
        primary = self.lab.server("primary")
        replica = self.lab.server("replica", replicaof=[HOST, primary.port])
        replica.wait_in_sync(primary)
        with primary.client() as client:
            for i in range(3000):
                client.send("HSET", "h", f"f{i}", i)
            for i in range(3000):
                client.read()
            names = [f"f{i}" for i in range(2900)]
            self.assertEqual(client.call("HPEXPIRE", "h", 100, *fields(*names)), [1] * 2900)
            client.call("HSET", "all", "f", 1, "g", 2)
            client.call("HPEXPIRE", "all", 100, *fields("f", "g"))
        # Nobody asks for the hash on the primary: the cycle finds it.
        eventually(lambda: int(primary.stat("expired_subkeys")) == 2902, 20, "the cycle deletes them")
        replica.wait_in_sync(primary)
        for server in (primary, replica):
            self.assertEqual(server.call("HLEN", "h"), 100)
            self.assertEqual(server.call("EXISTS", "all"), 0)
        self.assertEqual(replica.digest(), primary.digest())
        self.assertEqual(int(replica.stat("expired_subkeys")), 0)

    def test_deadlines_come_with_a_full_sync_and_with_the_stream(self):
        primary = self.lab.server("primary")
        self.fill(primary)
        replica = self.lab.server("replica", replicaof=[HOST, primary.port])
        replica.wait_in_sync(primary)
        primary.call("HSETEX", "h", "PXAT", FAR_MS + 5, *fields("new"), "v")
        primary.call("HGETEX", "h", "PXAT", FAR_MS + 6, *fields("f1"))
        primary.call("HINCRBYFLOAT", "h", "f2", "0.5")
        primary.call("HPERSIST", "h", *fields("f3"))
        primary.call("HGETDEL", "h", *fields("f4"))
        replica.wait_in_sync(primary)
        asked = fields("new", "f1", "f2", "f3", "f4", "f5")
        expected = [FAR_MS + 5, FAR_MS + 6, FAR_MS + 2, -1, -2, FAR_MS + 5]
        for server in (primary, replica):
            self.assertEqual(server.call("HPEXPIRETIME", "h", *asked), expected)
            self.expect_small(server)
        self.assertEqual(replica.digest(), primary.digest())
        primary.call("HSETEX", "small:0", "PXAT", FAR_MS, *fields("new"), "v")
        primary.call("HGETEX", "small:1", "PXAT", FAR_MS + 6, *fields("f9"))
        primary.call("HINCRBYFLOAT", "small:2", "f0", "0.5")
        primary.call("HPERSIST", "small:3", *fields("f0", "f1", "f2", "f3"))
        primary.call("HGETDEL", "small:4", *fields("f0", "f9"))
        primary.call("HPEXPIRE", "small:5", 50, *fields("f0", "f9"))
        primary.call("HPEXPIRE", "small:6", 50, *fields(*(f"f{i}" for i in range(10))))
        eventually(lambda: int(primary.stat("expired_subkeys")) == 12, 20, "the cycle deletes them")
        replica.wait_in_sync(primary)
        for server in (primary, replica):
            self.assertEqual(server.call("HPEXPIRETIME", "small:0", *fields("new")), [FAR_MS])
            self.assertEqual(server.call("HPEXPIRETIME", "small:1", *fields("f0", "f9")), [FAR_MS, FAR_MS + 6])
            self.assertEqual(server.call("HPEXPIRETIME", "small:2", *fields("f0")), [FAR_MS])
            self.assertEqual(server.call("OBJECT", "ENCODING", "small:3"), b"listpack")
            self.assertEqual([server.call("HLEN", f"small:{key}") for key in (4, 5)], [8, 8])
            self.assertEqual(server.call("EXISTS", "small:6"), 0)
        self.assertEqual(replica.digest(), primary.digest())

    def test_small_ones_go_from_node_to_node(self):
        source, target = self.lab.server("source"), self.lab.server("target")
        self.fill(source)
        source.call("COPY", "small:1", "copy")
        source.call("MIGRATE", HOST, target.port, "", 0, 5000, "COPY", "KEYS", *(f"small:{key}" for key in range(SMALL)), "copy")
        self.expect_small(target)
        for key in [f"small:{key}" for key in range(SMALL)] + ["copy"]:
            payload = source.call("DUMP", key)
            self.assertEqual(payload[0], 25)  # As Redis 7.4 writes it.
            self.assertEqual(target.call("DUMP", key), payload)
            self.assertEqual(target.call("RESTORE", "restored", 0, payload, "REPLACE"), "OK")
            self.assertEqual(target.call("DEBUG", "DIGEST-VALUE", "restored"), source.call("DEBUG", "DIGEST-VALUE", key))

    def fill(self, server):
        with server.client() as client:
            client.call("HSET", "h", *(part for i in range(500) for part in (f"f{i}", i)))
            for i in range(400):
                client.call("HPEXPIREAT", "h", FAR_MS + i, *fields(f"f{i}"))
            for key in range(SMALL):
                client.call("HSET", f"small:{key}", *(part for i in range(10) for part in (f"f{i}", i * key)))
                for i in range(1 + key % 9):
                    client.call("HPEXPIREAT", f"small:{key}", FAR_MS - i, *fields(f"f{i}"))

    def expect_small(self, server):
        with server.client() as client:
            for key in range(SMALL):
                self.assertEqual(client.call("OBJECT", "ENCODING", f"small:{key}"), b"listpackex")
                times = client.call("HPEXPIRETIME", f"small:{key}", *fields(*(f"f{i}" for i in range(10))))
                self.assertEqual(times, [FAR_MS - i if i < 1 + key % 9 else -1 for i in range(10)])
                self.assertEqual(client.call("HGET", f"small:{key}", "f9"), str(9 * key).encode())

    def test_deadlines_survive_a_restart(self):
        server = self.lab.server()
        self.fill(server)
        server.call("HSET", "soon", "f", 1, "stays", 2)
        server.call("HPEXPIRE", "soon", 300, *fields("f"))
        digest = server.digest()
        server.call("SAVE")
        self.assertEqual((server.folder / "dump.rdb").read_bytes()[:9], b"REDIS0012")
        self.lab.command(server.build.check_rdb, server.folder / "dump.rdb")
        server.kill()
        server.restart()
        self.assertEqual(server.call("HPEXPIRETIME", "h", *fields("f399", "f400")), [FAR_MS + 399, -1])
        self.expect_small(server)
        eventually(lambda: server.call("HLEN", "soon") == 1, 20, "what expired meanwhile goes")
        self.assertNotEqual(server.digest(), digest)

    def test_files_without_such_fields_stay_readable_for_redis_7_0(self):
        server = self.lab.server()
        self.fill(server)
        server.call("HPERSIST", "h", *fields(*(f"f{i}" for i in range(500))))
        for key in range(SMALL):
            server.call("HPERSIST", f"small:{key}", *fields(*(f"f{i}" for i in range(10))))
        server.call("SAVE")
        data = (server.folder / "dump.rdb").read_bytes()
        self.assertEqual(data[:9], b"REDIS0010")
        folder = self.lab.folder / "reader"
        folder.mkdir()
        (folder / "dump.rdb").write_bytes(data)
        reader = self.lab.server("reader", ORACLE)
        self.assertEqual(reader.digest(), server.digest())


if __name__ == "__main__":
    unittest.main(verbosity=2)
