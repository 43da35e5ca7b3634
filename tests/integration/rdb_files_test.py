#!/usr/bin/python3
"""RDB files: exchanged with redis-server 7.0.15, cut short, bent, and written where nothing can be written."""

import random
import subprocess
import unittest

from stories import ORACLE, SUBJECT, Story, eventually, fill


class Files(Story):
    def saved_by(self, build, name="writer"):
        writer = self.lab.server(name, build)
        fill(writer)
        writer.call("SAVE")
        digest = writer.digest()
        writer.stop()
        return writer.folder / "dump.rdb", digest

    def loaded_by(self, build, data, name="reader"):
        folder = self.lab.folder / name
        folder.mkdir()
        (folder / "dump.rdb").write_bytes(data)
        return self.lab.server(name, build)


class Exchange(Files):
    def test_redis_reads_what_redan_wrote(self):
        path, digest = self.saved_by(SUBJECT)
        self.assertEqual(self.loaded_by(ORACLE, path.read_bytes()).digest(), digest)

    def test_redan_reads_what_redis_wrote(self):
        path, digest = self.saved_by(ORACLE)
        self.assertEqual(self.loaded_by(SUBJECT, path.read_bytes()).digest(), digest)

    def test_both_check_tools_accept_both_files(self):
        for number, writer in enumerate((SUBJECT, ORACLE)):
            path, _ = self.saved_by(writer, f"writer-{number}")
            for tool in (SUBJECT.check_rdb, ORACLE.check_rdb):
                self.lab.command(tool, path)

    def test_both_check_tools_refuse_a_bent_file(self):
        path, _ = self.saved_by(SUBJECT)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0x10
        bent = self.lab.folder / "bent.rdb"
        bent.write_bytes(data)
        for tool in (SUBJECT.check_rdb, ORACLE.check_rdb):
            done = subprocess.run([tool, bent], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
            self.assertGreater(done.returncode, 0, done.stdout)

    def test_a_snapshot_under_writes_is_one_moment(self):
        """Pairs of keys written in one transaction must agree in the file."""
        server = self.lab.server()
        fill(server, 20000)
        with server.client(timeout=30) as client:
            client.call("BGSAVE")
            rounds = 0
            while server.info("persistence")["rdb_bgsave_in_progress"] == "1" or rounds < 20:
                rounds += 1
                client.pipeline([part for i in range(50) for part in (
                    ["MULTI"], ["SET", f"left:{i}", rounds], ["SET", f"right:{i}", rounds], ["EXEC"])])
        self.assertEqual(server.info()["rdb_last_bgsave_status"], "ok")
        reader = self.loaded_by(ORACLE, (server.folder / "dump.rdb").read_bytes())
        for i in range(50):
            self.assertEqual(*reader.call("MGET", f"left:{i}", f"right:{i}"))

    def test_bgsave_and_lastsave(self):
        server = self.lab.server()
        fill(server, 1000)
        self.assertIn("Background saving started", server.call("BGSAVE"))
        eventually(lambda: server.info()["rdb_bgsave_in_progress"] == "0", 20, "it ends")
        self.assertEqual(int(server.info()["rdb_changes_since_last_save"]), 0)
        self.assertEqual(server.call("LASTSAVE"), int(server.info()["rdb_last_save_time"]))

    def test_save_points_save_by_themselves(self):
        server = self.lab.server(save="1 1")
        server.call("SET", "k", "v")
        eventually(lambda: (server.folder / "dump.rdb").exists(), 30, "the save point fires")

    def test_the_data_comes_back_after_kill_9(self):
        server = self.lab.server()
        fill(server)
        server.call("SAVE")
        digest = server.digest()
        server.call("SET", "unsaved", "v")
        server.kill()
        server.restart()
        self.assertEqual(server.digest(), digest)


class Damage(Files):
    """Each damaged file is refused with its name, or loaded right; never wrong, never a crash."""

    def outcome(self, data, name):
        folder = self.lab.folder / name
        folder.mkdir()
        (folder / "dump.rdb").write_bytes(data)
        server = self.lab.server(name, wait=False)
        eventually(lambda: not server.running() or "Ready to accept connections" in server.log(), 20,
                   "it starts or ends")
        return server

    def test_a_file_cut_anywhere_is_refused(self):
        path, _ = self.saved_by(SUBJECT)
        data = path.read_bytes()
        dice = random.Random(3)
        for number in range(12):
            cut = dice.randrange(1, len(data) - 1)
            server = self.outcome(data[:cut], f"cut-{cut}")
            self.assertFalse(server.running(), f"cut at {cut} was loaded")
            self.assertGreater(server.popen.returncode, 0, f"cut at {cut}: crashed\n{server.log_tail()}")
            self.assertEqual((server.folder / "dump.rdb").read_bytes(), data[:cut])

    def test_a_flipped_bit_anywhere_is_refused(self):
        path, _ = self.saved_by(SUBJECT)
        data = path.read_bytes()
        dice = random.Random(4)
        for number in range(12):
            place = dice.randrange(9, len(data))
            bent = bytearray(data)
            bent[place] ^= 1 << dice.randrange(8)
            server = self.outcome(bytes(bent), f"bent-{number}")
            self.assertFalse(server.running(), f"bit at {place} was accepted")
            if not SUBJECT.is_stock:  # Redis aborts on some.
                self.assertGreater(server.popen.returncode, 0, f"bit at {place}: crashed\n{server.log_tail()}")

    def test_what_is_no_rdb_file_is_refused_by_name(self):
        for name, data in (("text", b"hello, I am a text file"), ("future", b"REDIS9999" + b"\x00" * 50)):
            server = self.outcome(data, name)
            self.assertFalse(server.running())
            self.assertGreater(server.popen.returncode, 0)
            self.assertRegex(server.log(), "signature|version", server.log_tail())

    def test_an_empty_folder_starts_empty(self):
        server = self.lab.server()
        self.assertEqual(server.call("DBSIZE"), 0)

    def test_a_save_that_fails_says_so_and_loses_nothing(self):
        server = self.lab.server(save="3600 1000000", enable_protected_configs="yes")
        fill(server, 500)
        server.call("SAVE")
        good = (server.folder / "dump.rdb").read_bytes()
        digest = server.digest()
        (server.folder / "taken.rdb").mkdir()
        server.call("CONFIG", "SET", "dbfilename", "taken.rdb")
        self.assertReplyError("ERR", server.call, "SAVE")
        server.call("BGSAVE")
        eventually(lambda: server.info()["rdb_last_bgsave_status"] == "err", 20, "the failure is reported")
        self.assertReplyError("MISCONF", server.call, "SET", "k", "v")
        self.assertEqual(server.digest(), digest)
        self.assertEqual((server.folder / "dump.rdb").read_bytes(), good)
        server.call("CONFIG", "SET", "dbfilename", "other.rdb")
        server.call("BGSAVE")
        eventually(lambda: server.info()["rdb_last_bgsave_status"] == "ok", 20, "it works again")
        self.assertEqual(server.call("SET", "k", "v"), "OK")
        left = [entry.name for entry in server.folder.iterdir() if entry.name.startswith("temp")]
        self.assertEqual(left, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
