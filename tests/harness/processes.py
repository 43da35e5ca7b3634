"""Real servers and sentinels for a test: free ports, a folder of their own, gone at its end.

A process started here dies with the test program (PDEATHSIG), and only processes started here are
ever signalled. Nothing sleeps for a fixed time: eventually() asks until a condition holds.
"""

import ctypes
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from . import binaries
from .resp import Client, Closed, ReplyError

HOST = "127.0.0.1"
_libc = ctypes.CDLL("libc.so.6", use_errno=True)
_PR_SET_PDEATHSIG = 1
_SANITIZER_WORDS = ("ERROR: AddressSanitizer", "ERROR: ThreadSanitizer", "LeakSanitizer", "WARNING: ThreadSanitizer",
                    ": runtime error: ")


def sanitizer_report(output):
    """What a sanitizer says in a program's output, from there to its end; empty without any."""
    lines = output.splitlines()
    for number, line in enumerate(lines):
        if any(words in line for words in _SANITIZER_WORDS):
            return "\n".join(lines[number:])
    return ""


def report_into(path, **overrides):
    """The environment in which sanitizers write what they have to say to the files PATH.PID, wherever the program's output
    goes. `overrides`: what one of them gets instead of the environment's options, as TSAN="..."."""
    options = {f"{name}_OPTIONS": f"{overrides.get(name, os.environ.get(f'{name}_OPTIONS', ''))} log_path={path}".strip()
               for name in ("ASAN", "LSAN", "TSAN", "UBSAN")}
    return {**os.environ, **options}


def die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def eventually(condition, timeout=20.0, what=None, pause=0.01):
    """Asks condition() until it is true and returns its answer; connection trouble means not yet."""
    deadline = time.monotonic() + timeout
    trouble = None
    while True:
        try:
            answer = condition()
            if answer:
                return answer
            trouble = None
        except (OSError, Closed, ReplyError) as error:
            trouble = error
        if time.monotonic() > deadline:
            name = what or getattr(condition, "__doc__", None) or "the condition"
            raise AssertionError(f"{name}: not within {timeout:g} s" +
                                 (f" (last: {trouble!r})" if trouble else ""))
        time.sleep(pause)


class Ports:
    """Loopback ports nobody uses, also 10000 above (the bus); held by a file lock against other tests."""

    FOLDER = Path(tempfile.gettempdir()) / "redan-test-ports"

    def __init__(self):
        self.FOLDER.mkdir(exist_ok=True)
        os.chmod(self.FOLDER, 0o1777)
        self.locks = []
        self.random = random.Random()

    def take(self):
        for _ in range(2000):
            port = self.random.randrange(10000, 22000)
            try:
                lock = open(self.FOLDER / str(port), "w")
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            if is_free(port) and is_free(port + 10000):
                self.locks.append(lock)
                return port
            lock.close()
        raise AssertionError("no free port on loopback")

    def release(self):
        for lock in self.locks:
            lock.close()
        self.locks.clear()


class Process:
    """A program with a log file. Options are directives: {"repl-timeout": 5} or {"save": ""}."""

    build = None  # What it is of, where that is known.

    def __init__(self, command, folder, log, env=None):
        self.command = [str(part) for part in command]
        self.folder = Path(folder)
        self.log_path = Path(log)
        self.env = env
        self.popen = None
        self.start()

    def start(self):
        """Starts it, once more if it had ended. Listening.restart() also waits until it serves."""
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(self.command, cwd=self.folder, stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=subprocess.STDOUT, env=self.env,
                                          preexec_fn=die_with_parent)

    @property
    def pid(self):
        return self.popen.pid

    @property
    def is_sanitized(self):
        return self.build is not None and self.build.is_sanitized

    def running(self):
        return self.popen.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def log_tail(self, lines=25):
        return "\n".join(self.log().splitlines()[-lines:])

    def signal(self, number):
        if self.running():
            self.popen.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.popen.wait(20)

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def wait(self, timeout=20):
        """The exit code; negative when a signal ended it."""
        return self.popen.wait(timeout)

    def stop(self, timeout=20):
        """SIGTERM, the polite end; its exit code."""
        self.resume()
        self.signal(signal.SIGTERM)
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.command[0]} ignores SIGTERM:\n{self.log_tail()}")

    def cpu_seconds(self):
        """User plus system time of all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def cpu_nanoseconds(self):
        """The same from the scheduler's own count, exact where /proc/PID/stat counts ticks."""
        total = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            try:
                total += int((task / "schedstat").read_text().split()[0])
            except FileNotFoundError:
                pass
        return total

    def rss_bytes(self):
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no Rss")

    def peak_rss_bytes(self):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmHWM")

    def reset_peak_rss(self):
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


    def socket_option(self, descriptor, level, name):
        """An option of one of its sockets, through a copy of the descriptor."""
        # Neither Python 3.11 nor the C library of Debian 12 has a name for pidfd_getfd.
        pidfd = os.pidfd_open(self.pid)
        copy = _libc.syscall(438, pidfd, descriptor, 0)
        os.close(pidfd)
        if copy < 0:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")
        with socket.socket(fileno=copy) as one:
            return one.getsockopt(level, name)


