#!/usr/bin/python3
"""The process as its host sees it: title, pid file, background, supervisors, the out-of-memory score, crash report."""

import os
import re
import signal
import socket
import subprocess
import unittest
from pathlib import Path

from stories import HOST, ORACLE, SUBJECT, Story, eventually, fill


class HostStory(Story):
    def started(self, name="server", build=SUBJECT, environment=None, wait=True, **options):
        """A server with more in its environment."""
        return self.lab.server(name, build, wait, env={**os.environ, **(environment or {})}, **options)


class Title(HostStory):
    def title(self, build, template=None, whole=False, **options):
        arguments = {"proc_title_template": template} if template is not None else {}
        server = self.lab.server(f"{build.name}-{len(self.lab.processes)}", build, **arguments, **options)
        raw = Path(f"/proc/{server.pid}/cmdline").read_bytes()
        # Redis marks the end of a long title with a dot far behind it.
        text = raw.replace(b"\0", b" ").decode() if whole else raw.split(b"\0")[0].decode()
        server.stop()
        return text.replace(str(build.server), "PROGRAM").replace(str(server.port), "PORT")

    def test_it_shows_what_the_template_says(self):
        for template in (None, "{title} {listen-addr} {server-mode}", "{port}/{tls-port} <{unixsocket}> {config-file}",
                         "  just words  ", "{title}" * 9 + "{port}"):
            self.assertEqual(self.title(SUBJECT, template), self.title(ORACLE, template), template)
        self.assertEqual(self.title(SUBJECT), f"PROGRAM {HOST}:PORT")

    def test_it_may_be_left_alone(self):
        self.assertIn("--set-proc-title", self.title(SUBJECT, set_proc_title="no", whole=True))

    def test_it_changes_while_the_server_runs(self):
        server = self.lab.server()
        server.call("CONFIG", "SET", "proc-title-template", "other {port}")
        self.assertEqual(Path(f"/proc/{server.pid}/cmdline").read_bytes().split(b"\0")[0].decode(), f"other {server.port}")
        self.assertReplyError("ERR", server.call, "CONFIG", "SET", "proc-title-template", "{nothing}")

    def test_the_environment_behind_it_survives(self):
        server = self.started(environment={"REDAN_TEST_MARK": "x" * 500}, proc_title_template="t" * 4000)
        with open(f"/proc/{server.pid}/cmdline", "rb") as file:
            self.assertTrue(file.read().startswith(b"t" * 100))
        self.assertEqual(server.call("PING"), "PONG")


class Supervisors(HostStory):
    def listener(self, address):
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listening.bind(address)
        listening.settimeout(20)
        self.addCleanup(listening.close)
        return listening

    def test_systemd_hears_when_it_is_ready_and_when_it_stops(self):
        for address, shown in ((str(self.lab.folder / "notify"), None), (f"\0redan-{os.getpid()}", f"@redan-{os.getpid()}")):
            for wanted in ("systemd", "auto"):
                listening = self.listener(address)
                server = self.started(f"server-{wanted}-{bool(shown)}", supervised=wanted, daemonize="yes",
                                      environment={"NOTIFY_SOCKET": shown or address})
                words = listening.recv(4096).decode()
                self.assertIn("READY=1\n", words)
                self.assertIn("STATUS=Ready to accept connections\n", words)
                self.assertEqual(server.info()["process_supervised"], "systemd")
                self.assertTrue(server.running())  # daemonize would take it from its supervisor.
                self.assertEqual(server.stop(), 0)
                self.assertIn("STOPPING=1\n", listening.recv(4096).decode())
                listening.close()
                if not shown:
                    os.unlink(address)

    def test_systemd_hears_of_a_full_sync(self):
        primary = self.lab.server("primary")
        listening = self.listener(str(self.lab.folder / "notify"))
        self.started("replica", supervised="systemd", replicaof=[HOST, primary.port],
                     environment={"NOTIFY_SOCKET": str(self.lab.folder / "notify")})
        self.assertIn("Waiting for MASTER <-> REPLICA sync\nREADY=1\n", listening.recv(4096).decode())
        self.assertIn("STATUS=MASTER <-> REPLICA sync: Finished with success", listening.recv(4096).decode())

    def test_upstart_sees_it_stop_and_continues_it(self):
        server = self.started(supervised="upstart", environment={"UPSTART_JOB": "redan"}, wait=False)
        eventually(lambda: Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T", 20,
                   "it stops itself")
        server.resume()
        server.wait_ready()
        self.assertEqual(server.info()["process_supervised"], "upstart")

    def test_without_a_supervisor_it_says_so_and_starts(self):
        for wanted, missing in (("systemd", "NOTIFY_SOCKET not found"), ("upstart", "UPSTART_JOB not found")):
            server = self.lab.server(f"server-{wanted}", supervised=wanted)
            self.assertIn(missing.split()[0], server.log())
            self.assertEqual(server.info()["process_supervised"], "no")


