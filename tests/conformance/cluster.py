"""CLUSTER's verbs and redirects: clusters of both programs, the same commands to the same nodes, replies compared.

The nodes are A and B, primaries, and C, which becomes a replica of A. In commands @A stands for a node's identity and
@A:port for its port; in replies identities, ports and times are masked.
"""

import re
import shlex
import time

from harness.processes import HOST, eventually
from harness.resp import Client, ReplyError, encode, parse

ALONE = """
CLUSTER
CLUSTER foo
CLUSTER foo bar
CLUSTER MYID
CLUSTER MYID x
CLUSTER INFO
CLUSTER INFO x
CLUSTER NODES
CLUSTER SLOTS
CLUSTER SHARDS
CLUSTER LINKS
CLUSTER KEYSLOT
CLUSTER KEYSLOT foo{bar}x
CLUSTER KEYSLOT ""
CLUSTER KEYSLOT {}x
CLUSTER MEET
CLUSTER MEET a
CLUSTER MEET a b
CLUSTER MEET a 7000
CLUSTER MEET localhost 7000
CLUSTER MEET 127.0.0.1 x
CLUSTER MEET 127.0.0.1 0
CLUSTER MEET 127.0.0.1 -1
CLUSTER MEET 127.0.0.1 65536
CLUSTER MEET 127.0.0.1 60000
CLUSTER MEET 127.0.0.1 99999999999999999999
CLUSTER MEET 127.0.0.1 7000 x
CLUSTER MEET 127.0.0.1 7000 70000
CLUSTER MEET 127.0.0.1 7000 0
CLUSTER MEET 127.0.0.1 7000 1 2
CLUSTER FORGET
CLUSTER FORGET foo
CLUSTER FORGET 0123456789012345678901234567890123456789
CLUSTER FORGET @A
SET key value
GET key
CLUSTER ADDSLOTS
CLUSTER ADDSLOTS x
CLUSTER ADDSLOTS 16384
CLUSTER ADDSLOTS -1
CLUSTER ADDSLOTS 1 1
CLUSTER ADDSLOTS 1 2 3
CLUSTER ADDSLOTS 3 1
CLUSTER ADDSLOTS 1 1
CLUSTER ADDSLOTS 4 x
CLUSTER ADDSLOTS 3 x
CLUSTER SLOTS
CLUSTER SHARDS
CLUSTER NODES
CLUSTER DELSLOTS 9
CLUSTER DELSLOTS 1 1
CLUSTER DELSLOTS 9 1
CLUSTER DELSLOTS 1
CLUSTER ADDSLOTSRANGE
CLUSTER ADDSLOTSRANGE 1
CLUSTER ADDSLOTSRANGE 1 2 3
CLUSTER ADDSLOTSRANGE 20 10
CLUSTER ADDSLOTSRANGE 10 20 15 30
CLUSTER ADDSLOTSRANGE 2 4
CLUSTER ADDSLOTSRANGE 100 200 300 400
CLUSTER ADDSLOTSRANGE 100 200 x 400
CLUSTER ADDSLOTSRANGE x 200 100 400
CLUSTER DELSLOTSRANGE 100 110
CLUSTER DELSLOTSRANGE 100 110
CLUSTER DELSLOTSRANGE 111 112 3
CLUSTER FLUSHSLOTS x
CLUSTER FLUSHSLOTS
CLUSTER SETSLOT
CLUSTER SETSLOT 1
CLUSTER SETSLOT 1 x
CLUSTER SETSLOT x STABLE
CLUSTER SETSLOT 1 STABLE
CLUSTER SETSLOT 1 STABLE x
CLUSTER SETSLOT 1 NODE
CLUSTER SETSLOT 1 NODE foo
CLUSTER SETSLOT 1 NODE foo bar
CLUSTER SETSLOT 1 MIGRATING foo
CLUSTER SETSLOT 1 IMPORTING foo
CLUSTER SETSLOT 1 IMPORTING
CLUSTER SETSLOT 1 MIGRATING
CLUSTER COUNTKEYSINSLOT
CLUSTER COUNTKEYSINSLOT x
CLUSTER COUNTKEYSINSLOT -1
CLUSTER COUNTKEYSINSLOT 16384
CLUSTER COUNTKEYSINSLOT 1
CLUSTER GETKEYSINSLOT 1
CLUSTER GETKEYSINSLOT x y
CLUSTER GETKEYSINSLOT 1 y
CLUSTER GETKEYSINSLOT 16384 1
CLUSTER GETKEYSINSLOT 1 -1
CLUSTER GETKEYSINSLOT 1 0
CLUSTER GETKEYSINSLOT 1 5
CLUSTER COUNT-FAILURE-REPORTS foo
CLUSTER COUNT-FAILURE-REPORTS @A
CLUSTER REPLICATE foo
CLUSTER REPLICATE @A
CLUSTER REPLICAS foo
CLUSTER REPLICAS @A
CLUSTER SLAVES foo
CLUSTER SLAVES @A
CLUSTER FAILOVER
CLUSTER FAILOVER x
CLUSTER FAILOVER FORCE
CLUSTER FAILOVER TAKEOVER
CLUSTER FAILOVER FORCE x
CLUSTER RESET x
CLUSTER RESET HARD x
CLUSTER SAVECONFIG
CLUSTER SAVECONFIG x
CLUSTER SET-CONFIG-EPOCH
CLUSTER SET-CONFIG-EPOCH x
CLUSTER SET-CONFIG-EPOCH -1
CLUSTER BUMPEPOCH
CLUSTER BUMPEPOCH
CLUSTER SET-CONFIG-EPOCH 5
CLUSTER NODES
CLUSTER INFO
CLUSTER RESET HARD
CLUSTER NODES
CLUSTER INFO
CLUSTER SET-CONFIG-EPOCH 5
CLUSTER NODES
CLUSTER INFO
CLUSTER RESET SOFT
CLUSTER NODES
CLUSTER HELP x
READONLY
READWRITE
ASKING
SELECT 1
SWAPDB 0 1
REPLICAOF 127.0.0.1 7000
REPLICAOF NO ONE
MGET a b
CONFIG GET cluster-*
CONFIG SET cluster-enabled no
CONFIG SET cluster-preferred-endpoint-type foo
CONFIG SET cluster-announce-hostname "no such_name"
CLUSTER ADDSLOTSRANGE 0 5000 5002 16383
CLUSTER RESET HARD
"""

