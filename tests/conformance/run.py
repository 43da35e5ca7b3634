#!/usr/bin/python3
"""Compares Redan with Debian's redis-server 7.0.15, reply by reply.

    run.py                      hand-written sequences, then 100 000 random commands, in both protocols
    run.py sequences [NAME]     only the sequences (files whose name holds NAME)
    run.py random --commands 5000000 --seed 7
    run.py events --seed 7      keyspace notifications of random commands
    run.py replicated --seed 7  replicas of both kinds beside their primaries after random commands
    run.py metadata             COMMAND INFO, DOCS, GETKEYS and INFO's fields
    run.py cluster              CLUSTER's verbs and redirects, on three nodes of each
"""

import argparse
import random
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from harness.binaries import oracle, subject  # noqa: E402
from harness.processes import Lab  # noqa: E402

import cluster  # noqa: E402
import dumps  # noqa: E402
import events  # noqa: E402
import metadata  # noqa: E402
import replicated  # noqa: E402
import script  # noqa: E402
from generate import Generator  # noqa: E402
from pair import CLOSED, NO_REPLY, Link, Report  # noqa: E402

BATCH = 250


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


def run_random(pair, report, commands, seed):
    """Half of the commands in each protocol; the contents are compared as it goes."""
    print(f"random commands: --seed {seed} --commands {commands}")
    for resp in (2, 3):
        for server in pair:
            script.reset(server)
        generator = Generator(seed * 2 + resp)
        left = commands // 2
        link = Link(*pair, resp)
        history = []
        while left > 0:
            batch = generator.commands(min(BATCH, left))
            left -= len(batch)
            for command, ours, redis in link.batch(batch):
                where = f"random (seed {seed}, RESP{resp})"
                if not report.check(where, command, ours, redis, related(history, command)):
                    if NO_REPLY in (ours, redis) or CLOSED in (ours, redis):
                        link.close()
                        link = Link(*pair, resp)
                history.append(command)
            del history[:-400]
            if len(report.differences) >= 40:
                print("too many kinds of difference; stopping here")
                return
            if random.Random(left).random() < 0.05:
                digests = [dumps.digest(client) for client in link.clients]
                if not report.check(f"random (seed {seed}, RESP{resp})", ["DEBUG", "DIGEST"], *digests,
                                    history[-8:]):
                    return
        link.close()
        dumps.compare_contents(*pair, report, f"after random (seed {seed}, RESP{resp})")


def related(history, command):
    """The last commands that named one of this command's words: mostly its keys."""
    words = {arg for arg in command[1:3] if len(arg) > 0}
    return [old for old in history if words & set(old[1:3])][-6:]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", default="all",
                        choices=["all", "sequences", "random", "events", "replicated", "metadata", "cluster"])
    parser.add_argument("name", nargs="?", default="", help="part of a sequence file's name")
    parser.add_argument("--commands", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=2)
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
            run_random(pair, report, options.commands, options.seed)
        if options.part in ("all", "events"):
            events.compare(*pair, report, options.commands // 5, options.seed)
        if options.part in ("all", "replicated"):
            replicated.compare(lab, subject(), oracle(), report, options.commands // 5, options.seed)
        if options.part in ("all", "metadata"):
            metadata.compare(*pair, report)
        if options.part in ("all", "cluster"):
            cluster.compare(lab, subject(), oracle(), report)
        for server in pair:
            if not server.running():
                print(f"{server.build.name} died:\n{server.log_tail()}")
                return 1
    except Exception:
        lab.show_logs()
        report.write()
        raise
    finally:
        lab.close()
    report.write()
    print(f"{time.monotonic() - started:.1f} s")
    return 1 if report.failed() else 0


if __name__ == "__main__":
    sys.exit(main())
