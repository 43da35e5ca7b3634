#!/usr/bin/python3
"""Sentinels over real servers: ours alone, and beside stock redis-sentinel.

  sentinel_mixed_test.py [--bin build/release/bin] [--only NAME]

Starts redis-server (Debian's) as data nodes and redan-sentinel, with and without stock
redis-sentinel, on free loopback ports in a folder of its own; waits for conditions, never for time;
prints what it measured and exits 0 if every story ended well. Needs python3-redis.
"""
import argparse
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import redis

NAME = "mymaster"


class Failure(Exception):
    pass


def eventually(what, condition, seconds=20):
    """Waits until `condition` gives something true and returns it."""
    end = time.monotonic() + seconds
    last = None
    while time.monotonic() < end:
        try:
            value = condition()
            if value:
                return value
        except (redis.RedisError, OSError) as error:
            last = error
        time.sleep(0.01)
    raise Failure(f"not within {seconds} s: {what}" + (f" (last error: {last})" if last else ""))


_given = set()


def free_port(bus=False):
    """A port that is free now, and where `bus` is wanted the one 10000 above too."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port in _given or port > 55000 or port + 10000 in _given:
            continue
        if bus:
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port + 10000))
                except OSError:
                    continue
        _given.update({port, port + 10000})
        return port


class Process:
    def __init__(self, folder, name, command):
        self.name = name
        self.log = os.path.join(folder, name + ".log")
        self.command = command
        self.folder = folder
        self.start()

    def start(self):
        self.out = open(self.log, "ab")
        self.process = subprocess.Popen(self.command, cwd=self.folder, stdout=self.out,
                                        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        self.out.close()

    def text(self):
        with open(self.log, errors="replace") as log:
            return log.read()


class Deployment:
    """One primary, two replicas, and sentinels of the kinds given ('ours', 'stock')."""

    def __init__(self, bin_folder, kinds, down_after_ms=1000, quorum=2, replicas=2, password=None):
        self.bin = bin_folder
        self.folder = tempfile.mkdtemp(prefix="redan-sentinel-")
        self.password = password
        self.nodes = {}
        self.sentinels = {}
        self.ports = [free_port() for _ in range(replicas + 1)]
        for port in self.ports:
            self.start_node(port, None if port == self.ports[0] else self.ports[0])
        eventually("replicas in sync", lambda: self.replicas_online(replicas))
        for kind in kinds:
            self.start_sentinel(kind, down_after_ms, quorum)
        for port in self.sentinels:
            eventually(f"sentinel {port} knows everybody", lambda: self.knows_all(port), 30)

    def replicas_online(self, replicas):
        # A primary sends its stream only after a replica's first ACK, up to a second after the
        # replica calls its link up: a write in between would be lost with the primary. A write that
        # both have acknowledged proves that the stream runs.
        primary = self.node(self.ports[0])
        if primary.info("replication")["connected_slaves"] != replicas:
            return False
        primary.set("probe", "1")
        return primary.wait(replicas, 1000) == replicas

    def start_node(self, port, primary):
        conf = os.path.join(self.folder, f"node-{port}.conf")
        with open(conf, "w") as out:
            out.write(f"port {port}\nbind 127.0.0.1\ndir {self.folder}\nsave \"\"\n"
                      f"dbfilename {port}.rdb\nrepl-diskless-sync-delay 0\n"
                      f"repl-ping-replica-period 1\n")
            if primary:
                out.write(f"replicaof 127.0.0.1 {primary}\n")
            if self.password:
                out.write(f"requirepass {self.password}\nmasterauth {self.password}\n")
        self.nodes[port] = Process(self.folder, f"node-{port}", ["redis-server", conf])
        eventually(f"node {port} answers", lambda: self.node(port).ping())

    def start_sentinel(self, kind, down_after_ms, quorum, auth=None):
        port = free_port(bus=True)
        conf = os.path.join(self.folder, f"sentinel-{port}.conf")
        with open(conf, "w") as out:
            out.write(f"# kept\nport {port}\nbind 127.0.0.1\n"
                      f"sentinel monitor {NAME} 127.0.0.1 {self.ports[0]} {quorum}\n"
                      f"sentinel down-after-milliseconds {NAME} {down_after_ms}\n"
                      f"sentinel failover-timeout {NAME} 20000\n")
            password = auth or self.password
            if password:
                out.write(f"sentinel auth-pass {NAME} {password}\n")
        program = os.path.join(self.bin, "redan-sentinel") if kind == "ours" else "redis-sentinel"
        process = Process(self.folder, f"{kind}-{port}", [program, conf])
        process.kind = kind
        process.conf = conf
        self.sentinels[port] = process
        eventually(f"{kind} sentinel {port} answers", lambda: self.sentinel(port).ping())
        return port

    def node(self, port):
        return redis.Redis(port=port, socket_timeout=5, password=self.password)

    def sentinel(self, port):
        return redis.Redis(port=port, socket_timeout=5, decode_responses=True)

    def of_kind(self, kind):
        return [p for p, s in self.sentinels.items() if s.kind == kind]

    def knows_all(self, port):
        state = self.sentinel(port).sentinel_master(NAME)
        good = [s for s in self.sentinel(port).sentinel_sentinels(NAME)
                if not s["is_disconnected"] and not s["is_sdown"]]
        replicas = [r for r in self.sentinel(port).sentinel_slaves(NAME)
                    if not r["is_disconnected"] and not r["is_sdown"] and "down" not in r["flags"]]
        return (state["num-other-sentinels"] == len(self.sentinels) - 1 == len(good)
                and state["num-slaves"] == len(self.ports) - 1 == len(replicas)
                and all(r["master-link-status"] == "ok" for r in replicas))

    def primary(self, port):
        address = self.sentinel(port).execute_command(
            "SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        return int(address[1])

    def agree(self, different_from=None, ports=None):
        seen = {self.primary(p) for p in ports or self.sentinels}
        if len(seen) != 1:
            return None
        port = seen.pop()
        if port == different_from or self.node(port).role()[0] != b"master":
            return None
        return port

    def close(self, failed):
        for process in list(self.sentinels.values()) + list(self.nodes.values()):
            process.stop()
        if failed:
            for process in list(self.sentinels.values()):
                print(f"---- {process.name}")
                print(process.text()[-6000:])
        shutil.rmtree(self.folder, ignore_errors=True)


class Writer:
    """Writes a counter through the sentinels, as a client would, and notes what was accepted."""

    def __init__(self, deployment):
        self.deployment = deployment
        self.acknowledged = 0
        self.gap = 0.0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        eventually("first writes", lambda: self.acknowledged > 100)
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def locate(self):
        for port in self.deployment.sentinels:
            with contextlib.suppress(redis.RedisError):
                return self.deployment.primary(port)
        return None

    def run(self):
        client, last = None, None
        while not self.done.is_set():
            try:
                if client is None:
                    client = redis.Redis(port=self.locate(), socket_timeout=3,
                                         password=self.deployment.password)
                client.rpush("written", self.acknowledged + 1)
                now = time.monotonic()
                if last is not None:
                    self.gap = max(self.gap, now - last)
                last = now
                self.acknowledged += 1
            except (redis.RedisError, TypeError, OSError):
                client = None
                time.sleep(0.002)

    def lost(self, port):
        stored = set(int(n) for n in self.deployment.node(port).lrange("written", 0, -1))
        return sum(1 for n in range(1, self.acknowledged + 1) if n not in stored)


def returns_as_replica(deployment, old, new, seconds=20):
    deployment.start_node(old, None)
    begin = time.monotonic()
    eventually("the old primary follows the new one", lambda: (
        deployment.node(old).info("replication").get("master_port") == new), seconds)
    demoted = time.monotonic() - begin
    eventually("the old primary is in sync", lambda: deployment.node(old).info("replication")[
        "master_link_status"] == "up", seconds)
    return demoted


def story_kill(deployment):
    old = deployment.ports[0]
    with Writer(deployment) as writer:
        begin = time.monotonic()
        deployment.nodes[old].kill()
        new = eventually("a new primary", lambda: deployment.agree(different_from=old), 30)
        took = time.monotonic() - begin
        before = writer.acknowledged
        eventually("writes go on", lambda: writer.acknowledged > before + 50)
    demoted = returns_as_replica(deployment, old, new)
    lost = writer.lost(new)
    print(f"   all agree after {took:.2f} s, write gap {writer.gap:.2f} s, acknowledged "
          f"{writer.acknowledged}, lost {lost}, old primary a replica after {demoted:.2f} s")
    if lost:
        raise Failure(f"{lost} acknowledged writes are lost")
    return new


def story_manual(deployment):
    asked = deployment.of_kind("ours")[0]
    old = deployment.primary(asked)
    with Writer(deployment) as writer:
        begin = time.monotonic()
        deployment.sentinel(asked).execute_command("SENTINEL", "FAILOVER", NAME)
        new = eventually("a new primary", lambda: deployment.agree(different_from=old), 30)
        took = time.monotonic() - begin
        before = writer.acknowledged
        eventually("writes go on", lambda: writer.acknowledged > before + 50)
    eventually("the old primary follows", lambda: deployment.node(old).info("replication").get(
        "master_port") == new)
    lost = writer.lost(new)
    print(f"   all agree after {took:.2f} s, write gap {writer.gap:.3f} s, acknowledged "
          f"{writer.acknowledged}, lost {lost}")
    if lost:
        raise Failure(f"{lost} acknowledged writes are lost")


def ours_kill_and_manual(bin_folder):
    deployment = Deployment(bin_folder, ["ours"] * 3)
    yield deployment
    story_kill(deployment)
    for port in deployment.sentinels:
        eventually("everybody is well again", lambda: deployment.knows_all(port), 30)
    story_manual(deployment)
    conf = open(deployment.sentinels[deployment.of_kind("ours")[0]].conf).read()
    for needed in ("# kept", "sentinel myid ", "sentinel current-epoch ", "sentinel known-replica "
                   + NAME, "sentinel known-sentinel " + NAME):
        if needed not in conf:
            raise Failure(f"'{needed}' is not in sentinel.conf:\n{conf}")


def two_ours_one_stock(bin_folder):
    """Votes of both kinds count: with one of ours dead, the stock one is needed for a majority."""
    deployment = Deployment(bin_folder, ["ours", "ours", "stock"])
    yield deployment
    dead = deployment.of_kind("ours")[1]
    deployment.sentinels.pop(dead).kill()
    old = deployment.ports[0]
    begin = time.monotonic()
    deployment.nodes[old].kill()
    new = eventually("a new primary", lambda: deployment.agree(different_from=old), 60)
    print(f"   all agree after {time.monotonic() - begin:.2f} s")
    demoted_by_ours(deployment, old, new)
    leaders = [s.name for s in deployment.sentinels.values() if "+elected-leader" in s.text()]
    votes = sum(s.text().count("+vote-for-leader") for s in deployment.sentinels.values())
    print(f"   led by {leaders}, votes {votes}")


def demoted_by_ours(deployment, old, new):
    """The stock peers tell their ballots, so ours need not wait as the stock ones do."""
    demoted = returns_as_replica(deployment, old, new, 30)
    print(f"   old primary a replica after {demoted:.2f} s")
    by = [s.name for s in deployment.sentinels.values() if f"+convert-to-slave slave 127.0.0.1:{old} " in s.text()]
    if not by or any(name.startswith("stock") for name in by):
        raise Failure(f"demoted by {by}")


def one_ours_two_stock(bin_folder):
    """The proof that the old primary is a leftover rests on the ballots of stock peers."""
    deployment = Deployment(bin_folder, ["ours", "stock", "stock"])
    yield deployment
    old = deployment.ports[0]
    deployment.nodes[old].kill()
    new = eventually("a new primary", lambda: deployment.agree(different_from=old), 60)
    demoted_by_ours(deployment, old, new)


def led_by(deployment, leaders):
    """Only `leaders` ask for the failover, the majority of votes must come from the others: these
    take the primary for healthy, and a quorum of one makes a leader's own opinion enough."""
    for port in deployment.sentinels:
        option = ("quorum", "1") if port in leaders else ("down-after-milliseconds", "60000")
        deployment.sentinel(port).execute_command("SENTINEL", "SET", NAME, *option)
    old = deployment.ports[0]
    begin = time.monotonic()
    deployment.nodes[old].kill()
    eventually("a new primary", lambda: deployment.agree(different_from=old), 60)
    print(f"   all agree after {time.monotonic() - begin:.2f} s")
    led = [p for p, s in deployment.sentinels.items() if "+elected-leader" in s.text()]
    if not led or not set(led) <= set(leaders):
        raise Failure(f"led by {led}, not by {leaders}")
    voters = [p for p, s in deployment.sentinels.items()
              if p not in leaders and "+vote-for-leader" in s.text()]
    print(f"   votes by {[deployment.sentinels[p].name for p in voters]}")
    if not voters:
        raise Failure("none of the others voted")


