"""Two servers side by side: the same bytes go to both, and what comes back is compared."""

import re
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.resp import Client, Closed, encode, parse  # noqa: E402

import known_differences  # noqa: E402
import rules  # noqa: E402

NO_REPLY = b"(no reply)"
CLOSED = b"(closed)"


@dataclass
class Difference:
    where: str
    command: list
    subject: bytes
    oracle: bytes
    context: list

    def __str__(self):
        lines = [f"{self.where}: {show_command(self.command)}",
                 f"    redan: {show(self.subject)}", f"    redis: {show(self.oracle)}"]
        if self.context:
            lines.append("    after: " + " ; ".join(map(show_command, self.context)))
        return "\n".join(lines)


def show(raw, limit=300):
    text = repr(bytes(raw))[2:-1]
    return text if len(text) <= limit else f"{text[:limit]}... ({len(raw)} bytes)"


def show_command(args):
    return " ".join(show_argument(arg) for arg in args)


def show_argument(arg):
    raw = arg if isinstance(arg, bytes) else str(arg).encode()
    text = show(raw, 60)
    return text if raw and re.fullmatch(rb"[!-~]+", raw) else f'"{text}"'


class Report:
    """What a run found; each kind of difference is kept once with the first example."""

    def __init__(self):
        self.compared = 0
        self.known = {}
        self.differences = []
        self.repeats = {}

    def check(self, where, command, subject, oracle, context=()):
        self.compared += 1
        if subject == oracle != NO_REPLY or rules.agree(command, subject, oracle):
            return True
        for known in known_differences.KNOWN:
            if known.covers(command, subject, oracle):
                self.known[known.name] = self.known.get(known.name, 0) + 1
                return True
        self.add(where, command, subject, oracle, context() if callable(context) else context)
        return False

    def add(self, where, command, subject, oracle, context=()):
        kind = (rules.name_of(command), subject[:24], oracle[:24])
        self.repeats[kind] = self.repeats.get(kind, 0) + 1
        if self.repeats[kind] == 1:
            self.differences.append(Difference(where, list(command), subject, oracle,
                                               list(context)))

    def failed(self):
        return bool(self.differences)

    def write(self, stream=sys.stdout):
        for difference in self.differences[:60]:
            print(difference, file=stream)
        if len(self.differences) > 60:
            print(f"... and {len(self.differences) - 60} more kinds of difference", file=stream)
        for name, count in sorted(self.known.items()):
            print(f"known difference, {count} times: {name}: {known_differences.reason(name)}",
                  file=stream)
        total = sum(self.repeats.values())
        print(f"{self.compared} replies compared, {sum(self.known.values())} known differences, "
              f"{total} differences of {len(self.differences)} kinds", file=stream)


class Link:
    """A pair of connections, one to each server, in the same protocol version."""

    def __init__(self, subject, oracle, resp=2, timeout=5.0):
        self.clients = (Client(subject.address, timeout=timeout),
                        Client(oracle.address, timeout=timeout))
        self.ids = None
        if resp == 3:
            for client in self.clients:
                client.call("HELLO", "3")

    def close(self):
        for client in self.clients:
            client.close()

    def client_ids(self):
        if self.ids is None:
            self.ids = tuple(client.call("CLIENT", "ID") for client in self.clients)
        return self.ids

    def send_raw(self, *data):
        for client, raw in zip(self.clients, data if len(data) == 2 else data * 2):
            try:
                client.send_raw(raw)
            except (BrokenPipeError, ConnectionResetError):
                pass

    def read(self):
        return tuple(self._read(client) for client in self.clients)

    @staticmethod
    def _read(client):
        try:
            return client.read_raw()
        except socket.timeout:
            return NO_REPLY
        except (Closed, ConnectionResetError):
            return CLOSED

    def batch(self, commands):
        """Sends all to both in one write; yields (command, subject's reply, oracle's reply)."""
        commands = list(commands)
        self.send(commands)
        return self.replies(commands)

    def send(self, commands):
        self.send_raw(b"".join(encode(*command) for command in commands))

    def replies(self, commands):
        """What both answer to commands that were sent, up to the first that one does not answer."""
        broken = False
        for command in commands:
            if broken:
                return
            subject, oracle = self.read()
            broken = subject in (NO_REPLY, CLOSED) or oracle in (NO_REPLY, CLOSED)
            yield command, subject, oracle


def value(raw):
    return parse(raw)[0]