# Slots: 0 to 8191 are A's, the others B's. {b} is 3300, {c} 7365, {a} 15495.
TOGETHER = """
A CLUSTER NODES
A CLUSTER SLOTS
A CLUSTER SHARDS
A CLUSTER LINKS
A CLUSTER INFO
A CLUSTER REPLICAS @A
A CLUSTER SLAVES @B
A CLUSTER REPLICAS @C
A CLUSTER REPLICATE @A
A CLUSTER REPLICATE @B
A CLUSTER REPLICATE @C
A CLUSTER FORGET @A
A CLUSTER ADDSLOTS 9000
A CLUSTER COUNT-FAILURE-REPORTS @B
A CLUSTER SET-CONFIG-EPOCH 5
A SET {b}1 one
A SET {b}2 two
A SET {a}1 one
A GET {a}1
A MSET {b}1 x {c}1 y
A MSET {a}1 x {a}2 y
A DEL {b}1 {a}1
A CLUSTER COUNTKEYSINSLOT 3300
A CLUSTER GETKEYSINSLOT 3300 1000
A CLUSTER FLUSHSLOTS
A CLUSTER RESET
A CLUSTER SETSLOT 9000 MIGRATING @B
A CLUSTER SETSLOT 3300 IMPORTING @B
A CLUSTER SETSLOT 3300 MIGRATING @C
A CLUSTER SETSLOT 9000 IMPORTING @C
A CLUSTER SETSLOT 3300 MIGRATING 0123456789012345678901234567890123456789
A CLUSTER SETSLOT 3300 NODE 0123456789012345678901234567890123456789
A CLUSTER SETSLOT 3300 NODE @B
A CLUSTER SETSLOT 3300 NODE @C
B CLUSTER SETSLOT 3300 IMPORTING @A
A CLUSTER SETSLOT 3300 MIGRATING @B
A CLUSTER NODES
B CLUSTER NODES
A GET {b}1
A GET {b}9
A SET {b}9 v
A MGET {b}1 {b}9
A MGET {b}8 {b}9
B GET {b}1
B ASKING
B GET {b}1
B GET {b}1
B ASKING
B SET {b}9 nine
B ASKING
B MGET {b}9 {b}8
A MULTI
A GET {b}1
A GET {a}1
A EXEC
A MULTI
A GET {b}1
A GET {b}2
A EXEC
A MULTI
A GET {b}8
A EXEC
A MIGRATE 127.0.0.1 @B:port {b}1 0 5000
A MIGRATE 127.0.0.1 @B:port "" 0 5000 KEYS {b}1 {b}2
A CLUSTER COUNTKEYSINSLOT 3300
B CLUSTER COUNTKEYSINSLOT 3300
B CLUSTER SETSLOT 3300 NODE @B
A CLUSTER SETSLOT 3300 NODE @B
A CLUSTER NODES
B GET {b}1
A GET {b}1
B CLUSTER SLOTS
B PUBLISH {b} x
A SPUBLISH {b} x
A SSUBSCRIBE {b} {c}
B SELECT 1
C GET {c}
C READONLY
C GET {c}
C SET {c} v
C MGET {c} {b}1
C READWRITE
C GET {c}
C CLUSTER NODES
C CLUSTER SLOTS
C CLUSTER SHARDS
C CLUSTER INFO
C CLUSTER SETSLOT 1 STABLE
C CLUSTER SETSLOT x foo
C CLUSTER FORGET @A
C CLUSTER REPLICATE @C
C CLUSTER REPLICAS @A
C CLUSTER ADDSLOTS 9000
C REPLICAOF NO ONE
C CONFIG SET cluster-preferred-endpoint-type hostname
C GET {c}
C CLUSTER SLOTS
C CLUSTER SHARDS
C CONFIG SET cluster-preferred-endpoint-type unknown-endpoint
C GET {c}
C CLUSTER SLOTS
C CLUSTER SHARDS
C CONFIG SET cluster-announce-hostname c.example
C CLUSTER SLOTS
C CLUSTER SHARDS
C CONFIG SET cluster-preferred-endpoint-type hostname
C CLUSTER SLOTS
C CLUSTER SHARDS
C CLUSTER NODES
C CONFIG SET cluster-preferred-endpoint-type ip
C CLUSTER SLOTS
"""

