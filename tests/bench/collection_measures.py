"""Collections beside redis-server: CPU of the usual commands, memory of each element, and every command at three sizes.
What a build does not know yet is left out for both."""

import random
import re
import time

from harness.processes import Lab

from measures import Floor, answered, cpu_of, finish, load, load_on
from size_templates import AT_SIZES, FILL, NEVER_AT_A_MILLION, ONCE, PREPARE, WHOLE

WORKLOADS = {
    "INCR": (["INCR", "counter:__rand_int__"], "0.55x"),
    "LPUSH": (["LPUSH", "list", "xxx"], "0.55x"),
    "LPOP": (["LPOP", "list"], "0.55x"),
    "HSET": (["HSET", "hash", "element:__rand_int__", "xxx"], "0.55x"),
    "SADD": (["SADD", "set", "element:__rand_int__"], "0.55x"),
    "XADD": (["XADD", "stream", "*", "field", "xxx"], "0.55x"),
    "ZADD": (["ZADD", "zset", "0", "element:__rand_int__"], "0.60x"),
    "MSET, 10 keys": (["MSET"] + [word for i in range(10) for word in (f"key{i}:__rand_int__", "xxx")], "0.60x"),
    "LRANGE of 100": (["LRANGE", "long", "0", "99"], "0.60x"),
    "ZRANGE of 100": (["ZRANGE", "scores", "0", "99"], "0.60x"),
}


def knows(servers, words):
    """All of them have the command."""
    return all(server.call("COMMAND", "INFO", words[0])[0] is not None for server in servers.values())


def cpu_of_collections(report, builds, options):
    for _ in range(options.rounds):
        lab = Lab("bench")
        try:
            servers = {build.name: lab.server(build.name, build) for build in builds}
            jobs = [name for name, (words, _) in WORKLOADS.items() if knows(servers, words)]
            for server in servers.values():
                with server.client(timeout=60) as client:
                    client.pipeline([("RPUSH", "long", f"item{i}") for i in range(1000)])
                    client.pipeline([("ZADD", "scores", i, f"item{i}") for i in range(1000)])
                    client.pipeline([("ZADD", "zset", 0, f"element:{i:012d}") for i in range(1000)])
                    client.pipeline([("HSET", "hash", f"element:{i:012d}", "xxx") for i in range(1000)])
                    client.pipeline([("SADD", "set", f"element:{i:012d}") for i in range(1000)])
            floor = Floor.beside(lab)
            for job in random.sample(jobs, len(jobs)):
                words, goal = WORKLOADS[job]
                few = "RANGE" in job or "MSET" in job
                requests = options.requests * (1 if few else 4)
                figure = f"{job}, pipeline 16: CPU us/request"
                for name in random.sample(list(servers), len(servers)):
                    if job == "LPOP":
                        finish(load_on(servers[name], WORKLOADS["LPUSH"][0], requests, 64, 1000))
                    report.add(figure, name, cpu_of(servers[name], words, requests, 16), goal)
                if not few:
                    report.add(figure, "floor", cpu_of(floor, words, requests, 16))
        finally:
            lab.close()


# The same where the data is larger than the processor's caches: what is loaded first, the command, its goal.
AT_A_MILLION = {
    "SET of a million keys": (lambda i: ("SET", f"key:{i:012d}", "xxx"), ["SET", "key:__rand_int__", "xxx"], "0.55x"),
    "GET of a million keys": (None, ["GET", "key:__rand_int__"], "0.55x"),
    "INCR of a million keys": (lambda i: ("SET", f"counter:{i:012d}", i), ["INCR", "counter:__rand_int__"], "0.55x"),
    "LPUSH to a million lists": (lambda i: ("LPUSH", f"list:{i:012d}", "xxx"), ["LPUSH", "list:__rand_int__", "xxx"], "0.55x"),
    "LPOP from a million lists": (None, ["LPOP", "list:__rand_int__"], "0.55x"),
    "HSET of a million hashes": (lambda i: ("HSET", f"hash:{i:012d}", "field", "xxx"),
                                 ["HSET", "hash:__rand_int__", "field", "xxx"], "0.55x"),
    "HSET of a hash of a million": (lambda i: ("HSET", "hash", f"element:{i:012d}", "xxx"),
                                    ["HSET", "hash", "element:__rand_int__", "xxx"], "0.55x"),
    "SADD to a set of a million": (lambda i: ("SADD", "set", f"element:{i:012d}"), ["SADD", "set", "element:__rand_int__"], "0.55x"),
    "ZADD to a sorted set of a million": (lambda i: ("ZADD", "zset", 0, f"element:{i:012d}"),
                                          ["ZADD", "zset", "0", "element:__rand_int__"], "0.60x"),
}


def cpu_at_a_million(report, builds, options):
    """In the order of the list: what one line loads, the next may use up."""
    keys = min(options.keys, 1_000_000)
    lab = Lab("bench")
    try:
        servers = {build.name: lab.server(build.name, build) for build in builds}
        floor = Floor.beside(lab)
        for title, (fill, words, goal) in AT_A_MILLION.items():
            figure = f"{title}, pipeline 16: CPU us/request"
            for server in servers.values():
                if fill is not None:
                    load(server, keys, fill)
            for _ in range(options.rounds):
                for name in random.sample(list(servers), len(servers)):
                    report.add(figure, name, cpu_of(servers[name], words, options.requests * 5, 16, keys), goal)
                report.add(figure, "floor", cpu_of(floor, words, options.requests * 5, 16, keys))
    finally:
        lab.close()


