#!/usr/bin/python3
"""How a data node starts and ends: configuration, signals, SHUTDOWN, and clear words when it cannot."""

import os
import re
import resource
import signal
import socket
import time
import unittest

from stories import HOST, SUBJECT, Client, Closed, ReplyError, Story, eventually, fill


class Starting(Story):
    def test_it_says_that_it_is_ready_and_who_it_is(self):
        server = self.lab.server()
        self.assertEqual(server.log().count("Ready to accept connections"), 1)
        info = server.info()
        self.assertEqual(int(info["process_id"]), server.pid)
        self.assertEqual(int(info["tcp_port"]), server.port)

    def test_a_configuration_file_with_includes_quotes_and_units(self):
        port = self.lab.ports.take()
        (self.lab.folder / "more.conf").write_text('maxmemory 100mb\nappendonly no\n')
        path = self.lab.folder / "redan.conf"
        path.write_text(f'# a comment\n\nport {port}\nbind {HOST}\nrequirepass "two \\"words\\""\n'
                        f"  TIMEOUT   17  \ndir '{self.lab.folder}'\ninclude {self.lab.folder}/more.conf\n"
                        'save ""\n')
        server = self.lab.server_with(path, "--maxclients", 321, port=port, requirepass='two "words"')
        with server.client() as client:
            for name, value in (("timeout", "17"), ("maxmemory", "104857600"), ("maxclients", "321"),
                                ("save", "")):
                self.assertEqual(client.call("CONFIG", "GET", name), [name.encode(), value.encode()])

    def test_the_configuration_that_debian_ships_starts(self):
        server = self.lab.server_with("/etc/redis/redis.conf", "--daemonize", "no", "--dir", self.lab.folder, "--logfile", "",
                                      "--pidfile", self.lab.folder / "pid", "--supervised", "no")
        self.assertEqual(server.call("SET", "k", "v"), "OK")

    def test_a_rewritten_configuration_survives_a_restart(self):
        port = self.lab.ports.take()
        path = self.lab.folder / "redan.conf"
        path.write_text(f"# kept comment\nport {port}\nbind {HOST}\ndir {self.lab.folder}\ntimeout 5\n")
        server = self.lab.server_with(path, port=port)
        server.call("CONFIG", "SET", "timeout", "77")
        server.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        server.call("CONFIG", "REWRITE")
        text = path.read_text()
        self.assertIn("# kept comment", text)
        self.assertIn("timeout 77", text)
        server.stop()
        server.restart()
        self.assertEqual(server.call("CONFIG", "GET", "timeout"), [b"timeout", b"77"])
        self.assertEqual(server.call("CONFIG", "GET", "maxmemory-policy"),
                         [b"maxmemory-policy", b"allkeys-lru"])

    def test_an_unknown_directive_is_named_with_its_line(self):
        path = self.lab.folder / "redan.conf"
        path.write_text("port 0\n\nmaxmemry 100mb\n")
        words = self.lab.refusal(path)
        self.assertIn("maxmemry", words)
        self.assertIn("3", words)

    def test_bad_values_are_named(self):
        for arguments in (["--port", "x"], ["--port", "70000"], ["--maxmemory", "lots"], ["--appendonly", "maybe"],
                          ["--loglevel", "loud"], ["--timeout", "-1"], ["--save", "900"]):
            words = self.lab.refusal(*arguments)
            self.assertIn(arguments[0][2:], words, arguments)

    def test_a_missing_file_is_named(self):
        self.assertIn("/no/such/file.conf", self.lab.refusal("/no/such/file.conf"))

    def test_a_port_in_use_is_named(self):
        with socket.create_server((HOST, 0)) as taken:
            port = taken.getsockname()[1]
            words = self.lab.refusal("--port", port, "--bind", HOST)
            self.assertIn(str(port), words)
            self.assertIn("use", words.lower())

    def test_a_folder_that_is_not_there_is_named(self):
        words = self.lab.refusal("--port", self.lab.ports.take(), "--dir", "/no/such/folder")
        self.assertIn("/no/such/folder", words)

    def test_paths_that_cannot_be_written_are_named_with_what_helps(self):
        port = self.lab.ports.take()
        words = self.lab.refusal("--port", port, "--unixsocket", "/no/such/folder/socket")
        self.assertIn("/no/such/folder/socket", words)
        self.assertIn("set 'unixsocket'", words)
        words = self.lab.refusal("--port", port, "--logfile", "/no/such/folder/log")
        self.assertIn("/no/such/folder/log", words)
        self.assertIn("set 'logfile'", words)

    def test_tcp_keepalive_reaches_the_sockets(self):
        for seconds in (0, 120):
            server = self.lab.server(f"keepalive{seconds}", tcp_keepalive=seconds)
            with server.client() as client:
                descriptor = int(re.search(rb" fd=(\d+) ", client.call("CLIENT", "INFO"))[1])
                self.assertEqual(server.socket_option(descriptor, socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                                 int(seconds > 0))
                if seconds:
                    self.assertEqual(server.socket_option(descriptor, socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                                     seconds)

    def test_an_aborted_shutdown_does_not_happen(self):
        primary = self.lab.server("primary", shutdown_timeout=600)
        replica = self.lab.server("replica", replicaof=[HOST, primary.port])
        replica.wait_in_sync(primary)
        replica.pause()
        primary.call("SET", "k", "v")
        with primary.client() as waiting, primary.client() as other:
            waiting.send("SHUTDOWN", "NOSAVE")
            eventually(lambda: "Waiting for replicas before shutting down" in primary.log(), 20, "it waits")
            self.assertEqual(other.call("SHUTDOWN", "ABORT"), "OK")
            self.assertEqual(other.call("SET", "k", "w"), "OK")
        self.assertIn("Shutdown manually aborted", primary.log())
        replica.resume()
        replica.wait_in_sync(primary)

    def test_a_pause_of_all_holds_reads_until_it_ends(self):
        server = self.lab.server()
        with server.client() as one:
            one.call("CLIENT", "PAUSE", 700, "ALL")
            begin = time.monotonic()
            self.assertEqual(one.call("GET", "k"), None)
            self.assertGreater(time.monotonic() - begin, 0.5)

    def test_a_client_that_leaves_no_trace_leaves_none(self):
        server = self.lab.server(maxmemory_policy="allkeys-lfu", lfu_log_factor=0)
        with server.client() as one:
            one.call("SET", "k", "v")
            one.call("CLIENT", "NO-TOUCH", "ON")
            before = one.call("OBJECT", "FREQ", "k")
            for _ in range(20):
                one.call("GET", "k")
            self.assertEqual(one.call("OBJECT", "FREQ", "k"), before)
            one.call("CLIENT", "NO-TOUCH", "OFF")
            one.call("GET", "k")
            self.assertGreater(one.call("OBJECT", "FREQ", "k"), before)

    def test_few_file_descriptors_lower_maxclients(self):
        server = self.lab.server(before=["/bin/sh", "-c", 'ulimit -n 1000; exec "$@"', "sh"])
        self.assertEqual(server.call("CONFIG", "GET", "maxclients"), [b"maxclients", b"968"])

    def test_a_unix_socket_with_its_permissions(self):
        path = self.lab.folder / "socket"
        server = self.lab.server(unixsocket=path, unixsocketperm=700)
        with Client(str(path)) as client:
            self.assertEqual(client.call("PING"), "PONG")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o700)
        server.stop()
        self.assertFalse(path.exists())

    def test_more_clients_than_maxclients_are_told(self):
        server = self.lab.server(maxclients=10)

        def crowd():
            clients = [server.client() for _ in range(10)]
            try:
                return [client for client in clients if client.call("PING")]
            except (Closed, OSError, ReplyError):
                for client in clients:
                    client.close()
                raise
        clients = eventually(crowd, 10, "ten clients are served")  # wait_ready's place is free soon.
        with Client(server.address) as one_more:
            self.assertEqual(one_more.read_until_closed(), b"-ERR max number of clients reached\r\n")
        clients.pop().close()
        eventually(lambda: server.call("PING") == "PONG", 10, "a place is free again")
        for client in clients:
            client.close()

    def test_an_idle_client_is_closed_after_timeout(self):
        server = self.lab.server(timeout=1)
        with server.client(timeout=20) as client:
            client.call("PING")
            self.assertEqual(client.read_until_closed(), b"")


class Ending(Story):
    def test_sigterm_and_sigint_end_it_cleanly(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.lab.server(f"server-{number}", save="3600 1")
            server.call("SET", "k", "v")
            server.signal(number)
            self.assertEqual(server.wait(), 0)
            self.assertIn("ready to exit, bye bye", server.log())
            server.restart()
            self.assertEqual(server.call("GET", "k"), b"v")

    def test_shutdown_saves_as_it_is_told(self):
        for words, kept in ((["NOSAVE"], None), (["SAVE"], b"v"), ([], None)):
            server = self.lab.server("-".join(["server", *words]))
            server.call("SET", "k", "v")
            with server.client() as client:
                client.send("SHUTDOWN", *words)
                self.assertEqual(client.read_until_closed(), b"")
            self.assertEqual(server.wait(), 0)
            server.restart()
            self.assertEqual(server.call("GET", "k"), kept, words)

    def test_shutdown_with_save_points_saves(self):
        server = self.lab.server(save="3600 1")
        fill(server, 1000)
        digest = server.digest()
        with server.client() as client:
            client.send("SHUTDOWN")
            client.read_until_closed()
        self.assertEqual(server.wait(), 0)
        server.restart()
        self.assertEqual(server.digest(), digest)

    def test_a_shutdown_that_cannot_save_does_not_happen(self):
        server = self.lab.server(save="3600 1")
        server.call("SET", "k", "v")
        server.folder.joinpath("dump.rdb").mkdir()  # Nothing can be renamed onto it.
        self.assertReplyError("ERR", server.call, "SHUTDOWN", "SAVE")
        self.assertEqual(server.call("GET", "k"), b"v")
        with server.client() as client:
            client.send("SHUTDOWN", "SAVE", "FORCE")
            client.read_until_closed()
        self.assertEqual(server.wait(), 0)

    def test_a_primary_waits_for_its_replicas_before_it_ends(self):
        primary = self.lab.server("primary")
        replica = self.lab.server("replica", replicaof=[HOST, primary.port])
        replica.wait_in_sync(primary)
        with primary.client() as client:
            client.pipeline([["SET", f"k:{i}", "x" * 100] for i in range(5000)])
        self.assertEqual(primary.stop(), 0)
        self.assertEqual(replica.call("DBSIZE"), 5000)

    def test_stop_and_continue_leave_it_whole(self):
        server = self.lab.server()
        server.call("SET", "k", "v")
        server.pause()
        server.resume()
        self.assertEqual(server.call("GET", "k"), b"v")

    def test_signals_that_mean_nothing_do_no_harm(self):
        server = self.lab.server()
        for number in (signal.SIGHUP, signal.SIGPIPE):
            server.signal(number)
        self.assertEqual(server.call("PING"), "PONG")


class ManyClients(Story):
    CLIENTS = 10_000

    def test_ten_thousand_idle_clients_cost_little(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = self.CLIENTS + 500
        if hard != resource.RLIM_INFINITY and hard < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))  # Root may; others are told why not.
        else:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        server = self.lab.server(maxclients=self.CLIENTS + 100)
        server.call("PING")
        before = server.rss_bytes()
        sockets = []
        for _ in range(self.CLIENTS):
            sockets.append(socket.create_connection(server.address, 10))
        for one in sockets:
            one.sendall(b"PING\r\n")
        for one in sockets:
            self.assertEqual(one.recv(16), b"+PONG\r\n")
        self.assertGreaterEqual(int(server.info()["connected_clients"]), self.CLIENTS)
        grown = server.rss_bytes() - before
        print(f"{self.CLIENTS} idle clients: {grown / 2**20:.1f} MB")
        if not SUBJECT.is_sanitized:
            self.assertLess(grown, (100 if SUBJECT.is_stock else 20) * 2**20)
        for one in sockets:
            one.close()
        eventually(lambda: int(server.info()["connected_clients"]) == 1, 30, "they are gone")


if __name__ == "__main__":
    unittest.main(verbosity=2)

