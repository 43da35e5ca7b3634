"""Which commands on data a random run made and how they ended, and which edge values it drew: what is missing is a hole."""

from collections import Counter

import generate_table

NEVER_FAIL = {"DBSIZE"}


class Coverage:
    def __init__(self, table):
        self.table = table
        self.calls = {b" ".join(name).decode() for name, _, _ in table.calls} | set(generate_table.LEFT_OUT)
        self.containers = {call.split(" ")[0] for call in self.calls if " " in call}
        self.succeeded, self.failed, self.drawn = Counter(), Counter(), Counter()

    def count(self, command, reply):
        name = command[0].upper().decode("latin-1")
        if name in self.containers and len(command) > 1:
            name += " " + command[1].upper().decode("latin-1")
        (self.failed if reply[:1] == b"-" else self.succeeded)[name] += 1

    def holes(self):
        """Commands that never succeeded or never failed, and edge values that an argument never had."""
        found = [f"{call} never {what}" for call in sorted(self.calls - set(generate_table.LEFT_OUT))
                 for counts, what in ((self.succeeded, "succeeded"), (self.failed, "failed")) if counts[call] == 0]
        for call, argument, edges in generate_table.edges_wanted(self.table):
            missing = [edge for edge in edges if not self.drawn[call, argument, edge]]
            if missing:
                found.append(f"{call}: {argument} was never {b', '.join(missing)!r}")
        return found

    def write(self):
        print(f"{'command':<24}{'succeeded':>10}{'failed':>10}")
        for call in sorted(self.calls):
            why = generate_table.LEFT_OUT.get(call)
            print(f"{call:<24}{self.succeeded[call]:>10}{self.failed[call]:>10}" + (f"  {why}" if why else ""))
        others = sum(self.succeeded.values()) + sum(self.failed.values()) - \
            sum(self.succeeded[call] + self.failed[call] for call in self.calls)
        print(f"{others} calls of other commands, or of none")
        for hole in self.holes():
            print(f"hole: {hole}")
