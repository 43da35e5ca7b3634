"""Stories of programs that people run on Redis. Each is told twice, over the subject and over redis-server 7.0.15, and
what the program said and left behind must be equal."""

import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stories import ORACLE, SUBJECT, Story, eventually

from harness.processes import Process, die_with_parent

CLIENTS = Path(__file__).resolve().parent / "clients"


class Dialogue:
    """A script of clients/ that answers lines of JSON with lines of JSON."""

    def __init__(self, *command):
        self.process = subprocess.Popen([str(part) for part in command], cwd=CLIENTS, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=die_with_parent)

    def ask(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"it ended at {words}: {self.process.stderr.read()}")
        return json.loads(line)

    def close(self):
        self.process.kill()
        self.process.communicate()


class RealProgram(Story):
    maxDiff = None

    def told_twice(self, story, **options):
        """The story over a server of each; `options` are their directives."""
        return self.told_over(story, self.lab.server("subject", SUBJECT, **options),
                              self.lab.server("oracle", ORACLE, **options))

    def told_over(self, story, *places):
        """story(place) for each place, side by side; asserts that what they return is equal, and returns it.

        Each story has a thread of its own, and what it starts ends with that thread."""
        with ThreadPoolExecutor(len(places)) as pool:
            ours, theirs = pool.map(story, places)
        self.assertEqual(ours, theirs)
        return ours

    def program(self, name, *command, **env):
        """Starts a program beside the story, with `env` on top of our environment."""
        return self.lab.add(Process(command, CLIENTS, self.lab.folder / f"{name}.log", {**os.environ, **env}))

    def run_program(self, *command, **env):
        """Runs a program to its end, which must be a good one; what it printed."""
        return self.lab.command(*command, cwd=CLIENTS, env={**os.environ, **env})

    def dialogue(self, *command):
        partner = Dialogue(*command)
        self.addCleanup(partner.close)
        return partner

    def serving(self, program):
        """Where a web server of clients/ serves: the line that it prints once it does."""
        return eventually(lambda: program.running() and program.log().endswith("\n") and program.log().strip(), 30,
                          f"{program.command} serves")

    def require_npm(self, *packages):
        missing = [name for name in packages if not (CLIENTS / "node_modules" / name / "package.json").is_file()]
        self.assertEqual(missing, [], f"not installed: run tests/run.sh, or npm ci --ignore-scripts in {CLIENTS}")


def text(value):
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def joined(flat, sign):
    return [f"{text(first)}{sign}{text(second)}" for first, second in zip(flat[::2], flat[1::2])]


# How to read a value of each type, how to write it as lines, and whether their order means something.
READERS = {
    "string": (["GET"], lambda value: [text(value)], True),
    "list": (["LRANGE", 0, -1], lambda items: map(text, items), True),
    "set": (["SMEMBERS"], lambda members: map(text, members), False),
    "hash": (["HGETALL"], lambda flat: joined(flat, "="), False),
    "zset": (["ZRANGE", 0, -1, "WITHSCORES"], lambda flat: joined(flat, " @ "), False),
    "stream": (["XRANGE", "-", "+"], lambda entries: [f"{text(name)}: {' '.join(joined(fields, '='))}"
                                                      for name, fields in entries], True),
}


def keyspace(server, **masks):
    """What a server holds, in order: (key, type, whether it expires, lines). `masks` are name=pattern of what two runs
    do not have in common; the name takes its place."""
    def masked(line):
        for name, pattern in masks.items():
            line = re.sub(pattern, f"<{name}>", line)
        return line

    held = []
    with server.client() as client:
        for key in client.call("KEYS", "*"):
            kind = client.call("TYPE", key)
            (command, *rest), lines_of, is_ordered = READERS[kind]
            lines = list(map(masked, lines_of(client.call(command, key, *rest))))
            expires = client.call("PTTL", key) >= 0
            held.append((masked(text(key)), kind, expires, lines if is_ordered else sorted(lines)))
    return sorted(held)


__all__ = ["CLIENTS", "Dialogue", "RealProgram", "keyspace"]