def stock_leads(bin_folder):
    """Ours vote for a stock leader."""
    deployment = Deployment(bin_folder, ["ours", "ours", "stock"])
    yield deployment
    led_by(deployment, deployment.of_kind("stock"))


def ours_leads(bin_folder):
    """Stock sentinels vote for one of ours."""
    deployment = Deployment(bin_folder, ["ours", "stock", "stock"])
    yield deployment
    led_by(deployment, deployment.of_kind("ours"))


def fields_like_stock(bin_folder):
    """SENTINEL MASTER, REPLICAS, SENTINELS and errors: the same fields as stock, in the same order."""
    deployment = Deployment(bin_folder, ["ours", "stock"])
    yield deployment
    ours, stock = deployment.of_kind("ours")[0], deployment.of_kind("stock")[0]

    def names(port, *command):
        connection = redis.Redis(port=port, decode_responses=True)
        connection.response_callbacks.clear()
        reply = connection.execute_command(*command)
        if reply and isinstance(reply[0], list):
            reply = reply[0]
        return reply[0::2]

    for verb in ("MASTER", "REPLICAS", "SENTINELS"):
        a, b = names(ours, "SENTINEL", verb, NAME), names(stock, "SENTINEL", verb, NAME)
        if a != b:
            raise Failure(f"SENTINEL {verb} differs:\n ours  {a}\n stock {b}")

    if names(ours, "SENTINEL", "MASTERS") != names(stock, "SENTINEL", "MASTERS"):
        raise Failure("SENTINEL MASTERS differs")

    def section(port):
        text = redis.Redis(port=port, decode_responses=True).execute_command("INFO", "sentinel")
        return text if isinstance(text, dict) else dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)
    a, b = section(ours), section(stock)
    if list(a.items()) != list(b.items()):
        raise Failure(f"INFO sentinel differs:\n ours  {a}\n stock {b}")

    def error(port, *command):
        try:
            return deployment.sentinel(port).execute_command(*command)
        except redis.RedisError as problem:
            return f"error: {problem}"

    for command in (
            "SENTINEL MASTER nobody", "SENTINEL REPLICAS nobody", "SENTINEL CKQUORUM nobody",
            "SENTINEL GET-MASTER-ADDR-BY-NAME nobody", "SENTINEL foo", "SENTINEL",
            "SENTINEL IS-MASTER-DOWN-BY-ADDR 127.0.0.1 1 0", f"SENTINEL SET {NAME} quorum 0",
            f"SENTINEL SET {NAME} foo bar", "SENTINEL MONITOR a b c d", "SENTINEL MONITOR a b 33 1",
            f"SENTINEL MONITOR {NAME} 127.0.0.1 1 1", "SENTINEL REMOVE nobody",
            "SENTINEL FAILOVER nobody", "SENTINEL RESET nobody*", "SENTINEL CONFIG SET foo bar",
            "SENTINEL CONFIG GET *", "SENTINEL CONFIG GET announce-port",
            "SENTINEL CONFIG SET announce-port abc", "SENTINEL DEBUG", "SENTINEL DEBUG foo 3",
            f"SENTINEL CKQUORUM {NAME}", "SENTINEL PENDING-SCRIPTS", "SENTINEL INFO-CACHE nobody",
            "SENTINEL SIMULATE-FAILURE help", "SENTINEL SIMULATE-FAILURE foo", "ROLE", "GET x",
            "PUBLISH foo bar", "SHUTDOWN foo", "AUTH a", "SUBSCRIBE", "PING hi", "PING a b"):
        a, b = error(ours, *command.split()), error(stock, *command.split())
        if a != b:
            raise Failure(f"{command} differs:\n ours  {a}\n stock {b}")
    print("   the same fields and errors")


