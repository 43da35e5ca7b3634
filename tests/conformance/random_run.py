"""Random commands: both servers get the same, each reply is compared, and in between all that they hold."""

import random
from collections import deque

import dumps
import script
from coverage import Coverage
from generate import Generator
from generate_table import table_of
from pair import CLOSED, NO_REPLY, Link
from transactions import Transactions

BATCH = 250
IN_FLIGHT = 2  # Batches sent: both servers work while the replies to an earlier batch are compared.
BETWEEN_CONTENTS = 25_000
MOST_KINDS = 40


def compare(pair, report, commands, seed, protocols=(2, 3), with_coverage=False):
    """As many commands in each protocol; tells how many were compared."""
    print(f"random commands: --seed {seed} --commands {commands}")
    table = table_of(pair[1])
    coverage = Coverage(table) if with_coverage else None
    for resp in protocols:
        run = Run(pair, report, seed, resp, table, coverage)
        run.run(commands // len(protocols))
        print(f"RESP{resp}: {run.compared} commands compared")
        if len(report.differences) >= MOST_KINDS:
            print("too many kinds of difference; stopping here")
            break
    if coverage is not None:
        coverage.write()


class Run:
    def __init__(self, pair, report, seed, resp, table, coverage):
        self.pair, self.report, self.resp, self.coverage = pair, report, resp, coverage
        self.generator = Generator(seed * 2 + resp, table)
        if coverage is not None:
            self.generator.sent = coverage.sent
        self.dice = random.Random(seed)
        self.where = f"random (seed {seed}, RESP{resp})"
        self.history = []
        self.compared = 0

    def run(self, commands):
        for server in self.pair:
            script.reset(server)
        until_contents = BETWEEN_CONTENTS
        sent = deque()
        self.connect()
        while (commands > 0 or sent) and len(self.report.differences) < MOST_KINDS:
            while commands > 0 and len(sent) < IN_FLIGHT and until_contents > 0:
                batch = self.generator.commands(min(BATCH, commands))
                commands -= len(batch)
                until_contents -= len(batch)
                self.link.send(batch)
                sent.append(batch)
            if not self.check(sent.popleft()):
                sent.clear()
                self.link.close()
                self.connect()
            if not sent and until_contents <= 0:
                until_contents = BETWEEN_CONTENTS
                dumps.compare_contents(*self.pair, self.report, f"after {self.compared} {self.where}")
        self.link.close()
        dumps.compare_contents(*self.pair, self.report, f"at the end of {self.where}")

    def connect(self):
        self.link = Link(*self.pair, self.resp)
        self.transactions = Transactions()

    def check(self, batch):
        """False where a reply did not come."""
        for command, ours, redis in self.link.replies(batch):
            self.compared += 1
            for part in self.transactions.answered(command, ours, redis):
                self.compare(*part)
            self.history.append(command)
            if ours in LOST or redis in LOST:
                return False
        del self.history[:-400]
        return True

    def compare(self, command, ours, redis):
        if self.coverage is not None:
            self.coverage.count(command, redis)
        if ours == redis != NO_REPLY:
            self.report.compared += 1
        else:
            self.report.check(self.where, command, ours, redis, lambda: related(self.history, command))


LOST = (NO_REPLY, CLOSED)


def related(history, command):
    """The last commands that named one of this command's words: mostly its keys."""
    words = {arg for arg in command[1:3] if len(arg) > 0}
    return [old for old in history if words & set(old[1:3])][-6:]
