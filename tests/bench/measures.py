"""What is measured, each with its own servers; a measure adds its samples to the report."""

import json
import os
import random
import resource
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from harness.binaries import REPOSITORY, subject_folder
from harness.cluster import Cluster
from harness.processes import HOST, Lab, Listening, eventually
from harness.resp import encode

WORKLOADS = {"SET": ["SET", "key:__rand_int__", "xxx"], "GET": ["GET", "key:__rand_int__"],
             "INCR": ["INCR", "counter:__rand_int__"], "PING": ["PING"]}
PROGRAMS = subject_folder().parent / "tests"  # where those of this folder are built
CPU_GOALS = {1: "0.95x", 16: "0.55x", 64: "0.40x"}


def load_on(server, command, requests, pipeline, keys, clients=50, processor=-1):
    """Starts load_generator.cc; keys are drawn from a range."""
    return subprocess.Popen([PROGRAMS / "load_generator", str(server.port), str(clients), str(pipeline), str(requests),
                             str(keys), str(processor), *command])


def finish(process):
    if process.wait(600) != 0:
        raise AssertionError("load_generator failed")


def cpu_of(server, command, requests, pipeline, keys=1000, clients=50):
    """Microseconds of the server's CPU for each request. Server and load have a processor each, where there are two: the
    server always finds work waiting, and neither pushes the other aside."""
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) > 1:
        for task in Path(f"/proc/{server.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {processors[0]})
    before = server.cpu_nanoseconds()
    finish(load_on(server, command, requests, pipeline, keys, clients, processors[-1]))
    return (server.cpu_nanoseconds() - before) / 1000 / requests


class Floor(Listening):
    """floor_server.cc: what sockets alone cost on this machine. Built beside our programs; None where it is not."""

    def __init__(self, lab, program):
        self.port = lab.ports.take()
        super().__init__([program, self.port], lab.folder, lab.folder / "floor.log")

    def answers(self):
        return self.call("PING") == "OK"

    @staticmethod
    def beside(lab):
        program = PROGRAMS / "floor_server"
        return lab.add(Floor(lab, program)).wait_ready() if program.exists() else None


def cpu_title(workload, pipeline):
    return f"{workload}, pipeline {pipeline}: CPU us/request"


def cpu_per_request(report, builds, options):
    """Server CPU per request, from the scheduler's count of nanoseconds."""
    for pipeline in CPU_GOALS:
        for workload in WORKLOADS:
            report.declare(cpu_title(workload, pipeline))
    for _ in range(options.rounds):
        lab = Lab("bench")
        try:
            servers = {build.name: lab.server(build.name, build) for build in builds}
            for server in servers.values():
                load(server, 1000, lambda i: ("SET", f"key:{i:012d}", "xxx"))
            floor = Floor.beside(lab)
            if floor is not None:
                servers["floor"] = floor
            jobs = [(name, workload, pipeline) for name in servers for workload in WORKLOADS
                    for pipeline in CPU_GOALS]
            random.shuffle(jobs)
            for name, workload, pipeline in jobs:
                server = servers[name]
                requests = int(options.requests * {1: 1, 16: 5, 64: 10}[pipeline])
                spent = cpu_of(server, WORKLOADS[workload], requests, pipeline)
                has_goal = workload in ("SET", "GET") or (workload, pipeline) in (("PING", 1), ("INCR", 16))
                report.add(cpu_title(workload, pipeline), name, spent, CPU_GOALS[pipeline] if has_goal else None)
        finally:
            lab.close()


def cluster_cpu(report, builds, options):
    """What cluster mode costs a request: one node with all slots beside a node by itself, at pipeline 16."""
    for _ in range(options.rounds):
        lab = Lab("bench")
        try:
            servers = {}
            for build in builds:
                servers[build.name, "alone"] = lab.server(build.name, build)
                node = servers[build.name, "cluster"] = lab.cluster_nodes(build, 1)[0]
                node.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
                eventually(lambda: b"cluster_state:ok" in node.call("CLUSTER", "INFO"), 20, "one node serves all slots")
            for server in servers.values():
                load(server, 1000, lambda i: ("SET", f"key:{i:012d}", "xxx"))
            spent = {}
            jobs = [(name, mode, workload) for name, mode in servers for workload in ("SET", "GET")]
            for name, mode, workload in random.sample(jobs, len(jobs)):
                spent[name, mode, workload] = cpu_of(servers[name, mode], WORKLOADS[workload], options.requests * 5, 16)
            for build in builds:
                for workload in ("SET", "GET"):
                    cluster, alone = (spent[build.name, mode, workload] for mode in ("cluster", "alone"))
                    report.add(f"node of a cluster, {workload}, pipeline 16: CPU us/request", build.name, cluster)
                    report.add(f"node of a cluster, {workload}, pipeline 16: times a node by itself", build.name,
                               cluster / alone, "1.05")
        finally:
            lab.close()


def mix_over_many_keys(report, builds, options):
    """80 % GET and 20 % SET at pipeline 16 over keys that do not fit the caches."""
    lab = Lab("bench")
    try:
        servers = {build.name: lab.server(build.name, build) for build in builds}
        for server in servers.values():
            load(server, options.keys, lambda i: ("SET", f"key:{i:012d}", "x" * 32))
        mix = [*WORKLOADS["GET"], ";"] * 4 + ["SET", "key:__rand_int__", "x" * 32]
        for _ in range(options.rounds):
            for name in random.sample(list(servers), len(servers)):
                spent = cpu_of(servers[name], mix, options.requests * 5, 16, options.keys)
                report.add(f"80/20 GET/SET over {options.keys} keys, pipeline 16: CPU us/request", name, spent,
                           "0.60x")
    finally:
        lab.close()


def load(server, count, command, batch=2000):
    """Writes count keys as fast as one connection can."""
    with server.client(timeout=120) as client:
        for start in range(0, count, batch):
            numbers = range(start, min(start + batch, count))
            client.send_raw(b"".join(encode(*command(i)) for i in numbers))
            for _ in numbers:
                client.read_raw()


def answered(client, commands):
    """Sends commands and takes their replies unread, up to the one of a last ECHO: reading a million elements would take
    this program many times what it takes a server to write them."""
    mark = os.urandom(16).hex().encode()
    client.send_raw(b"".join(encode(*command) for command in commands) + encode("ECHO", mark))
    end = mark + b"\r\n"
    last = bytearray()
    while not last.endswith(end):
        last += client.socket.recv(1 << 20)
        del last[:-len(end)]


def bytes_per_key(report, builds, options):
    for title, goal, extra in (("16+32 bytes", "85", ()), ("16+32 bytes with TTL", "94", ("EX", 1000000))):
        for build in builds:
            lab = Lab("bench")
            try:
                server = lab.server(build.name, build)
                before = server.rss_bytes()
                load(server, options.keys, lambda i: ("SET", f"key:{i:012d}", f"{i:032d}"[::-1], *extra))
                eventually(lambda: server.info()["rdb_bgsave_in_progress"] == "0", 60)
                report.add(f"{options.keys} strings of {title}: RSS bytes each", build.name,
                           (server.rss_bytes() - before) / options.keys, goal)
            finally:
                lab.close()


def cpu_with_children(server):
    """Seconds, with the forked children that it has waited for."""
    info = server.info("cpu")
    return server.cpu_nanoseconds() / 1e9 + float(info.get("used_cpu_user_children", 0)) + \
        float(info.get("used_cpu_sys_children", 0))


def full_sync(report, builds, options):
    """REPLICAOF on an empty node until its link is up with all keys; both nodes' CPU."""
    labs = []
    try:
        primaries = {}
        for build in builds:
            labs.append(Lab("bench"))
            primaries[build.name] = (labs[-1], build, labs[-1].server("primary", build))
            load(primaries[build.name][2], options.keys, lambda i: ("SET", f"key:{i:012d}", f"{i:032d}"[::-1]))
        for number in range(options.rounds):
            for name in random.sample(list(primaries), len(primaries)):
                lab, build, primary = primaries[name]
                replica = lab.server(f"replica-{number}", build)
                cpu = cpu_with_children(primary) + cpu_with_children(replica)
                started = time.monotonic()
                replica.call("REPLICAOF", HOST, primary.port)
                eventually(lambda: replica.info("replication")["master_link_status"] == "up" and
                           replica.call("DBSIZE") == options.keys, 300, "the full sync ends", pause=0.005)
                wall = time.monotonic() - started
                eventually(lambda: "state=online" in primary.info("replication").get("slave0", ""), 60)
                cpu = cpu_with_children(primary) + cpu_with_children(replica) - cpu
                report.add(f"full sync of {options.keys} keys: wall s", name, wall, "0.60x")
                report.add(f"full sync of {options.keys} keys: CPU s of both", name, cpu, "0.60x")
                replica.stop()
    finally:
        for lab in labs:
            lab.close()


class Prober(threading.Thread):
    """One client that writes steadily and remembers its slowest answer."""

    def __init__(self, server, rate):
        super().__init__(daemon=True)
        self.server, self.pause = server, 1 / rate
        self.stopping = threading.Event()
        self.latencies = []

    def run(self):
        with self.server.client(timeout=60) as client:
            dice, due = random.Random(1), time.perf_counter()
            while not self.stopping.is_set():
                begin = time.perf_counter()
                client.call("SET", f"key:{dice.randrange(1_000_000):012d}", "y" * 32)
                self.latencies.append(time.perf_counter() - begin)
                due += self.pause
                rest = due - time.perf_counter()
                if rest > 0:
                    time.sleep(rest)

    def finish(self):
        self.stopping.set()
        self.join(60)
        return self.latencies


def family_bytes(server):
    """Proportional memory of the server and its forked children."""
    total = 0
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    for pid in [server.pid, *children]:
        try:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def background_save(report, builds, options):
    """BGSAVE while a client writes steadily and the load generator writes as fast as it can."""
    for build in builds:
        lab = Lab("bench")
        try:
            server = lab.server(build.name, build)
            load(server, options.keys, lambda i: ("SET", f"key:{i:012d}", f"{i:032d}"[::-1]))
            for _ in range(options.rounds):
                eventually(lambda: server.info()["rdb_bgsave_in_progress"] == "0", 60)
                before, peak = family_bytes(server), 0
                writers = load_on(server, ["SET", "key:__rand_int__", "z" * 32], 100_000_000, 4, options.keys, 10)
                prober = Prober(server, 5000)
                prober.start()
                started = time.monotonic()
                server.call("BGSAVE")
                while server.info("persistence")["rdb_bgsave_in_progress"] == "1":
                    peak = max(peak, family_bytes(server))
                    time.sleep(0.005)
                wall = time.monotonic() - started
                writers.kill()
                writers.wait()
                latencies = sorted(prober.finish())
                if server.info()["rdb_last_bgsave_status"] != "ok":
                    raise AssertionError("BGSAVE failed")
                title = f"BGSAVE of {options.keys} keys under writes"
                report.add(f"{title}: wall s", build.name, wall)
                report.add(f"{title}: extra memory MB", build.name, max(0, peak - before) / 2**20,
                           f"{64 + 0.05 * before / 2**20:.0f}")
                report.add(f"{title}: worst latency ms", build.name, latencies[-1] * 1000)
                report.add(f"{title}: p99.9 latency ms", build.name, latencies[int(len(latencies) * 0.999)] * 1000)
        finally:
            lab.close()


def idle_clients(report, builds, options):
    count = options.idle_clients
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = count + 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, hard)))
    for build in builds:
        lab = Lab("bench")
        try:
            server = lab.server(build.name, build, maxclients=count + 100)
            before = server.rss_bytes()
            sockets = [socket.create_connection(server.address, 20) for _ in range(count)]
            for one in sockets:
                one.sendall(b"PING\r\n")
            for one in sockets:
                one.recv(16)
            report.add(f"{count} idle clients: RSS MB", build.name, (server.rss_bytes() - before) / 2**20,
                       "20" if count == 10000 else None)
            for one in sockets:
                one.close()
        finally:
            lab.close()