def bad_input(bin_folder):
    """A wrong password, an unwritable folder, a busy port, garbage: one clear error, no crash."""
    deployment = Deployment(bin_folder, ["ours"], password="right", quorum=1)
    yield deployment
    port = deployment.of_kind("ours")[0]
    sentinel = deployment.sentinels[port]
    program = os.path.join(bin_folder, "redan-sentinel")

    def refused(*arguments):
        run = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30,
                             cwd=deployment.folder)
        if run.returncode != 1:
            raise Failure(f"{arguments}: exit code {run.returncode}\n{run.stdout}{run.stderr}")
        return run.stdout + run.stderr

    def expect(text, words):
        if words not in text:
            raise Failure(f"'{words}' is not in:\n{text}")

    expect(refused(), "without a config file")
    expect(refused("missing.conf"), "can't open config file")
    copy = os.path.join(deployment.folder, "copy.conf")
    shutil.copy(sentinel.conf, copy)
    expect(refused(copy), "Address already in use")
    with open(copy, "w") as out:
        out.write("sentinel monitor a b\n")
    expect(refused(copy), "Unrecognized sentinel configuration statement")
    with open(copy, "w") as out:
        out.write("prot 1\n")
    expect(refused(copy), "prot 1")

    rubbish = os.urandom(4096)
    for where in (port, port + 10000):
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", where)) as stream:
                with contextlib.suppress(OSError):
                    stream.sendall(rubbish)
                    stream.settimeout(5)
                    while stream.recv(4096):
                        pass
    with socket.create_connection(("127.0.0.1", port + 10000)) as stream:  # Half a preface.
        stream.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + rubbish)
        stream.settimeout(5)
        with contextlib.suppress(OSError):
            while stream.recv(4096):
                pass
    if not deployment.sentinel(port).ping():
        raise Failure("no answer after garbage")
    if sentinel.text().count("Nonsense on the sentinel bus") != 1:
        raise Failure("garbage on the bus is to be logged once:\n" + sentinel.text())

    other = deployment.start_sentinel("ours", 1000, 1, auth="wrong")
    eventually("the wrong password is told", lambda: "Unable to AUTH" in
               deployment.sentinels[other].text())
    if os.getuid() != 0:
        folder = os.path.join(deployment.folder, "closed")
        os.mkdir(folder)
        conf = os.path.join(folder, "s.conf")
        shutil.copy(sentinel.conf, conf)
        os.chmod(folder, 0o500)
        expect(refused(conf), "not writable")
        os.chmod(folder, 0o700)
    for process in deployment.sentinels.values():
        if process.process.poll() is not None:
            raise Failure(f"{process.name} has ended")
    print("   each with one clear error, nobody crashed")


