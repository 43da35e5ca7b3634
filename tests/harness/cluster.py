"""A cluster that clusterctl made, its nodes' views of each other, and a client that finds its way."""

import binascii
import re
import subprocess
import time

from . import binaries
from .processes import HOST, die_with_parent, eventually
from .resp import Closed, ReplyError

SLOTS = 16384


def slot_of(key):
    tagged = re.search(r"\{([^}]+)\}", key)
    return binascii.crc_hqx((tagged.group(1) if tagged else key).encode(), 0) % SLOTS


class Seen:
    """One line of CLUSTER NODES."""

    def __init__(self, line):
        words = line.split()
        self.id, address, flags, self.primary = words[:4]
        self.port = int(address.split("@")[0].rsplit(":", 1)[1])
        self.flags = flags.split(",")
        self.epoch = int(words[6])
        self.linked = words[7] == "connected"
        self.slots = " ".join(word for word in words[8:] if not word.startswith("["))
        self.moving = [word for word in words[8:] if word.startswith("[")]

    @property
    def is_primary(self):
        return "master" in self.flags

    def shape(self):
        """What all nodes must agree on."""
        flags = set(self.flags) - {"myself"}
        return self.id, self.port, tuple(sorted(flags)), self.primary, self.epoch, self.slots


class Cluster:
    """`primaries` nodes with equal shares of the slots, then `replicas` of each. Options are directives."""

    def __init__(self, lab, primaries=3, replicas=1, build=None, **options):
        self.lab = lab
        self.nodes = lab.cluster_nodes(build, primaries * (1 + replicas), **options)
        self.run_clusterctl("create", *[f"{HOST}:{node.port}" for node in self.nodes], "--replicas", replicas, "--yes",
                            password=options.get("requirepass"))
        self.wait_agreed()
        for node in self.nodes:
            if not self.seen(node)[node.port].is_primary:
                node.wait_in_sync(self.primary_of(node))

    @staticmethod
    def run_clusterctl(*arguments, password=None):
        words = [str(binaries.clusterctl()), *map(str, arguments), *(["-a", password] if password else [])]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, preexec_fn=die_with_parent)
        if done.returncode != 0:
            raise AssertionError(f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def alive(self):
        return [node for node in self.nodes if node.running()]

    @staticmethod
    def seen(node):
        """How this node sees all, by port."""
        lines = node.call("CLUSTER", "NODES").decode().splitlines()
        return {each.port: each for each in map(Seen, lines)}

    def node(self, port):
        return next(node for node in self.nodes if node.port == port)

    def primaries(self):
        return [node for node in self.alive() if self.seen(node)[node.port].is_primary]

    def primary_of(self, replica):
        view = self.seen(replica)
        return next(self.node(each.port) for each in view.values() if each.id == view[replica.port].primary)

    def replicas_of(self, primary):
        mine = self.seen(primary)[primary.port].id
        return [self.node(each.port) for each in self.seen(primary).values() if each.primary == mine]

    def owner(self, key):
        """The node that serves this key, as the others say."""
        with self.client() as client:
            client.call("EXISTS", key)
            return self.node(client.port_of(key))

    def agreed(self):
        """True once all that run serve, and see the same nodes, roles, epochs and slots."""
        nodes = self.alive()
        shapes = [sorted(each.shape() for each in self.seen(node).values()) for node in nodes]
        return (all(b"cluster_state:ok" in node.call("CLUSTER", "INFO") for node in nodes) and
                all(shape == shapes[0] for shape in shapes) and len(shapes[0]) == len(self.nodes))

    def wait_agreed(self, timeout=30):
        eventually(self.agreed, timeout, "all nodes agree on the cluster")

    def client(self, **options):
        return ClusterClient(self, **options)


class ClusterClient:
    """Follows redirects, and tries again for `patience` seconds while a node is away or a slot is not served."""

    def __init__(self, cluster, patience=20.0, timeout=5.0):
        self.cluster = cluster
        self.patience = patience
        self.timeout = timeout
        self.connections = {}
        self.owners = {}
        self.retries = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for connection in self.connections.values():
            connection.close()
        self.connections.clear()

    def port_of(self, key):
        return self.owners.get(slot_of(key))

    def _connection(self, port):
        if port not in self.connections:
            self.connections[port] = self.cluster.node(port).client(timeout=self.timeout)
        return self.connections[port]

    def _drop(self, port):
        connection = self.connections.pop(port, None)
        if connection is not None:
            connection.close()

    def call(self, name, key, *rest):
        slot, asking = slot_of(key), False
        deadline = time.monotonic() + self.patience
        ports = [node.port for node in self.cluster.nodes]
        port = self.owners.get(slot, ports[slot % len(ports)])
        while True:
            try:
                connection = self._connection(port)
                if asking:
                    connection.call("ASKING")
                reply = connection.call(name, key, *rest)
                if not asking:
                    self.owners[slot] = port
                return reply
            except ReplyError as error:
                trouble, asking = error, error.code == "ASK"
                if error.code in ("MOVED", "ASK"):
                    port = int(str(error).rsplit(":", 1)[1])
                    continue
                if error.code not in ("CLUSTERDOWN", "TRYAGAIN", "LOADING", "MASTERDOWN"):
                    raise
            except (OSError, Closed) as error:
                trouble, asking = error, False
                self._drop(port)
                port = ports[(ports.index(port) + 1) % len(ports)]
            self.retries += 1
            if time.monotonic() > deadline:
                raise AssertionError(f"{name} {key}: not within {self.patience:g} s (last: {trouble!r})")
            time.sleep(0.002)


__all__ = ["Cluster", "ClusterClient", "SLOTS", "Seen", "slot_of"]
