#!/usr/bin/python3
"""The ratios of `run.py sizes --json FILE` as one table, a line for each command: sizes_table.py FILE > sizes.md"""

import json
import re
import statistics
import sys

SIZES = ("10", "1000", "1000000")
TITLES = ("10", "1 000", "1 000 000")


def main():
    ratios = {}
    for row in json.load(open(sys.argv[1], encoding="utf-8")):
        command, size = re.fullmatch(r"(.*) at (\d+): CPU us", row["figure"]).groups()
        ratios.setdefault(command, {})[size] = row["ratio"]
    print("# Every command beside redis-server 7.0.15\n")
    print("CPU of Redan divided by CPU of Redis, medians, at three sizes of the collection (`run.py sizes`).\n")
    for size, title in zip(SIZES, TITLES):
        column = [by_size[size] for by_size in ratios.values() if by_size.get(size) is not None]
        above = sum(1 for ratio in column if ratio > 1)
        print(f"- {title} elements: median {statistics.median(column):.2f}, {above} of {len(column)} above 1.00")
    print(f"\n| command | {' | '.join(TITLES)} |\n|---|--:|--:|--:|")
    for command, by_size in ratios.items():
        cells = (by_size.get(size) for size in SIZES)
        print(f"| `{command}` | " + " | ".join("" if ratio is None else f"{ratio:.2f}" for ratio in cells) + " |")


if __name__ == "__main__":
    main()