def clusterctl(bin_folder):
    """clusterctl looks and hands over."""
    deployment = Deployment(bin_folder, ["ours"] * 3)
    yield deployment
    port = deployment.of_kind("ours")[0]

    def run(*arguments):
        return subprocess.run([os.path.join(bin_folder, "clusterctl"), *arguments],
                              capture_output=True, text=True, timeout=60)

    eventually("healthy", lambda: run("info", f"127.0.0.1:{port}").returncode == 0, 30)
    print(run("info", f"127.0.0.1:{port}").stdout)
    handed = run("failover", f"127.0.0.1:{port}", NAME)
    print(handed.stdout + handed.stderr)
    if handed.returncode != 0:
        raise Failure("clusterctl failover failed")
    if deployment.agree(different_from=deployment.ports[0]) is None:
        raise Failure("not everybody knows the new primary")
    for wrong, code, words in (
            (("info", "127.0.0.1:1"), 1, "Could not connect"),
            (("failover", f"127.0.0.1:{deployment.ports[0]}"), 1, "data node"),
            (("failover", f"127.0.0.1:{port}", "nobody"), 1, "watches no primary named"),
            (("frob", "127.0.0.1:1"), 2, "unknown verb"), (("info",), 2, "needs an address")):
        outcome = run(*wrong)
        if outcome.returncode != code or words not in outcome.stderr:
            raise Failure(f"{wrong}: exit code {outcome.returncode}, {outcome.stderr}")


STORIES = [ours_kill_and_manual, two_ours_one_stock, one_ours_two_stock, stock_leads, ours_leads,
           fields_like_stock, bad_input, clusterctl]


def main():
    default_bin = os.environ.get("REDAN_BIN") or os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "../../build/release/bin")
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", default=default_bin, help="folder of redan-sentinel, clusterctl")
    parser.add_argument("--only", help="run one story: " + ", ".join(s.__name__ for s in STORIES))
    options = parser.parse_args()
    bin_folder = os.path.abspath(options.bin)
    for program in ("redis-server", "redis-sentinel"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is needed: apt-get install redis-server redis-sentinel")
    failures = 0
    for story in STORIES:
        if options.only and story.__name__ != options.only:
            continue
        print(f"== {story.__name__}", flush=True)
        deployment, failed = None, False
        try:
            steps = story(bin_folder)
            deployment = next(steps)
            with contextlib.suppress(StopIteration):
                next(steps)
        except (Failure, redis.RedisError, OSError) as problem:
            print(f"   FAILED: {problem}")
            failures, failed = failures + 1, True
        finally:
            if deployment:
                deployment.close(failed)
    print("all stories ended well" if failures == 0 else f"{failures} stories failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
