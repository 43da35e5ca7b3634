#!/usr/bin/python3
"""Compares Redan with Debian's redis-server 7.0.15, reply by reply.

    run.py                      hand-written sequences, then 100 000 random commands, in both protocols
    run.py sequences [NAME]     only the sequences (files whose name holds NAME)
    run.py random --commands 5000000 --seed 7
    run.py random --coverage    tells which commands and edge values it drew, and the holes
    run.py events --seed 7      keyspace notifications of random commands
    run.py invalidations        client-side caching: keys that random commands make invalid
    run.py replicated --seed 7  replicas of both kinds beside their primaries after random commands
    run.py users --seed 7       ACL users: random rules, and what they allow
    run.py metadata             COMMAND INFO, DOCS, GETKEYS and INFO's fields
    run.py cluster              CLUSTER's verbs and redirects, on three nodes of each
"""

import argparse
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from harness.binaries import oracle, subject  # noqa: E402
from harness.processes import Lab  # noqa: E402

import cluster  # noqa: E402
import events  # noqa: E402
import invalidations  # noqa: E402
import metadata  # noqa: E402
import random_run  # noqa: E402
import replicated  # noqa: E402
import script  # noqa: E402
import users  # noqa: E402
from pair import Report  # noqa: E402


def run_sequences(pair, report, wanted=""):
    runner = script.Runner(*pair, report)
    count = 0
    for path in sorted((HERE / "sequences").glob("*.redis")):
        if wanted not in path.name:
            continue
        for sequence in script.read_file(path):
            for resp in sorted(sequence.only):
                runner.run(sequence, resp)
                count += 1
    if count == 0:
        raise SystemExit(f"no sequence file has {wanted!r} in its name")
    print(f"{count} sequences run")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", default="all",
                        choices=["all", "sequences", "random", "events", "invalidations", "replicated", "users", "metadata",
                                 "cluster"])
    parser.add_argument("name", nargs="?", default="", help="part of a sequence file's name")
    parser.add_argument("--commands", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--protocol", type=int, choices=[2, 3], action="append", help="only this RESP version")
    parser.add_argument("--coverage", action="store_true")
    options = parser.parse_args()

    report = Report()
    lab = Lab("conformance")
    started = time.monotonic()
    try:
        pair = [lab.server(name, build, databases=16) for name, build in
                (("subject", subject()), ("oracle", oracle()))]
        if options.part in ("all", "sequences"):
            run_sequences(pair, report, options.name)
        if options.part in ("all", "random"):
            random_run.compare(pair, report, options.commands, options.seed, options.protocol or (2, 3), options.coverage)
        if options.part in ("all", "events"):
            events.compare(*pair, report, options.commands // 5, options.seed)
        if options.part in ("all", "invalidations"):
            invalidations.compare(*pair, report, options.commands // 10, options.seed)
        if options.part in ("all", "replicated"):
            replicated.compare(lab, pair, report, options.commands // 5, options.seed)
        if options.part in ("all", "users"):
            users.compare(*pair, report, options.commands // 100, options.seed)
        if options.part in ("all", "metadata"):
            metadata.compare(*pair, report)
        if options.part in ("all", "cluster"):
            cluster.compare(lab, subject(), oracle(), report)
        for server in pair:
            if not server.running():
                print(f"{server.build.name} died:\n{server.log_tail()}")
                return 1
        report.write()
    except Exception:
        lab.show_logs()
        report.write()
        raise
    finally:
        lab.close()
    print(f"{time.monotonic() - started:.1f} s")
    return 1 if report.failed() else 0


if __name__ == "__main__":
    sys.exit(main())