class Listening(Process):
    """A process that speaks RESP on a port."""

    host = HOST
    port = None
    password = None

    @property
    def address(self):
        return (self.host, self.port)

    def client(self, timeout=10.0):
        client = Client(self.address, timeout=timeout)
        if self.password:
            client.call("AUTH", self.password)
        return client

    def call(self, *args):
        with self.client() as client:
            return client.call(*args)

    def info(self, section="everything"):
        with self.client() as client:
            return client.info(section)

    def answers(self):
        if not self.running():
            raise AssertionError(f"{self.command[0]} ended with {self.popen.returncode}:\n"
                                 f"{self.log_tail()}")
        return self.call("PING") == "PONG"

    def restart(self):
        """Starts it again as it was started."""
        self.start()
        return self.wait_ready()

    def wait_ready(self, timeout=20):
        eventually(self.answers, timeout, f"{self.command[0]} on port {self.port} answers PING")
        return self


def directive_arguments(options):
    arguments = []
    for name, value in options.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        arguments += [f"--{name}", *map(str, values)]
    return arguments


class Server(Listening):
    """A data node. What directives its options do not name have the harness's DEFAULTS, unless the caller gives the
    whole command line as `arguments`, which then say `port` too. `before` is what the program is run through."""

    DEFAULTS = {"save": "", "appendonly": "no", "repl-diskless-sync-delay": 0,
                "enable-debug-command": "yes", "bind": HOST}

    def __init__(self, lab, build, name, arguments=None, env=None, before=(), **options):
        folder = lab.folder / name
        folder.mkdir(exist_ok=True)
        options = {key.replace("_", "-"): value for key, value in options.items()}
        self.port = options.pop("port", None) or lab.ports.take()
        self.name = name
        self.build = build
        self.options = {**self.DEFAULTS, "port": self.port, "dir": folder, **options}
        self.password = options.get("requirepass")
        self.before = before
        self.arguments = arguments
        super().__init__(self.command_line(), folder, folder / "log", env)

    def command_line(self):
        arguments = directive_arguments(self.options) if self.arguments is None else self.arguments
        return [str(part) for part in (*self.before, self.build.server, *arguments)]

    def restart(self, **options):
        """Starts it again; `options` are directives that change."""
        self.options.update({key.replace("_", "-"): value for key, value in options.items()})
        self.command = self.command_line()
        return super().restart()

    def follows(self, primary, through=None):
        """True once this node's link to primary is up and it has all of primary's stream."""
        mine = self.info("replication")
        theirs = primary.info("replication")
        return (mine.get("role") == "slave" and mine.get("master_link_status") == "up" and
                int(mine.get("master_port", 0)) == (through or primary).port and
                mine["slave_repl_offset"] == theirs["master_repl_offset"])

    def digest(self):
        return self.call("DEBUG", "DIGEST")

    def stat(self, name):
        """A number of INFO."""
        return int(self.info()[name])

    def wait_in_sync(self, primary, timeout=30, through=None):
        """through is a Proxy that stands before the primary."""
        eventually(lambda: self.follows(primary, through), timeout,
                   f"{self.name} follows {primary.name} and has its offset")


