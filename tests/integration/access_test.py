#!/usr/bin/python3
"""ACL users in files, on the way of replication and while they are in use; what redis-server says of the same files."""

import signal
import unittest

from stories import HOST, ORACLE, SUBJECT, Client, Closed, ReplyError, Story, eventually


def refused(client, *command):
    try:
        client.call(*command)
    except ReplyError as error:
        return str(error)
    raise AssertionError(f"{command} is allowed")


class Users(Story):
    def as_user(self, server, name, password="pw"):
        client = Client(server.address)
        client.call("AUTH", name, password)
        self.addCleanup(client.close)
        return client

    def closed(self, client):
        def gone():
            try:
                client.call("PING")
            except (Closed, ConnectionError):
                return True
            except ReplyError:
                return False
            return False
        eventually(gone, 10, "the session is closed")


class Declared(Users):
    """`user` lines of redis.conf."""

    def start(self, *lines, password=None):
        port = self.lab.ports.take()
        self.path = self.lab.folder / "redan.conf"
        self.path.write_text("\n".join([f"port {port}", f"bind {HOST}", f"dir {self.lab.folder}", 'save ""', *lines, ""]))
        return self.lab.server_with(self.path, port=port, requirepass=password)

    def test_they_are_there_from_the_start_and_a_rewrite_keeps_them_as_they_are_now(self):
        server = self.start("# users", "user alice on >pw ~a:* +@read (%W~b +set)", "user bob off")
        alice = self.as_user(server, "alice")
        self.assertIsNone(alice.call("GET", "a:1"))
        self.assertEqual(alice.call("SET", "b", "1"), "OK")
        self.assertIn("NOPERM", refused(alice, "SET", "a:1", "1"))
        with server.client() as admin:
            admin.call("ACL", "SETUSER", "alice", "+incr", "&news")
            admin.call("ACL", "SETUSER", "carol", "on", ">c'\"arol", "+acl|whoami", "('~\"x' +get)")
            admin.call("ACL", "DELUSER", "bob")
            admin.call("CONFIG", "REWRITE")
            users = admin.call("ACL", "LIST")
        text = self.path.read_text()
        self.assertIn("# users\n", text)
        self.assertNotIn(">pw", text)  # Digests only.
        self.assertNotIn("user default", text)  # It is what it is without a line.
        server.stop()
        server.restart()
        with server.client() as admin:
            self.assertEqual(admin.call("ACL", "LIST"), users)
        self.assertEqual(self.as_user(server, "carol", "c'\"arol").call("ACL", "WHOAMI"), b"carol")

    def test_redis_reads_what_a_rewrite_has_written(self):
        server = self.start("user alice on >pw ~a:* resetchannels &x +@read -get (%W~b +set)")
        with server.client() as admin:
            admin.call("CONFIG", "SET", "requirepass", "secret")
            admin.call("ACL", "SETUSER", "default", ">second")
            admin.call("CONFIG", "REWRITE")
        self.assertIn("user default", self.path.read_text())
        server.stop()
        words = [line.split(None, 1) for line in self.path.read_text().splitlines() if line.startswith("user ")]
        other = self.lab.folder / "users.conf"
        other.write_text("\n".join(" ".join(pair) for pair in words) + "\n")
        redis = self.lab.server_with(other, name="redis", build=ORACLE, requirepass="second")
        with redis.client() as admin:
            alice = admin.call("ACL", "GETUSER", "alice")
            self.assertEqual(alice[alice.index(b"keys") + 1], b"~a:*")
            self.assertEqual(len(alice[alice.index(b"selectors") + 1]), 1)
        self.assertEqual(self.as_user(redis, "alice").call("GETRANGE", "a:1", "0", "1"), b"")

    def test_the_default_user_has_the_password_of_requirepass(self):
        server = self.start("requirepass first", password="first")
        client = Client(server.address)
        self.addCleanup(client.close)
        self.assertIn("NOAUTH", refused(client, "GET", "a"))
        client.call("AUTH", "first")
        client.call("CONFIG", "SET", "requirepass", "second")
        self.assertIsNone(client.call("GET", "a"))  # Who is in stays in.
        self.assertIn("WRONGPASS", refused(client, "AUTH", "first"))
        client.call("AUTH", "default", "second")
        client.call("CONFIG", "SET", "requirepass", "")
        with Client(server.address) as another:
            self.assertIsNone(another.call("GET", "a"))

    def test_a_line_that_is_wrong_is_named(self):
        for line, why in (("user a +nosuch", "Error in user declaration '+nosuch': Unknown command or category name in ACL"),
                          ("user a on\nuser a off", "Error in user declaration 'a': Duplicate user found. A user can only be "
                                                    "defined once in config files"),
                          ('user "a b"', "Spaces not allowed in ACL usernames"),
                          ("user a (+get", "Error in user declaration '(+get': Unmatched parenthesis in selector definition"),
                          ("user a on\naclfile /tmp/x", "please define either an ACL file or declare users directly")):
            path = self.lab.folder / "bad.conf"
            path.write_text(f"port 0\nunixsocket {self.lab.folder}/s\n{line}\n")
            self.assertIn(why, self.lab.refusal(path))
        self.assertIn("but not both", self.lab.refusal(path, build=ORACLE))


