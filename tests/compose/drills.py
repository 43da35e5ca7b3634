"""Failover drills: something breaks under load, is healed, and the books are checked.

A drill gets a running stack with load on it, does its harm, and returns when the harm is healed. The
frame around it waits for convergence, counts, and judges by what PROMISES says of the drill.
"""

import enum
import signal
import time

from books import Books
from harness.processes import eventually
from harness.resp import Client, ReplyError

PORT, SENTINEL_PORT, GROUP = 6379, 26379, "redan"


class Promise(enum.Enum):
    """What may be lost; README.md has the reasons."""
    NOTHING_LOST = "nothing"
    UNTIL_DEMOTED = "what the old primary acknowledged from the harm until it was demoted"
    UNTIL_MINORITY = "what the old primary acknowledged from the harm until it refused for want of a majority"
    UNTIL_REFUSED = "what the old primary acknowledged from the harm until min-replicas-max-lag made it refuse"


class Drill:
    profile = None

    def __init__(self, name, stack, writers=4):
        self.name = name
        self.stack = stack
        self.network = stack.network
        self.writers = writers
        self.nodes = [name for name in stack.services if not name.startswith("sentinel")]
        self.sentinels = [name for name in stack.services if name.startswith("sentinel")]
        self.old = self.new = None
        self.harmed_at = self.healed_at = self.demoted_at = self.window_ended_at = None
        self.load = None
        self.breaches = []

    # What a drill may ask and do.
    def call(self, name, *args, port=None, timeout=1.0):
        port = port or (SENTINEL_PORT if name in self.sentinels else PORT)
        with Client((self.network.address(name), port), timeout=timeout, connect_timeout=timeout) as client:
            return client.call(*args)

    def primary_by(self, sentinel):
        host = self.call(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", GROUP)[0].decode()
        return self.network.name_of(host)

    def agreed_primary(self, sentinels=None):
        """The primary's name once all these sentinels name the same."""
        names = {self.primary_by(sentinel) for sentinel in sentinels or self.sentinels}
        return names.pop() if len(names) == 1 else None

    def wait_failover(self, sentinels=None, timeout=60):
        def moved():
            name = self.agreed_primary(sentinels)
            return name if name and name != self.old and self.call(name, "ROLE")[0] == b"master" else None
        self.new = eventually(moved, timeout, f"a failover away from {self.old}")

    def load_runs(self, more=200):
        """The load gets writes through: more of them than now."""
        before = self.keys_of_new()
        eventually(lambda: self.keys_of_new() > before + more, 60, "writes are acknowledged")

    def keys_of_new(self):
        return self.call(self.new or self.old, "DBSIZE")

    def harm(self):
        self.harmed_at = time.monotonic()

    def heal(self):
        """The old primary is reachable again; waits until it says it is a replica."""
        self.healed_at = time.monotonic()
        eventually(lambda: self.call(self.old, "ROLE")[0] == b"slave", 60,
                   f"{self.old} becomes a replica")
        self.demoted_at = time.monotonic()

    def wait_refusal(self):
        """Waits until the old primary refuses writes because no replica answers it."""
        def refuses():
            try:
                self.call(self.old, "SET", "probe", 1)
            except ReplyError as error:
                return error.code == "NOREPLICAS"
            return False
        eventually(refuses, 60, f"{self.old} refuses writes that no replica would get")
        self.window_ended_at = time.monotonic()

    # The frame.
    def run(self):
        self.stack.up()
        eventually(self._acquainted, 60, "the sentinels know each other and the replicas")
        self.old = self.agreed_primary()
        sentinels = ",".join(f"{name}:{SENTINEL_PORT}" for name in self.sentinels)
        self.load = self.stack.client(["/usr/bin/python3", "/tests/compose/load.py", "--sentinels", sentinels,
                                       "--writers", str(self.writers), "--careful", str(self.writers // 2),
                                       "--replicas", str(len(self.nodes) - 1), "--out", "/out/load.json"])
        self.load.start()
        self.load_runs(1000)
        DRILLS[self.name](self)
        self.load_runs(500)
        self.load.signal(signal.SIGTERM)
        if self.load.popen.wait(30) != 0:
            raise AssertionError(f"the load ended badly:\n{self.load.log_tail()}")
        eventually(self._converged, 60, "one primary, two replicas in sync, all sentinels agree")
        return self._count()

    @staticmethod
    def summary(name, build, result):
        permitted = result["permitted_window_s"]
        return (f"{name:9} {build}: {result['acknowledged']} acknowledged, {result['on_every_replica']} of them on "
                f"every replica, {result['lost']} lost "
                f"{'' if permitted is None else 'in %.2f of %.2f s ' % (result['loss_window_s'], permitted)}"
                f"(may be: {result['bound']}); write gap {result['write_gap_s']:.2f} s, old primary a replica "
                f"{result['demoted_after_s']:.2f} s after it was reachable "
                f"({result['old_primary']} -> {result['new_primary']})")

    def _acquainted(self):
        for sentinel in self.sentinels:
            reply = self.call(sentinel, "SENTINEL", "MASTER", GROUP)
            state = dict(zip(reply[::2], reply[1::2]))
            if (int(state[b"num-slaves"]) < len(self.nodes) - 1 or state[b"flags"] != b"master" or
                    int(state[b"num-other-sentinels"]) < len(self.sentinels) - 1):
                return False
        return True

    def _converged(self):
        primary = self.agreed_primary()
        if primary is None:
            return False
        roles = {name: self.call(name, "ROLE") for name in self.nodes}
        offset = roles[primary][1]
        others = [role for name, role in roles.items() if name != primary]
        return (roles[primary][0] == b"master" and
                all(role[0] == b"slave" and role[3] == b"connected" and role[4] == offset for role in others) and
                len({str(self.call(name, "DBSIZE")) for name in self.nodes}) == 1)

    def _count(self):
        books = Books(self.stack.folder / "load.json", self.network.name_of)
        primary = self.agreed_primary()
        if primary != self.new:
            raise AssertionError(f"{self.new} took over, but now {primary} is the primary: one harm, two failovers")
        books.compare_with((self.network.address(primary), PORT))
        promise = PROMISES[self.name]
        end = self.window_ended_at or self.demoted_at
        self.breaches = books.breaches(promise is Promise.NOTHING_LOST, self.old, self.harmed_at, end,
                                       len(self.nodes) - 1)
        return {"acknowledged": len(books.acknowledged), "attempted": books.attempted,
                "on_every_replica": len(books.held_by(len(self.nodes) - 1)), "lost": len(books.lost),
                "loss_window_s": round(books.window_after(self.harmed_at), 3), "bound": promise.value,
                "permitted_window_s": None if promise is Promise.NOTHING_LOST else round(end - self.harmed_at, 3),
                "write_gap_s": round(books.gap_after(self.harmed_at), 3),
                "demoted_after_s": round(self.demoted_at - self.healed_at, 3),
                "old_primary": self.old, "new_primary": primary}


def kill(drill):
    """kill -9 of the primary; it is started again once another has taken over."""
    drill.harm()
    drill.stack.containers[drill.old].kill()
    drill.wait_failover()
    drill.load_runs()
    drill.stack.containers[drill.old].start()
    drill.heal()


def crash(drill):
    """kill -9, and the restart policy starts it again at once, with whatever its disk held."""
    drill.harm()
    drill.stack.containers[drill.old].kill()
    drill.stack.containers[drill.old].start()
    drill.wait_failover()
    drill.load_runs()
    drill.heal()


def pause(drill):
    """SIGSTOP of the primary; SIGCONT once another has taken over."""
    drill.harm()
    drill.stack.containers[drill.old].signal(signal.SIGSTOP)
    drill.wait_failover()
    drill.load_runs()
    drill.stack.containers[drill.old].signal(signal.SIGCONT)
    drill.heal()


def cut(drill):
    """Every wire of the primary is cut, also the client's; later mended."""
    drill.harm()
    drill.network.cut([drill.old], [name for name in drill.network.hosts if name != drill.old])
    drill.wait_failover()
    drill.load_runs()
    drill.network.heal()
    drill.heal()


def minority(drill):
    """The primary, one sentinel and the client on one side of a cut, the others on the other."""
    cut_off_with_client(drill)
    drill.wait_failover(drill.sentinels[1:])
    drill.network.heal()
    drill.heal()


def guarded(drill):
    """The same with min-replicas-to-write: the cut-off primary stops acknowledging by itself."""
    for name in drill.nodes:
        drill.call(name, "CONFIG", "SET", "min-replicas-to-write", 1, "min-replicas-max-lag", 2)
    cut_off_with_client(drill)
    drill.wait_refusal()
    drill.wait_failover(drill.sentinels[1:])
    drill.network.heal()
    drill.heal()


def cut_off_with_client(drill):
    minor = [drill.old, drill.sentinels[0], "client"]
    major = [name for name in drill.network.hosts if name not in minor]
    drill.harm()
    drill.network.cut(minor, major)


def deaf(drill):
    """Only what the primary sends is dropped: it hears everybody, nobody hears it."""
    drill.harm()
    drill.network.cut([drill.old], [name for name in drill.network.hosts if name != drill.old], both_ways=False)
    drill.wait_failover()
    drill.load_runs()
    drill.network.heal()
    drill.heal()


def manual(drill):
    """SENTINEL FAILOVER while clients write: a hand-over, not a loss."""
    drill.harm()
    drill.call(drill.sentinels[0], "SENTINEL", "FAILOVER", GROUP)
    drill.healed_at = time.monotonic()
    drill.wait_failover()
    drill.heal()
    drill.load_runs()


DRILLS = {action.__name__: action for action in (kill, crash, pause, cut, minority, guarded, deaf, manual)}
PROMISES = {"kill": Promise.NOTHING_LOST, "crash": Promise.NOTHING_LOST, "pause": Promise.NOTHING_LOST,
            "deaf": Promise.NOTHING_LOST, "manual": Promise.NOTHING_LOST, "cut": Promise.UNTIL_DEMOTED,
            "minority": Promise.UNTIL_DEMOTED, "guarded": Promise.UNTIL_REFUSED}

__all__ = ["DRILLS", "PROMISES", "Drill"]