class Background(HostStory):
    def test_daemonize_writes_its_pid_and_removes_the_file(self):
        # The program ends, and its output: nobody holds the pipe any more.
        server = self.lab.daemon()
        with server.client() as client:
            self.assertEqual(int(client.info("server")["process_id"]), server.pid)
            self.assertEqual(os.getsid(server.pid), server.pid)
            client.send("SHUTDOWN", "NOSAVE")
            client.read_until_closed()
        eventually(lambda: not server.pidfile.exists(), 20, "the pid file is gone")

    def test_a_pid_file_that_cannot_be_written_is_named(self):
        server = self.lab.server(pidfile="/no/such/folder/pid")
        self.assertIn("Failed to write PID file /no/such/folder/pid: No such file or directory", server.log())


class Scores(HostStory):
    @staticmethod
    def score(server):
        return int(Path(f"/proc/{server.pid}/oom_score_adj").read_text())

    def test_the_score_follows_directive_and_role(self):
        primary = self.lab.server("primary")
        base = self.score(primary)
        for build in (ORACLE, SUBJECT):
            server = self.lab.server(build.name, build, oom_score_adj="relative", oom_score_adj_values="10 40 80")
            self.assertEqual(self.score(server), base + 10)
            server.call("REPLICAOF", HOST, primary.port)
            eventually(lambda: self.score(server) == base + 40, 20, "a replica's score")
            server.call("CONFIG", "SET", "oom-score-adj-values", "10 50 80")
            self.assertEqual(self.score(server), base + 50)
            server.call("REPLICAOF", "NO", "ONE")
            eventually(lambda: self.score(server) == base + 10, 20, "a primary's score")
            server.call("CONFIG", "SET", "oom-score-adj", "absolute", "oom-score-adj-values", f"{base + 33} 50 80")
            self.assertEqual(self.score(server), base + 33)
            server.call("CONFIG", "SET", "oom-score-adj", "no")
            self.assertEqual(self.score(server), base)
        self.assertEqual(self.score(primary), base)  # It was never asked to.