class Files(Users):
    """The aclfile."""

    def start(self, text, build=None, **options):
        self.path = self.lab.folder / "users.acl"
        self.path.write_text(text)
        return self.lab.server(build=build, aclfile=self.path, **options)

    def test_it_is_loaded_saved_and_found_again(self):
        server = self.start("user alice on >pw ~a* +get\nuser default on >admin ~* &* +@all\n", requirepass="admin")
        alice = self.as_user(server, "alice")
        with server.client() as admin:
            admin.call("ACL", "SETUSER", "alice", "+set")
            admin.call("ACL", "SETUSER", "bob", "on", "nopass", "(~x %R~y +@all)")
            self.assertEqual(admin.call("ACL", "SAVE"), "OK")
            users = admin.call("ACL", "LIST")
        self.assertEqual(self.path.read_text().splitlines(), [line.decode() for line in users])
        self.assertEqual(alice.call("SET", "a", "1"), "OK")
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        server.stop()
        server.restart()
        with server.client() as admin:
            self.assertEqual(admin.call("ACL", "LIST"), users)

    def test_loading_it_again_closes_who_is_gone_and_keeps_the_others(self):
        server = self.start("user alice on >pw ~* &* +@all\nuser bob on >pw ~* &a &b +@all\n")
        alice, bob, listener = (self.as_user(server, name) for name in ("alice", "bob", "bob"))
        listener.call("SUBSCRIBE", "b")
        self.path.write_text("user bob on >pw ~* &a +@all -set\n")
        with server.client() as admin:
            self.assertEqual(admin.call("ACL", "LOAD"), "OK")
        self.closed(alice)
        self.closed(listener)
        self.assertIn("NOPERM", refused(bob, "SET", "a", "1"))
        self.assertIsNone(bob.call("GET", "a"))

    def test_what_is_wrong_in_it_is_told_as_redis_does_and_changes_nothing(self):
        bad = ("user a on +nosuch\nfoo\nuser a off\nuser b on >secret #abc\nuser c\td on\n\n  user ok on\n")
        answers = []
        for name, build in (("ours", None), ("theirs", ORACLE)):
            path = self.lab.folder / "both.acl"
            path.write_text("user keep on nopass +get\n")
            server = self.lab.server(name, build, aclfile=path)
            with server.client() as admin:
                path.write_text(bad)
                answers.append(refused(admin, "ACL", "LOAD"))
                self.assertEqual(sorted(admin.call("ACL", "USERS")), [b"default", b"keep"])
            server.stop()
            answers.append(self.lab.refusal("--port", 0, "--unixsocket", self.lab.folder / "s", "--aclfile", path,
                                            build=build).split("because of ACL errors: ")[1])
        self.assertEqual(answers[:2], answers[2:])
        self.assertNotIn("secret", answers[0])
        self.assertIn("No such file", self.lab.refusal("--port", 0, "--aclfile", self.lab.folder / "none"))

    def test_redis_reads_ours_and_we_read_redis(self):
        text = ("user alice on >pw ~a* %R~b &c +@all -@write +set -config|get (~x +get)\n"
                "user bob off nopass resetchannels -@all +select|0 +@read\n")
        server = self.start(text)
        with server.client() as admin:
            admin.call("ACL", "SAVE")
            ours = admin.call("ACL", "LIST")
        redis = self.lab.server("redis", ORACLE, aclfile=self.path)
        with redis.client() as admin:
            self.assertEqual(sorted(admin.call("ACL", "USERS")), [b"alice", b"bob", b"default"])
            admin.call("ACL", "SETUSER", "alice", "-@scripting", "-@all", "+@read")  # We have no scripts to name.
            admin.call("ACL", "SAVE")
        with server.client() as admin:
            self.assertEqual(admin.call("ACL", "LOAD"), "OK")
            self.assertNotEqual(admin.call("ACL", "LIST"), ours)

    def test_without_a_file_there_is_nothing_to_load(self):
        server = self.lab.server()
        with server.client() as admin:
            for verb in ("LOAD", "SAVE"):
                self.assertIn("not configured to use an ACL file", refused(admin, "ACL", verb))


