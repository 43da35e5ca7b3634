"""RESP2 and RESP3 as a test needs them: raw bytes to compare, values to look at, no retries."""

import socket
from collections import deque

LINE_KINDS = frozenset(b"+-:,#(_")
BULK_KINDS = frozenset(b"$=!")
ARRAY_KINDS = frozenset(b"*~>")


class ReplyError(Exception):
    """An error that the server answered; str() is its text, code its first word."""

    @property
    def code(self):
        return str(self).split(" ", 1)[0]

    def __eq__(self, other):
        return isinstance(other, ReplyError) and str(self) == str(other)

    def __hash__(self):
        return hash(str(self))


class Push(list):
    """A RESP3 push message."""


class Closed(Exception):
    """The server closed the connection."""


def encode(*args):
    """One command as the wire wants it."""
    parts = [b"*%d\r\n" % len(args)]
    for arg in args:
        if isinstance(arg, str):
            arg = arg.encode()
        elif not isinstance(arg, (bytes, bytearray)):
            arg = str(arg).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(arg), arg))
    return b"".join(parts)


def reply_end(buffer, position):
    """Where the reply that begins at position ends, or -1 while it is incomplete."""
    pending = 1
    size = len(buffer)
    while pending:
        eol = buffer.find(b"\r\n", position)
        if eol < 0:
            return -1
        kind = buffer[position]
        if kind in LINE_KINDS:
            position = eol + 2
        elif kind in BULK_KINDS:
            length = int(buffer[position + 1:eol])
            position = eol + 2 if length < 0 else eol + length + 4
            if position > size:
                return -1
        else:
            count = max(int(buffer[position + 1:eol]), 0)
            if kind in ARRAY_KINDS:
                pending += count
            elif kind == 0x25:  # '%', a map
                pending += 2 * count
            elif kind == 0x7C:  # '|', attributes, which come before a reply
                pending += 2 * count + 1
            else:
                raise ValueError(f"not a RESP reply: {bytes(buffer[position:eol][:80])!r}")
            position = eol + 2
        pending -= 1
    return position


def parse(raw, position=0):
    """The value of the complete reply at position, and where it ends."""
    eol = raw.index(b"\r\n", position)
    kind, line = raw[position:position + 1], bytes(raw[position + 1:eol])
    after = eol + 2
    if kind == b"+":
        return line.decode("utf-8", "backslashreplace"), after
    if kind == b"-":
        return ReplyError(line.decode("utf-8", "backslashreplace")), after
    if kind in b":(":
        return int(line), after
    if kind == b",":
        return float(line), after
    if kind == b"#":
        return line == b"t", after
    if kind == b"_":
        return None, after
    length = int(line)
    if kind in b"$=!":
        if length < 0:
            return None, after
        body = bytes(raw[after:after + length])
        if kind == b"=":
            body = body[4:]
        if kind == b"!":
            body = ReplyError(body.decode("utf-8", "backslashreplace"))
        return body, after + length + 2
    if length < 0:
        return None, after
    items = []
    for _ in range(length * (2 if kind in b"%|" else 1)):
        item, after = parse(raw, after)
        items.append(item)
    if kind == b"%":
        return {_hashable(k): v for k, v in zip(items[::2], items[1::2])}, after
    if kind == b"|":
        return parse(raw, after)
    if kind == b">":
        return Push(items), after
    return items, after


def _hashable(value):
    return tuple(map(_hashable, value)) if isinstance(value, list) else value


class Client:
    """One connection. call() raises what the server answers as an error."""

    def __init__(self, address, timeout=10.0, connect_timeout=5.0):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(connect_timeout)
        try:
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        self.socket.settimeout(timeout)
        if family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.position = 0
        self.pushes = deque()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *args):
        self.socket.sendall(encode(*args))

    def send_raw(self, data):
        self.socket.sendall(data)

    def read_raw(self):
        """The bytes of the next reply."""
        while True:
            if self.position < len(self.buffer):
                end = reply_end(self.buffer, self.position)
                if end >= 0:
                    raw = bytes(self.buffer[self.position:end])
                    self.position = end
                    return raw
            if self.position:
                del self.buffer[:self.position]
                self.position = 0
            chunk = self.socket.recv(1 << 18)
            if not chunk:
                raise Closed(f"closed with {bytes(self.buffer[:80])!r} unread")
            self.buffer += chunk

    def read(self):
        return parse(self.read_raw())[0]

    def read_until_closed(self, limit=1 << 22):
        """All that the server still sends before it closes."""
        data = bytes(self.buffer[self.position:])
        self.buffer.clear()
        self.position = 0
        while len(data) < limit:
            try:
                chunk = self.socket.recv(1 << 16)
            except ConnectionResetError:
                return data
            if not chunk:
                return data
            data += chunk
        raise AssertionError("the server sends without end")

    def call(self, *args):
        self.send(*args)
        reply = self.read()
        while isinstance(reply, Push):
            self.pushes.append(reply)
            reply = self.read()
        if isinstance(reply, ReplyError):
            raise reply
        return reply

    def pipeline(self, commands):
        """Sends all, returns all replies; errors come back as values."""
        self.socket.sendall(b"".join(encode(*command) for command in commands))
        return [self.read() for _ in commands]

    def info(self, section="everything"):
        """INFO as a dict of strings."""
        text = self.call("INFO", section).decode()
        pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
        return {name: value for name, value in pairs}
