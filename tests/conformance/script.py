"""The hand-written sequences (sequences/*.redis), read and run.

    == a title [resp3]         a new sequence: empty servers, fresh connections
    SET key "a\\x00b"           on connection 1, redis-cli's quoting
    @2 GET key                 on connection 2
    @2 <                       reads one more message there
    @2 CLOSED                  both servers have closed it
    RAW "PING\\r\\n" => 1        bytes as they are; how many replies to read
    BLOCKED 2                  waits until so many clients of each server are blocked
    CLIENT REPLY OFF => 0      a command with another number of replies than one
    ~ RANDOMKEY                only the kind of the reply must agree
    {x*1000}                   inside an argument: x, 1000 times
    {id:2} {addr:2}            the other connection's CLIENT ID or address, each server's own; a reply may hold the id
"""

import re
from dataclasses import dataclass, field

from harness.processes import eventually
from harness.resp import encode

from pair import CLOSED, NO_REPLY, Link, show_command
from rules import same_kind

MANY_REPLIES = {"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE",
                "SUNSUBSCRIBE"}
ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", "a": b"\a", "b": b"\b"}


@dataclass
class Step:
    line: int
    connection: int
    kind: str  # "command", "raw", "read", "closed" or "blocked"
    args: list
    replies: int = 1
    loose: bool = False


@dataclass
class Sequence:
    title: str
    file: str
    only: set
    steps: list = field(default_factory=list)


def split_arguments(text):
    """redis-cli's rules: "..." with escapes, '...' without."""
    args, position = [], 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        current = bytearray()
        if text[position] in "\"'":
            quote, position = text[position], position + 1
            while text[position] != quote:
                if text[position] == "\\" and quote == '"':
                    position += 1
                    if text[position] == "x":
                        current.append(int(text[position + 1:position + 3], 16))
                        position += 2
                    else:
                        current += ESCAPES.get(text[position], text[position].encode())
                else:
                    current += text[position].encode()
                position += 1
            position += 1
        else:
            while position < len(text) and not text[position].isspace():
                current += text[position].encode()
                position += 1
        args.append(bytes(current))
    return args


def expand(arg):
    return re.sub(rb"\{(.)\*(\d+)\}", lambda match: match[1] * int(match[2]), arg)


def read_file(path):
    sequences = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("== "):
            only = set(map(int, re.findall(r"\[resp([23])\]", line))) or {2, 3}
            title = re.sub(r"\[resp[23]\]", "", line[3:]).strip()
            sequences.append(Sequence(title, path.name, only))
            continue
        sequences[-1].steps.append(parse_step(line, number))
    return sequences


def parse_step(line, number):
    connection, replies, loose = 1, None, False
    match = re.match(r"@(\d+)\s+(.*)", line)
    if match:
        connection, line = int(match[1]), match[2]
    if line.startswith("~ "):
        loose, line = True, line[2:]
    match = re.match(r"(.*)\s=>\s(\d+)$", line)
    if match:
        line, replies = match[1], int(match[2])
    if line == "<":
        return Step(number, connection, "read", [b"<"])
    if line == "CLOSED":
        return Step(number, connection, "closed", [b"CLOSED"])
    args = [expand(arg) for arg in split_arguments(line)]
    if args[0] == b"BLOCKED":
        return Step(number, connection, "blocked", args, 0)
    if args[0] == b"RAW":
        return Step(number, connection, "raw", args[1:], 1 if replies is None else replies, loose)
    if replies is None:
        many = args[0].decode("latin-1").upper() in MANY_REPLIES and len(args) > 1
        replies = len(args) - 1 if many else 1
    return Step(number, connection, "command", args, replies, loose)


class Runner:
    """Runs sequences on a pair of servers into a report."""

    def __init__(self, subject, oracle, report):
        self.subject, self.oracle, self.report = subject, oracle, report

    def run(self, sequence, resp):
        for server in (self.subject, self.oracle):
            reset(server)
        links = {}
        done = []
        wants_ids = any(b"{id:" in arg for step in sequence.steps for arg in step.args)
        try:
            for step in sequence.steps:
                link = links.get(step.connection)
                if link is None:
                    link = links[step.connection] = Link(self.subject, self.oracle, resp)
                    if wants_ids:
                        link.client_ids()  # It could not be asked any more while it is blocked.
                where = f"{sequence.file}:{step.line} ({sequence.title}, RESP{resp})"
                if not self._step(step, link, links, where, done):
                    return
                done.append([f"@{step.connection}".encode(), *step.args])
        finally:
            for link in links.values():
                link.close()

    def _step(self, step, link, links, where, done):
        if step.kind == "command":
            link.send_raw(*(encode(*(self._fill(arg, links, side) for arg in step.args))
                            for side in (0, 1)))
        elif step.kind == "blocked":
            for server in (self.subject, self.oracle):
                wait_for_blocked(server, step.args[1].decode())
        elif step.kind == "raw":
            link.send_raw(step.args[0])
        for _ in range(step.replies):
            subject, oracle = (self._general(reply, links, side) for side, reply in enumerate(link.read()))
            if step.kind == "closed":
                if (subject, oracle) != (CLOSED, CLOSED):
                    self.report.add(where, step.args, subject, oracle, done[-6:])
                    return False
                self.report.compared += 1
                return True
            if step.loose and same_kind(step.args, subject, oracle) and subject != NO_REPLY:
                self.report.compared += 1
                continue
            self.report.check(where, step.args, subject, oracle, done[-6:])
            if NO_REPLY in (subject, oracle) or CLOSED in (subject, oracle):
                return False  # The rest of the sequence would only wait.
        return True

    @staticmethod
    def _general(reply, links, side):
        """The reply with the ids of connections by number, where the sequence asks for any."""
        for number, link in links.items():
            if link.ids is not None:
                reply = re.sub(rb":%d\r\n" % link.ids[side], b":{id:%d}\r\n" % number, reply)
        return reply

    @staticmethod
    def _fill(arg, links, side):
        def replace(match):
            link = links[int(match[2])]
            if match[1] == b"id":
                return str(link.client_ids()[side]).encode()
            host, port = link.clients[side].socket.getsockname()
            return f"{host}:{port}".encode()
        return re.sub(rb"\{(id|addr):(\d+)\}", replace, arg)


def wait_for_blocked(server, count):
    with server.client() as client:
        eventually(lambda: client.info("clients")["blocked_clients"] == count, what=f"{count} blocked clients")


def reset(server):
    """Empty, and with the settings back that a sequence which broke off may have left behind."""
    with server.client() as client:
        client.pipeline([["AUTH", "secret"], ["CONFIG", "SET", "requirepass", ""],
                         ["CONFIG", "SET", "maxmemory", "0"], ["CLIENT", "UNPAUSE"],
                         ["CONFIG", "SET", "notify-keyspace-events", ""],
                         ["CONFIG", "SET", "slowlog-log-slower-than", "10000"],
                         ["DEBUG", "SET-ACTIVE-EXPIRE", "0"],
                         ["CONFIG", "RESETSTAT"], ["FLUSHALL"], ["SLOWLOG", "RESET"]])


__all__ = ["Runner", "read_file", "reset", "show_command"]