class InUse(Users):
    def start(self, **options):
        server = self.lab.server(**options)
        self.admin = server.client()
        self.addCleanup(self.admin.close)
        return server

    def test_a_deleted_users_sessions_are_closed_also_the_one_that_asks(self):
        server = self.start()
        self.admin.call("ACL", "SETUSER", "alice", "on", ">pw", "+@all", "allkeys")
        idle, asking, waits = (self.as_user(server, "alice") for _ in range(3))
        waits.send("BLPOP", "queue", "0")
        eventually(lambda: self.admin.info("clients")["blocked_clients"] == "1", 10, "it waits")
        self.assertEqual(asking.call("ACL", "DELUSER", "alice"), 1)
        for client in (idle, asking):
            self.closed(client)
        with self.assertRaises((Closed, ConnectionError)):
            waits.read()
        self.assertIn("WRONGPASS", refused(self.admin, "AUTH", "alice", "pw"))

    def test_listeners_that_lose_a_channel_are_closed_and_no_others(self):
        server = self.start()
        self.admin.call("ACL", "SETUSER", "alice", "on", ">pw", "+@all", "&a", "&b*")
        channel, pattern, other, shard, none = (self.as_user(server, "alice") for _ in range(5))
        channel.call("SUBSCRIBE", "b1"), pattern.call("PSUBSCRIBE", "b*"), other.call("SUBSCRIBE", "a")
        shard.call("SSUBSCRIBE", "b1")
        self.admin.call("ACL", "SETUSER", "alice", "resetchannels", "&a", "&c")
        for client in (channel, pattern, shard):
            self.closed(client)
        self.assertEqual(none.call("PING"), "PONG")
        self.admin.call("PUBLISH", "a", "still here")
        self.assertEqual(other.read(), [b"message", b"a", b"still here"])

    def test_client_kill_and_client_list_know_users(self):
        server = self.start()
        self.admin.call("ACL", "SETUSER", "alice", "on", ">pw", "+@all")
        alice = self.as_user(server, "alice")
        self.assertIn(" user=alice ", self.admin.call("CLIENT", "LIST").decode())
        self.assertIn("No such user 'bob'", refused(self.admin, "CLIENT", "KILL", "USER", "bob"))
        self.assertEqual(self.admin.call("CLIENT", "KILL", "USER", "alice"), 1)
        self.closed(alice)

    def test_refusals_are_counted_and_listed(self):
        server = self.start(acllog_max_len=2)
        self.admin.call("ACL", "SETUSER", "alice", "on", ">pw", "~a", "+get")
        alice = self.as_user(server, "alice")
        for command in (("SET", "a", "1"), ("GET", "b"), ("GET", "b"), ("GET", "c")):
            refused(alice, *command)
        refused(alice, "AUTH", "bob", "x")
        info = self.admin.info("stats")
        self.assertEqual([info[f"acl_access_denied_{kind}"] for kind in ("auth", "cmd", "key", "channel")],
                         ["1", "1", "3", "0"])
        log = [dict(zip(entry[::2], entry[1::2])) for entry in self.admin.call("ACL", "LOG")]
        self.assertEqual([(entry[b"reason"], entry[b"object"], entry[b"username"]) for entry in log],
                         [(b"auth", b"AUTH", b"bob"), (b"key", b"c", b"alice")])
        self.assertIn(b"user=alice", log[1][b"client-info"])
        self.admin.call("CONFIG", "RESETSTAT")
        self.assertEqual(self.admin.info("stats")["acl_access_denied_key"], "0")
        self.assertEqual(self.admin.call("ACL", "LOG", "RESET"), "OK")
        self.assertEqual(self.admin.call("ACL", "LOG"), [])

    def test_protected_mode_looks_at_the_default_users_password(self):
        server = self.start(protected_mode="yes", bind="* -::*")
        self.assertEqual(self.admin.call("ACL", "SETUSER", "default", ">pw"), "OK")
        with Client(server.address) as client:
            self.assertIn("NOAUTH", refused(client, "PING"))


