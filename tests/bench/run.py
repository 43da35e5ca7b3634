#!/usr/bin/python3
"""Redan's figures beside redis-server 7.0.15, measured in one interleaved run; medians as a Markdown table.

    run.py                        everything but the clean build, about half an hour
    run.py cpu mix --rounds 9     only these measures
    run.py --quick                a smoke test: every measure once, small, without failovers
"""

import argparse
import json
import platform
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from harness.binaries import oracle, subject  # noqa: E402

import collection_measures  # noqa: E402
from measures import BY_DEFAULT, MEASURES  # noqa: E402
from report import Report  # noqa: E402


MEASURES = {**MEASURES, **collection_measures.MEASURES}
BY_DEFAULT = BY_DEFAULT + ["collections", "million", "collections-memory"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=f"of {', '.join(MEASURES)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=100_000, help="at pipeline 1; more at 16 and 64")
    parser.add_argument("--keys", type=int, default=2_000_000)
    parser.add_argument("--idle-clients", type=int, default=10_000)
    parser.add_argument("--failovers", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", metavar="FILE", help="all samples too")
    options = parser.parse_args()
    unknown = set(options.measures) - set(MEASURES)
    if unknown:
        parser.error(f"no such measure: {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
    if options.quick:
        options.rounds = options.failovers = 1
        options.requests, options.keys, options.idle_clients = 5000, 20_000, 500

    builds = [oracle(), subject()]
    report = Report([build.name for build in builds])
    wanted = options.measures or [name for name in BY_DEFAULT if not (options.quick and name in ("failover", "cluster"))]
    for name in wanted:
        started = time.monotonic()
        MEASURES[name](report, builds, options)
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    print(f"{platform.processor() or platform.machine()}, Linux {platform.release()}, "
          f"medians of {options.rounds} rounds\n")
    print(report.markdown())
    if options.json:
        Path(options.json).write_text(json.dumps(report.data(), indent=1))
    expected = {build.name for build in builds}
    incomplete = [figure for figure, samples in report.samples.items()
                  if set(samples) - {"floor"} != expected and "clean build" not in figure]
    if incomplete:
        print(f"figures without both sides: {incomplete}", file=sys.stderr)
    return 1 if incomplete else 0


if __name__ == "__main__":
    sys.exit(main())