class Daemon(Listening):
    """A data node that goes into the background (daemonize yes): nobody's child, and its output goes nowhere, so that a
    sanitizer's reports have files of their own. The lab ends it."""

    def __init__(self, lab, build, name, **options):
        folder = lab.folder / name
        folder.mkdir(exist_ok=True)
        self.name, self.build, self.port = name, build, lab.ports.take()
        self.pidfile = folder / "pid"
        self.background_pid = None
        options = {**Server.DEFAULTS, "port": self.port, "dir": folder, "daemonize": "yes", "pidfile": self.pidfile,
                   "logfile": folder / "log", **{key.replace("_", "-"): value for key, value in options.items()}}
        super().__init__([build.server, *directive_arguments(options)], folder, folder / "log", report_into(folder / "sanitizer"))

    def start(self):
        """Until the program that was called has ended, and its output, and the one in the background has its pid file."""
        self.popen = subprocess.run(self.command, cwd=self.folder, timeout=20, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.env, text=True)
        if self.popen.returncode != 0:
            raise AssertionError(f"{self.command[0]} ended with {self.popen.returncode}:\n{self.popen.stdout}")
        text = eventually(lambda: self.pidfile.exists() and self.pidfile.read_text().endswith("\n") and self.pidfile.read_text(),
                          20, "the pid file is there")
        self.background_pid = int(text)

    @property
    def pid(self):
        return self.background_pid

    def running(self):
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except OSError:
            return False

    def signal(self, number):
        if self.running():
            os.kill(self.pid, number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.wait(20)

    def wait(self, timeout=20):
        deadline = time.monotonic() + timeout
        while self.running():
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(self.command, timeout)
            time.sleep(0.01)

    def log(self):
        """Its log, and what a sanitizer says."""
        return "\n".join(path.read_text(errors="replace") for path in (self.log_path, *self.folder.glob("sanitizer.*"))
                         if path.exists())


class Sentinel(Listening):
    """A sentinel with a config file of its own."""

    def __init__(self, lab, build, name, monitor, quorum=2, down_after=1000, group="redan", extra=()):
        folder = lab.folder / name
        folder.mkdir(exist_ok=True)
        self.port = lab.ports.take()
        self.name = name
        self.build = build
        self.group = group
        lines = [f"port {self.port}", f"dir {folder}", f"bind {HOST}",
                 f"sentinel monitor {group} {HOST} {monitor.port} {quorum}",
                 f"sentinel down-after-milliseconds {group} {down_after}",
                 f"sentinel failover-timeout {group} 20000",
                 f"sentinel parallel-syncs {group} 2", *extra]
        self.config = folder / "sentinel.conf"
        self.config.write_text("\n".join(lines) + "\n")
        super().__init__([build.sentinel, self.config], folder, folder / "log")

    def primary_port(self):
        answer = self.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.group)
        return int(answer[1])

    def state(self):
        with self.client() as client:
            reply = client.call("SENTINEL", "MASTER", self.group)
        return {k.decode(): v.decode() for k, v in zip(reply[::2], reply[1::2])}