def failovers(report, builds, options):
    """The drills of tests/compose, each in namespaces of its own; down-after is a second there."""
    for _ in range(options.failovers):
        for build in random.sample(builds, len(builds)):
            for drill in ("kill", "manual", "pause"):
                done = subprocess.run([sys.executable, REPOSITORY / "tests/compose/run.py", "drill", drill, "--json"],
                                      env={**os.environ, "REDAN_BIN": str(build.server.parent)}, text=True,
                                      stdout=subprocess.PIPE, timeout=300)
                if not done.stdout.strip():
                    raise AssertionError(f"drill {drill} with {build.name} failed")
                result = json.loads(done.stdout)
                if drill == "kill":
                    report.add("failover after kill -9, down-after 1 s: write gap s", build.name,
                               result["write_gap_s"], "1.4")
                elif drill == "manual":
                    report.add("manual failover under load: write gap s", build.name, result["write_gap_s"], "0.5")
                    report.add("manual failover under load: acknowledged writes lost", build.name, result["lost"],
                               "0")
                else:
                    report.add("old primary back after SIGCONT: s until a replica", build.name,
                               result["demoted_after_s"], "1")


def cluster_failovers(report, builds, options):
    """3 primaries and 3 replicas, node-timeout 1 s: from a primary's kill -9, and from CLUSTER FAILOVER, until a write
    to its slots is accepted again."""
    for _ in range(options.failovers):
        for build in random.sample(builds, len(builds)):
            lab = Lab("bench")
            try:
                cluster = Cluster(lab, build=build, **{"cluster-node-timeout": 1000})
                time.sleep(10)  # What starting took is given back.
                report.add("idle node of a cluster of six: RSS MB", build.name,
                           max(node.rss_bytes() for node in cluster.nodes) / 2**20, "20")
                with cluster.client() as client:
                    # From the replica's acceptance on; the slowest of many writes met the change of roles.
                    replica = cluster.replicas_of(cluster.owner("{b}"))[0]
                    replica.call("CLUSTER", "FAILOVER")
                    slowest = 0.0
                    while client.port_of("{b}") != replica.port:
                        started = time.monotonic()
                        client.call("INCR", "{b}")
                        slowest = max(slowest, time.monotonic() - started)
                    report.add("cluster, CLUSTER FAILOVER under load: write gap s", build.name, slowest)
                    cluster.wait_agreed()
                    eventually(lambda: replica.stat("connected_slaves") == 1, 20, "the old primary follows")
                    replica.kill()
                    killed = time.monotonic()
                    client.call("INCR", "{b}")
                    report.add("cluster failover after kill -9, node-timeout 1 s: write gap s", build.name,
                               time.monotonic() - killed, "1.5")
            finally:
                lab.close()


def clean_build(report, builds, options):
    """Everything from nothing, without ccache, in a folder beside the usual one."""
    folder = REPOSITORY / "build" / "bench-clean"
    subprocess.run(["cmake", "-E", "rm", "-rf", folder], check=True)
    environment = {**os.environ, "CCACHE_DISABLE": "1"}
    started = time.monotonic()
    for command in (["cmake", "-S", REPOSITORY, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"],
                    ["cmake", "--build", folder]):
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    report.add("clean build with tests: minutes", "redan", (time.monotonic() - started) / 60, "10")
    subprocess.run(["cmake", "-E", "rm", "-rf", folder], check=True)


MEASURES = {"cpu": cpu_per_request, "cluster-cpu": cluster_cpu, "mix": mix_over_many_keys,
            "memory": bytes_per_key, "sync": full_sync, "save": background_save, "idle": idle_clients,
            "failover": failovers, "cluster": cluster_failovers, "build": clean_build}
BY_DEFAULT = [name for name in MEASURES if name != "build"]
