"""Which commands on data a random run made and how they ended; which edge each argument was, with the others sensible.
What is missing is a hole."""

from collections import Counter

import generate_table


class Coverage:
    def __init__(self, table):
        self.table = table
        self.calls = {b" ".join(name).decode() for name, _, _ in table.calls} | set(generate_table.LEFT_OUT)
        self.containers = {call.split(" ")[0] for call in self.calls if " " in call}
        self.succeeded, self.failed = Counter(), Counter()
        self.sent = set()  # Pairs of an argument and one of its edges.

    def count(self, command, reply):
        name = command[0].upper().decode("latin-1")
        if name in self.containers and len(command) > 1:
            name += " " + command[1].upper().decode("latin-1")
        (self.failed if reply[:1] == b"-" else self.succeeded)[name] += 1

    def holes(self):
        """Commands that never succeeded or never failed, and edge values that an argument never had."""
        found = [f"{call} never {what}" for call in sorted(self.calls - set(generate_table.LEFT_OUT))
                 for counts, what in ((self.succeeded, "succeeded"), (self.failed, "failed")) if counts[call] == 0]
        return found

    def never_sent(self):
        """Edges by call and argument; most are what generate.hazardous() refuses."""
        found = {}
        for aim in self.table.aims:
            if aim not in self.sent:
                (name, _, _), argument, edge = aim
                where = f"{b' '.join(name).decode()} {argument.name if argument else 'with one key only'}"
                found.setdefault(where, []).append(edge[:24].decode("latin-1"))
        return found

    def write(self):
        print(f"{'command':<24}{'succeeded':>10}{'failed':>10}")
        for call in sorted(self.calls):
            why = generate_table.LEFT_OUT.get(call)
            print(f"{call:<24}{self.succeeded[call]:>10}{self.failed[call]:>10}" + (f"  {why}" if why else ""))
        others = sum(self.succeeded.values()) + sum(self.failed.values()) - \
            sum(self.succeeded[call] + self.failed[call] for call in self.calls)
        print(f"{others} calls of other commands, or of none")
        print(f"{len(self.sent)} of {len(self.table.aims)} pairs of an argument and an edge were sent; never:")
        for where, edges in sorted(self.never_sent().items()):
            print(f"    {where}: {edges}")
        for hole in self.holes():
            print(f"hole: {hole}")
