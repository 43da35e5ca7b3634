"""Replicas hold what their primary holds after random commands: of both kinds, by stream and by full sync."""

from harness.processes import HOST
from harness.resp import Closed, encode

from generate import BAD_HLL_KEY, Generator
from generate_table import table_of

BATCH = 250
MARK = b"all batches end so"


def compare(lab, pair, report, commands, seed):
    """Our primary with a replica of each kind, then a stock primary with a replica of ours."""
    print(f"replicated commands: --seed {seed} --commands {commands}")
    subject, oracle = (server.build for server in pair)
    table = table_of(pair[1])
    for build, followers in ((subject, (subject, oracle)), (oracle, (subject,))):
        primary = lab.server(f"{build.name}-primary", build, databases=16)
        replicas = [lab.server(f"{follower.name}-of-{build.name}", follower, databases=16) for follower in followers]
        for replica in replicas:
            follow(replica, primary)
        run(primary, replicas, report, commands // 2, seed, table)
        for server in (primary, *replicas):
            server.stop()


def follow(replica, primary):
    replica.call("REPLICAOF", HOST, primary.port)
    replica.wait_in_sync(primary)


def run(primary, replicas, report, commands, seed, table):
    generator = Generator(seed, table)
    batches = max(1, commands // BATCH)
    for number in range(batches):
        write(primary, [command for command in generator.commands(BATCH) if not differs(command)])
        if number == batches // 2:
            # From here on their data came as a snapshot.
            for replica in replicas:
                replica.call("REPLICAOF", "NO", "ONE")
                replica.call("FLUSHALL")
                follow(replica, primary)
        if number % 4 == 3 or number == batches - 1:
            for replica in replicas:
                check(primary, replica, report, number)


def differs(command):
    """What a primary of Redis 7.0 changes otherwise than its replicas: a HyperLogLog that was damaged on purpose (it
    changes registers before it meets the damage, we refuse the whole), and a string that BITFIELD made longer for a
    step that then fails, which it tells nobody."""
    words = [word.upper() for word in command]
    return BAD_HLL_KEY in command or (words[:1] == [b"BITFIELD"] and b"FAIL" in words)


def write(server, commands):
    """What each answers is others' business; a connection that a command closed is opened again."""
    with server.client() as client:
        try:
            client.send_raw(b"".join(encode(*command) for command in commands))
            client.send_raw(encode("RESET") + encode("ECHO", MARK))
            while MARK not in client.read_raw():
                pass
        except (Closed, ConnectionResetError, BrokenPipeError, TimeoutError):
            pass


def check(primary, replica, report, number):
    replica.wait_in_sync(primary)
    where = f"replica {replica.name} after {(number + 1) * BATCH} commands"
    report.check(where, ["DEBUG", "DIGEST"], repr(replica.digest()).encode(), repr(primary.digest()).encode())
    ours, theirs = deadlines(replica), deadlines(primary)
    differing = sorted(key for key in ours | theirs if ours.get(key) != theirs.get(key))
    report.check(where, ["PEXPIRETIME"], *(repr([(key, each.get(key)) for key in differing]).encode() for each in (ours, theirs)))
    errors = replica.info("stats").get("unexpected_error_replies", "0")
    report.check(where, ["INFO", "unexpected_error_replies"], errors.encode(), b"0")


def deadlines(server):
    """When each key expires: to the millisecond, since a replica hears of moments and not of times from now."""
    found = {}
    with server.client() as client:
        for database in range(16):
            client.call("SELECT", database)
            keys = client.call("KEYS", "*")
            found.update(zip(((database, key) for key in keys), client.pipeline([["PEXPIRETIME", key] for key in keys])))
    return found