class Lab:
    """A folder, ports and processes, all gone when it closes."""

    def __init__(self, label="lab"):
        self.folder = Path(tempfile.mkdtemp(prefix=f"redan-{label}-"))
        self.ports = Ports()
        self.processes = []

    def add(self, process):
        self.processes.append(process)
        return process

    def server(self, name="server", build=None, wait=True, **options):
        server = self.add(Server(self, build or binaries.subject(), name, **options))
        return server.wait_ready() if wait else server

    def daemon(self, name="daemon", build=None, wait=True, **options):
        daemon = self.add(Daemon(self, build or binaries.subject(), name, **options))
        return daemon.wait_ready() if wait else daemon

    def server_with(self, *arguments, name="server", port=None, build=None, requirepass=None):
        """A data node with just these arguments. It gets a free port, unless they say where it listens: `port`."""
        build, free = build or binaries.subject(), port or self.ports.take()
        if port is None:
            arguments = (*arguments, "--port", free, "--bind", HOST)
        return self.add(Server(self, build, name, arguments, port=free, requirepass=requirepass)).wait_ready()

    def refusal(self, *arguments, build=None):
        """Starts a data node that must end by itself with an error; what it printed."""
        program = (build or binaries.subject()).server
        done = subprocess.run([str(program), *map(str, arguments)], cwd=self.folder, text=True, timeout=20,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                              preexec_fn=die_with_parent)
        # Zero is a start that ended well, a negative number a crash; AddressSanitizer ends with 1, too.
        if done.returncode != 1 or sanitizer_report(done.stdout):
            raise AssertionError(f"{arguments} end with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def sentinel(self, name, monitor, build=None, **options):
        return self.add(Sentinel(self, build or binaries.subject(), name, monitor,
                                 **options)).wait_ready()

    def deployment(self, build=None, sentinel_build=None, replicas=2, sentinels=3, **options):
        """A primary, its replicas and sentinels that all know each other."""
        primary = self.server("primary", build, **options)
        followers = [self.server(f"replica-{i + 1}", build, replicaof=[HOST, primary.port],
                                 **options) for i in range(replicas)]
        for follower in followers:
            follower.wait_in_sync(primary)
        watchers = [self.sentinel(f"sentinel-{i + 1}", primary, sentinel_build or build)
                    for i in range(sentinels)]
        for watcher in watchers:
            wait_acquainted(watcher, replicas, sentinels)
        return primary, followers, watchers

    def cluster_nodes(self, build=None, count=6, **options):
        """Nodes in cluster mode that do not know each other yet; of ours, or build=binaries.oracle()."""
        started = len([each for each in self.processes if getattr(each, "is_cluster_node", False)])
        nodes = []
        for i in range(started, started + count):
            node = self.server(f"node-{i + 1}", build, wait=False,
                               **{"cluster-enabled": "yes", "cluster-config-file": "nodes.conf",
                                  "cluster-node-timeout": 2000, **options})
            node.is_cluster_node = True
            nodes.append(node)
        for node in nodes:
            node.wait_ready()
        return nodes

    def command(self, *command, timeout=60, check=True, **options):
        """Runs a program to its end; its standard output."""
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=timeout,
                              preexec_fn=die_with_parent, **options)
        if (check and done.returncode != 0) or sanitizer_report(done.stderr):
            raise AssertionError(f"{command[0]} ended with {done.returncode}:\n{done.stdout}"
                                 f"\n{done.stderr}")
        return done.stdout

    def show_logs(self, stream=sys.stderr):
        for process in self.processes:
            state = "runs" if process.running() else f"ended {process.popen.returncode}"
            print(f"--- {process.log_path} ({state})\n{process.log_tail(15)}", file=stream)

    def close(self):
        """Ends all processes; fails when a sanitizer had anything to say in one of them."""
        sanitized = [process for process in self.processes if process.is_sanitized]
        self._end_politely(sanitized)
        for process in self.processes:
            if process.running():
                process.kill()
        reports = [f"--- {process.log_path}\n{report}" for process in sanitized
                   if (report := sanitizer_report(process.log()))]
        self.ports.release()
        shutil.rmtree(self.folder, ignore_errors=True)
        if reports:
            raise AssertionError("a sanitizer reports:\n" + "\n".join(reports))

    @staticmethod
    def _end_politely(processes, timeout=30):
        """SIGTERM, because leaks are looked for when a program ends by itself. All at once: a primary that ends waits
        for its replicas. Who does not end in time, as one whose disk a test has filled, is left running."""
        for process in processes:
            process.resume()
            process.signal(signal.SIGTERM)
        deadline = time.monotonic() + timeout
        for process in processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass


def wait_acquainted(sentinel, replicas, sentinels, timeout=60):
    """Waits until a sentinel knows every replica and every other sentinel."""
    def knows():
        state = sentinel.state()
        return (int(state["num-slaves"]) >= replicas and
                int(state["num-other-sentinels"]) >= sentinels - 1 and
                state["flags"] == "master")
    eventually(knows, timeout, f"{sentinel.name} knows {replicas} replicas and the other sentinels")


class Story(unittest.TestCase):
    """A test with a lab of its own; prints the logs when it fails."""

    def setUp(self):
        self.lab = Lab(type(self).__name__)
        self.addCleanup(self.lab.close)

    def tearDown(self):
        result = self._outcome.result
        if any(getattr(case, "test_case", case) is self for case, _ in result.errors + result.failures):
            self.lab.show_logs()

    def assertReplyError(self, code, action, *args):
        with self.assertRaises(ReplyError) as caught:
            action(*args)
        self.assertEqual(caught.exception.code, code, str(caught.exception))
        return str(caught.exception)
