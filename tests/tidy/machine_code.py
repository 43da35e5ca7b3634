#!/usr/bin/python3
"""What must be in the program and no other test can see: machine_code.py REDAN_SERVER

A prefetch has no effect but time, so that a compiler that drops it breaks nothing; g++ has done so. Each function of
LEAST must hold as many prefetches, by objdump."""

import re
import subprocess
import sys

# What is announced in each, and how many lines: a bucket, both ends of an entry, a large value.
LEAST = {
    "redan::Keyspace::prefetch(": 4,
    "redan::SlotTables::prefetch(": 3,
    "redan::LargeHash::prefetch_bucket(": 1,
    "redan::LargeHash::prefetch_matches(": 2,
    "redan::LargeSet::prefetch_bucket(": 1,
    "redan::LargeSet::prefetch_matches(": 2,
    "redan::LargeSortedSet::prefetch_bucket(": 1,
    "redan::LargeSortedSet::prefetch_matches(": 2,
}
PREFETCH = re.compile(r"\t(prefetch\w*|prfm)\b")  # of x86, of ARM


def prefetches(listing):
    """By function, as objdump -d -C names them."""
    found, name = {}, ""
    for line in listing:
        if line.endswith(">:\n"):
            name = line.partition("<")[2]
            found.setdefault(name, 0)
        elif PREFETCH.search(line):
            found[name] += 1
    return found


def main():
    with subprocess.Popen(["objdump", "-d", "-C", "--no-show-raw-insn", sys.argv[1]], stdout=subprocess.PIPE,
                          text=True) as objdump:
        found = prefetches(objdump.stdout)
    faults = 0
    for function, least in LEAST.items():
        counts = [count for name, count in found.items() if name.startswith(function)]
        if not counts or sum(counts) < least:
            faults += 1
            print(f"{function}...): {sum(counts) if counts else 'no such function, so no'} prefetches, not {least}. "
                  "common/base/prefetch.h says how they get lost.")
    print(f"machine code: {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