AFTER_FAILOVER = """
A CLUSTER NODES
C CLUSTER NODES
C CLUSTER SLOTS
C CLUSTER SHARDS
C SET {c} v
A CLUSTER FORGET @C
B CLUSTER FORGET @C
C CLUSTER RESET
"""


class Trio:
    """Three nodes of one program."""

    def __init__(self, lab, name, build):
        nodes = lab.cluster_nodes(build, 3, **{"cluster-node-timeout": 5000})
        self.name, self.nodes = name, dict(zip("ABC", nodes))
        self.clients = {}

    def connect(self, resp):
        self.clients = {letter: Client(node.address) for letter, node in self.nodes.items()}
        for client in self.clients.values():
            client.call("HELLO", resp)

    def close(self):
        for letter, node in self.nodes.items():
            self.clients[letter].close()
            node.kill()

    def ids(self):
        return {letter: node.call("CLUSTER", "MYID").decode() for letter, node in self.nodes.items()}

    def ask(self, letter, words):
        ids = self.ids()
        def meant(word):
            for name, node in self.nodes.items():
                word = word.replace(f"@{name}:port", str(node.port)).replace(f"@{name}", ids[name])
            return word
        client = self.clients[letter]
        client.send_raw(encode(*map(meant, words)))
        return self.masked(bytes(client.read_raw()), {**ids, **self.ids()})

    def masked(self, raw, ids):
        for name, identity in ids.items():
            raw = raw.replace(identity.encode(), name.encode() * 40)
        # Of the same length, and still numbers: the reply stays one that can be parsed.
        for number, node in enumerate(self.nodes.values(), 1):
            for port, mask in ((node.port, b"%d"), (node.port + 10000, b"9%d")):
                text = b"%d" % port
                raw = re.sub(rb"(?<!\d)" + text + rb"(?!\d)", (mask % number).ljust(len(text), b"0"), raw)
        return raw

    def wait_whole(self, roles):
        """All three see each other's roles and links, a cluster that is up, and a replica that has its data."""
        def whole():
            for node in self.nodes.values():
                lines = node.call("CLUSTER", "NODES").decode().splitlines()
                words = [line.split() for line in lines]
                if len(words) != 3 or any(word[7] != "connected" or "handshake" in word[2] for word in words):
                    return False
                found = {int(word[1].split("@")[0].split(":")[1]): word[2].split(",") for word in words}
                if any(role not in found[self.nodes[letter].port] for letter, role in roles.items()):
                    return False
                if b"cluster_state:ok" not in node.call("CLUSTER", "INFO"):
                    return False
                if b"loading" in node.call("CLUSTER", "SHARDS"):
                    return False
                listed = [self.nodes[letter].port for letter in roles]
                text = repr(node.call("CLUSTER", "SLOTS"))
                if not all(str(port) in text for port in listed):
                    return False
            return True
        eventually(whole, 60, f"the nodes of {self.name} see each other as {roles}")

    def form(self):
        a, b, c = self.nodes.values()
        for epoch, node in enumerate((a, b, c), 1):
            node.call("CLUSTER", "SET-CONFIG-EPOCH", epoch)
        a.call("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
        b.call("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
        for node in (b, c):
            a.call("CLUSTER", "MEET", HOST, node.port)
        identity = a.call("CLUSTER", "MYID")
        eventually(lambda: identity in c.call("CLUSTER", "NODES") and
                   b"handshake" not in c.call("CLUSTER", "NODES"), 30, "C has met A")
        eventually(lambda: accepted(c, "CLUSTER", "REPLICATE", identity), 30, "C follows A")
        self.wait_whole({"A": "master", "B": "master", "C": "slave"})


def accepted(node, *words):
    try:
        return node.call(*words) == "OK"
    except ReplyError:
        return False


def shape(words, raw):
    """The reply as it is compared: what has no order or is a time of the clock's is taken out."""
    verb = " ".join(words[:2]).upper()
    if raw[:1] == b"-":
        return raw
    if verb == "CLUSTER NODES":
        lines = [line.split(b" ") for line in parse(raw)[0].splitlines()]
        return raw[:1] + b"\n".join(sorted(b" ".join(line[:4] + line[6:]) for line in lines))
    if verb in ("CLUSTER REPLICAS", "CLUSTER SLAVES"):
        lines = [line.split(b" ") for line in parse(raw)[0]]
        return raw[:1] + b"\n".join(sorted(b" ".join(line[:4] + line[6:]) for line in lines))
    if verb == "CLUSTER INFO":
        return raw[:1] + b"\n".join(line for line in parse(raw)[0].splitlines() if b"_messages_" not in line)
    if verb == "CLUSTER LINKS":
        links = [dict(zip(link[::2], link[1::2])) if isinstance(link, list) else link for link in parse(raw)[0]]
        return repr(sorted((link[b"node"], link[b"direction"], sorted(link)) for link in links)).encode()
    if verb == "CLUSTER SHARDS":
        return repr(sorted(parse(re.sub(rb"(replication-offset\r\n):\d+", rb"\1:0", raw))[0], key=repr)).encode()
    if verb == "CLUSTER GETKEYSINSLOT":
        return repr(sorted(parse(raw)[0])).encode()
    if verb == "CONFIG GET":
        found = parse(raw)[0]
        return repr(sorted(found if isinstance(found, dict) else found[::2])).encode()
    return raw


def compare(lab, subject, oracle, report):
    for resp in (2, 3):
        trios = Trio(lab, "redan", subject), Trio(lab, "redis", oracle)
        for trio in trios:
            trio.connect(resp)
            # redis-server counts itself until it looks for the first time.
            eventually(lambda t=trio: b"cluster_size:0" in t.nodes["A"].call("CLUSTER", "INFO"), 20, "a first look")
        play(trios, ["A " + line for line in ALONE.strip().splitlines()], report, f"alone, RESP{resp}")
        for trio in trios:
            trio.form()
        play(trios, TOGETHER.strip().splitlines(), report, f"together, RESP{resp}")
        for trio in trios:
            trio.nodes["C"].call("CLUSTER", "FAILOVER")
        for trio in trios:
            trio.wait_whole({"A": "slave", "B": "master", "C": "master"})
        play(trios, AFTER_FAILOVER.strip().splitlines(), report, f"after a failover, RESP{resp}")
        for trio in trios:
            trio.close()


# What a node sees comes to be the same, sooner or later.
VIEWS = {"NODES", "SLOTS", "SHARDS", "INFO", "LINKS", "REPLICAS", "SLAVES"}


def play(trios, lines, report, where):
    for line in lines:
        letter, *words = shlex.split(line)
        both = [shape(words, trio.ask(letter, words)) for trio in trios]
        deadline = time.monotonic() + 15
        while both[0] != both[1] and set(words[1:2]) & VIEWS and time.monotonic() < deadline:
            time.sleep(0.1)
            both = [shape(words, trio.ask(letter, words)) for trio in trios]
        ours, redis = both
        report.check(f"cluster ({where}, at {letter})", words, ours, redis)