class Others(HostStory):
    def test_a_replica_dials_from_bind_source_addr(self):
        primary = self.lab.server("primary")
        for build in (ORACLE, SUBJECT):
            replica = self.lab.server(build.name, build, replicaof=[HOST, primary.port], bind_source_addr="127.0.0.3")
            replica.wait_in_sync(primary)
            self.assertTrue(primary.info()["slave0"].startswith("ip=127.0.0.3,"), primary.info()["slave0"])
            replica.stop()
            eventually(lambda: primary.stat("connected_slaves") == 0, 20, "it is gone")

    def test_a_bind_source_addr_of_another_host_is_named(self):
        primary = self.lab.server("primary")
        replica = self.lab.server("replica", replicaof=[HOST, primary.port], bind_source_addr="192.0.2.1")
        eventually(lambda: "Can't bind to bind-source-addr 192.0.2.1: Cannot assign requested address" in replica.log(), 20,
                   "the log names it")
        replica.call("CONFIG", "SET", "bind-source-addr", "127.0.0.1")
        replica.wait_in_sync(primary)

    def test_a_locale_that_is_not_there_is_refused(self):
        self.assertIn("Invalid locale name 'xx_YY'", self.lab.refusal("--port", 0, "--locale-collate", "xx_YY"))
        server = self.lab.server()
        self.assertReplyError("ERR", server.call, "CONFIG", "SET", "locale-collate", "xx_YY")
        self.assertEqual(server.call("CONFIG", "SET", "locale-collate", "C"), "OK")

    def test_sort_alpha_follows_the_locale(self):
        name = "de_DE.UTF-8"
        subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", self.lab.folder / name], check=True, stderr=subprocess.DEVNULL)
        environment = {"LOCPATH": str(self.lab.folder), "LC_ALL": name}
        oracle = self.started("oracle", ORACLE, environment)  # Redis 7.0 has the environment's, and no directive.
        server = self.started("server", environment=environment)
        named = self.started("named", environment={**environment, "LC_ALL": "C"}, locale_collate=name)
        words = ["zebra", "Zebra", "Apfel", "apfel", "\u00c4pfel", "co-op", "coop", "CO-OP", "stra\u00dfe", "strasse", "", "10", "9"]
        by_bytes = sorted(word.encode() for word in words)
        for each in (oracle, server, named):
            each.call("RPUSH", "words", *words)
            each.call("SORT", "words", "ALPHA", "STORE", "stored")
            self.assertEqual(each.call("LRANGE", "stored", 0, -1), by_bytes)
        for how in ([], ["DESC"], ["LIMIT", 2, 5], ["BY", "none_*"], ["BY", "*"]):
            wanted = oracle.call("SORT", "words", "ALPHA", *how)
            self.assertEqual(server.call("SORT", "words", "ALPHA", *how), wanted, how)
            self.assertEqual(named.call("SORT", "words", "ALPHA", *how), wanted, how)
        self.assertNotEqual(oracle.call("SORT", "words", "ALPHA"), by_bytes)
        server.call("CONFIG", "SET", "locale-collate", "C")
        self.assertEqual(server.call("SORT", "words", "ALPHA"), by_bytes)
        # What is refused changes nothing; nothing said is the environment again.
        self.assertReplyError("ERR", server.call, "CONFIG", "SET", "locale-collate", "xx_YY")
        self.assertEqual(server.call("SORT", "words", "ALPHA"), by_bytes)
        server.call("CONFIG", "SET", "locale-collate", "")
        self.assertEqual(server.call("SORT", "words", "ALPHA"), oracle.call("SORT", "words", "ALPHA"))

    def test_threads_run_where_they_are_told(self):
        cpus = sorted(os.sched_getaffinity(0))
        first, last = str(cpus[0]), str(cpus[-1])
        server = self.lab.server(server_cpulist=first, bio_cpulist=last, bgsave_cpulist=last, rdb_key_save_delay=100)

        def place(thread):
            """The CPUs of the server's thread of this name."""
            for task in Path(f"/proc/{server.pid}/task").iterdir():
                if task.joinpath("comm").read_text().strip() == thread:
                    return re.search(r"Cpus_allowed_list:\s+(\S+)", task.joinpath("status").read_text())[1]
            return None
        self.assertEqual(place("redan-server"), first)
        self.assertEqual(place("lazy_free"), last)
        fill(server, 20_000)
        server.call("BGSAVE")
        # A thread is born where its maker may run, and goes then where it is told.
        eventually(lambda: place("snapshot") == last, 20, "a snapshot's thread goes where it is told")
        self.assertEqual(place("redan-server"), first)

    def test_packets_are_marked(self):
        server = self.lab.server(socket_mark_id=77)
        if "socket-mark-id 77 cannot be set (it takes CAP_NET_ADMIN)" in server.log():
            self.assertNotEqual(os.geteuid(), 0)
            return
        port_hex = f":{server.port:04X}"
        inode = next(line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines()
                     if line.split()[1].endswith(port_hex) and line.split()[3] == "0A")
        descriptor = next(int(link.name) for link in Path(f"/proc/{server.pid}/fd").iterdir()
                          if os.readlink(link) == f"socket:[{inode}]")
        self.assertEqual(server.socket_option(descriptor, socket.SOL_SOCKET, socket.SO_MARK), 77)

    def test_a_list_of_cpus_that_is_none_is_named(self):
        server = self.lab.server(server_cpulist="0-x")
        self.assertIn("server-cpulist '0-x' is no list of CPUs, as in 0-3,8: ignored", server.log())

    def test_the_allocator_has_a_thread_if_it_may(self):
        def has(server):
            return any("jemalloc" in task.joinpath("comm").read_text()
                       for task in Path(f"/proc/{server.pid}/task").iterdir())
        server = self.lab.server("with")
        if "jemalloc" in server.info()["mem_allocator"]:
            self.assertTrue(has(server))
            server.call("CONFIG", "SET", "jemalloc-bg-thread", "no")
            eventually(lambda: not has(server), 20, "the thread is gone")
        self.assertFalse(has(self.lab.server("without", jemalloc_bg_thread="no")))

    def test_a_crash_leaves_a_report_and_its_signal(self):
        # A sanitizer has handlers of its own, which would have the last word.
        env = {**os.environ, **{name: os.environ.get(name, "") + " handle_segv=0 handle_sigbus=0 handle_abort=0"
                                for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")}}
        for number in (signal.SIGSEGV, signal.SIGABRT):
            server = self.lab.server(f"server-{number}", env=env)
            server.signal(number)
            self.assertEqual(server.wait(), -number)
            self.assertIn(f"crashed by signal: {signal.Signals(number).name}\nStack, innermost first:\n", server.log())
        quiet = self.lab.server("quiet", env=env, crash_log_enabled="no", logfile=self.lab.folder / "quiet.log")
        quiet.signal(signal.SIGSEGV)
        self.assertEqual(quiet.wait(), -signal.SIGSEGV)
        self.assertNotIn("crashed", (self.lab.folder / "quiet.log").read_text())
        loud = self.lab.server("loud", env=env, logfile=self.lab.folder / "loud.log")
        loud.signal(signal.SIGBUS)
        self.assertEqual(loud.wait(), -signal.SIGBUS)
        self.assertIn("crashed by signal: SIGBUS", (self.lab.folder / "loud.log").read_text())

    def test_drills_end_a_server_by_debug(self):
        env = {**os.environ, **{name: os.environ.get(name, "") + " handle_segv=0 handle_abort=0"
                                for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")}}
        ends = {"SEGFAULT": -signal.SIGSEGV, "PANIC": -signal.SIGABRT, "ASSERT": -signal.SIGABRT}
        for verb, code in ends.items():
            server = self.lab.server(f"server-{verb}", env=env, enable_debug_command="yes")
            with server.client() as client:
                client.send("DEBUG", verb)
                self.assertEqual(server.wait(), code, verb)
            self.assertIn("crashed by signal", server.log())

    def test_new_clients_speak_the_version_that_is_set(self):
        server = self.lab.server(client_default_resp=3)
        with server.client() as client:
            client.send("CONFIG", "GET", "port")
            self.assertTrue(client.read_raw().startswith(b"%1\r\n"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