def _small(words, pieces):
    return lambda i: (words, f"key:{i:012d}", *pieces(i))


# Enough keys that a megabyte which a program takes once is a byte for each.
# title: (number of commands and of elements for each, command of number i, goal in bytes)
MEMORY = {
    "hash of 10 small fields, each": (1_000_000, 1, _small("HSET", lambda i: [w for n in range(10) for w in (f"field{n}", f"value{n}")]), "215"),
    "sorted set of 10, each": (1_000_000, 1, _small("ZADD", lambda i: [w for n in range(10) for w in (n * 7 + i % 5, f"member{n}")]), "185"),
    "stream of 10 entries, each": (2_000_000, 0.1, lambda i: ("XADD", f"key:{i % 200_000:012d}", "*", "field", f"value{i}"), "600"),
    "list of 10 small items, each": (1_000_000, 1, _small("RPUSH", lambda i: [f"item{n}" for n in range(10)]), None),
    "set of 10 small members, each": (1_000_000, 1, _small("SADD", lambda i: [f"member{n}" for n in range(10)]), None),
    "member of a sorted set of 1 M": (1_000_000, 1, lambda i: ("ZADD", "z", i, f"member:{i}"), "72"),
    "field of a hash of 1 M": (1_000_000, 1, lambda i: ("HSET", "h", f"field:{i}", f"val:{i}"), "62"),
    "integer of a set of 1 M": (1_000_000, 1, lambda i: ("SADD", "s", i * 7), "26"),
    "item of a list of 1 M": (1_000_000, 1, lambda i: ("RPUSH", "l", f"item:{i}"), "16"),
}


def memory_of_collections(report, builds, options):
    lab = Lab("bench")
    try:
        servers = {build.name: lab.server(build.name, build) for build in builds}
        wanted = {title: job for title, job in MEMORY.items() if knows(servers, job[2](0))}
    finally:
        lab.close()
    for title, (count, elements, command, goal) in wanted.items():
        if options.quick:
            count //= 100
        for build in builds:
            lab = Lab("bench")
            try:
                server = lab.server(build.name, build)
                before = server.rss_bytes()
                load(server, count, command)
                server.call("MEMORY", "PURGE")  # What an allocator keeps for a while is not the data's.
                report.add(f"{title}: RSS bytes", build.name, (server.rss_bytes() - before) / (count * elements), goal)
            finally:
                lab.close()


def calls_of(template, size, count):
    draw = random.Random(1)
    for n in range(count):
        i = draw.randrange(max(1, size - 10))
        call = template.format(m=f"m{i}", x=f"x{n}", i=i, j=i + 10, size=size)
        yield from (command.split() for command in call.split(" ; "))


def with_payloads(server, calls):
    """`RESTORE key 0 <list> REPLACE` restores what the server's own DUMP of `list` answers."""
    payloads = {}
    for call in calls:
        if call[0] == "RESTORE":
            source = call[3]
            if source not in payloads:
                payloads[source] = server.call("DUMP", source[1:-1])
            call = [*call[:3], payloads[source], *call[4:]]
        yield call


def freed(server):
    """What a command leaves to another thread to free is that command's, not the next one's."""
    while re.search(rb"lazyfree_pending_objects:[1-9]", server.call("INFO", "memory")):
        time.sleep(0.001)


def commands_at_sizes(report, builds, options):
    """Each command at 10, 1 000 and 1 000 000 elements, through one connection; median of the rounds."""
    for size in (10, 1000) if options.quick else (10, 1000, 1_000_000):
        lab = Lab("bench")
        try:
            servers = {build.name: lab.server(build.name, build, **{"proto-max-bulk-len": "1gb", "sanitize-dump-payload": "yes"}) for build in builds}
            for kind, fill in FILL.items():
                if knows(servers, fill(0)):
                    for server in servers.values():
                        load(server, size, fill)
                        with server.client(timeout=120) as client:
                            answered(client, [call.format(size=size).split() for call in PREPARE.get(kind, ())])
            for kind, templates in AT_SIZES.items():
                for template in templates:
                    if knows(servers, template.split()) and knows(servers, FILL[kind](0)):
                        measure_command(report, servers, template, size, options)
        finally:
            lab.close()


def measure_command(report, servers, template, size, options):
    """Short commands go in pipelines of 200: behind smaller ones what is measured is how a server wakes up."""
    heavy = size > 1000 and any(part in template for part in WHOLE)
    if size > 1000 and any(part in template for part in NEVER_AT_A_MILLION):
        return
    once = heavy and any(part in template for part in ONCE)
    count = 1 if once else 64 if heavy else 2000 if size <= 1000 and any(part in template for part in WHOLE) else 20_000
    if options.quick:
        count = min(count, 64)
    at_once = 16 if heavy else 200
    for _ in range(options.rounds):
        for name in random.sample(list(servers), len(servers)):
            server = servers[name]
            calls = list(with_payloads(server, calls_of(template, size, count)))
            with server.client(timeout=120) as client:
                if size <= 1000:
                    for call in calls[:template.count(" ; ") + 1]:
                        client.call(*call)  # What is an error fails here.
                before = server.cpu_nanoseconds()
                for start in range(0, len(calls), at_once):
                    answered(client, calls[start:start + at_once])
                if heavy:
                    freed(server)
                spent = (server.cpu_nanoseconds() - before) / 1000 / count
            report.add(f"{template} at {size}: CPU us", name, spent, "1.00x")


MEASURES = {"collections": cpu_of_collections, "million": cpu_at_a_million,
            "collections-memory": memory_of_collections, "sizes": commands_at_sizes}