class Replicas(Users):
    RIGHTS = ("+psync", "+replconf", "+ping")

    def test_a_replica_signs_in_as_a_user_and_obeys_the_stream_whatever_its_own_users_may(self):
        for ours, theirs in ((SUBJECT, SUBJECT), (SUBJECT, ORACLE), (ORACLE, SUBJECT)):
            with self.subTest(primary=ours.name, replica=theirs.name):
                primary = self.lab.server(f"p-{ours.name}-{theirs.name}", ours)
                with primary.client() as admin:
                    admin.call("ACL", "SETUSER", "replica", "on", ">pw", *self.RIGHTS)
                    admin.call("ACL", "SETUSER", "default", "resetpass", ">admin")
                replica = self.lab.server(f"r-{ours.name}-{theirs.name}", theirs, masteruser="replica", masterauth="pw",
                                          replicaof=f"{HOST} {primary.port}")
                with replica.client() as there:
                    there.call("ACL", "SETUSER", "default", "-@write")
                    with Client(primary.address) as admin:
                        admin.call("AUTH", "admin")
                        admin.call("SET", "k", "1")
                        eventually(lambda: there.call("GET", "k") == b"1", 20, "the replica has it")
                        self.assertEqual(admin.call("WAIT", "1", "5000"), 1)
                    self.assertIn("NOPERM", refused(there, "SET", "k", "2"))

    def test_a_user_that_may_not_replicate_is_told_so(self):
        primary = self.lab.server("primary")
        with primary.client() as admin:
            admin.call("ACL", "SETUSER", "replica", "on", ">pw", "+ping", "+replconf")
            admin.call("SET", "k", "1")
        replica = self.lab.server("replica", masteruser="replica", masterauth="pw", replicaof=f"{HOST} {primary.port}")
        eventually(lambda: "NOPERM" in replica.log(), 20, "the replica's log says why")
        with primary.client() as admin:
            admin.call("ACL", "SETUSER", "replica", "+psync")
        with replica.client() as there:
            eventually(lambda: there.call("GET", "k") == b"1", 20, "it goes on by itself")


if __name__ == "__main__":
    unittest.main()
