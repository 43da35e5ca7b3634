#!/usr/bin/python3
"""Runs docker-compose.yml without a container engine, and breaks it on purpose.

    run.py drill kill [crash pause cut minority guarded deaf manual | cluster-kill ... | all] [--json] [--rounds N]
    run.py up [PROFILE]  starts the services, says how to reach them, ends with Ctrl-C
    run.py check       docker-compose's own opinion of the file, and ours

Exit code 1 means that a promise was broken: no failover or a second one, no convergence, an old primary
that stays one, or a lost write that may not be lost (README.md). Times are printed, not judged.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from harness import binaries  # noqa: E402

import containers  # noqa: E402
from cluster_drills import CLUSTER_DRILLS, PEACEFUL, ClusterDrill  # noqa: E402
from drills import DRILLS, Drill  # noqa: E402
from stack import Stack, read_dockerfile, read_services  # noqa: E402


def run_drill(name, options):
    build = binaries.subject()
    kind = ClusterDrill if name in CLUSTER_DRILLS else Drill
    if name in PEACEFUL:  # Nobody dies, and on a machine that is busy nobody shall seem to.
        os.environ["REDAN_NODE_TIMEOUT_MS"] = "5000"
    stack = Stack(build, kind.profile)
    try:
        story = kind(name, stack, options.writers)
        result = {"drill": name, "build": build.name, **story.run()}
    except (AssertionError, SystemExit) as error:
        print(f"{name}: {error}\n{stack.log_tails()}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(result))
    else:
        print(kind.summary(name, build.name, result))
    if story.breaches and not build.is_stock:  # Redis promises less.
        print("\n".join([f"{name}: {len(story.breaches)} breaches", *story.breaches[:20], stack.log_tails()]),
              file=sys.stderr)
        return 1
    return 0


def drill(options):
    """Each drill gets namespaces of its own, so that one leaves nothing to the next."""
    names = [*DRILLS, *CLUSTER_DRILLS] if options.names == ["all"] else options.names
    if len(names) == 1 and options.rounds == 1:
        containers.enter()
        return run_drill(names[0], options)
    status = 0
    for _ in range(options.rounds):
        for name in names:
            command = [sys.executable, __file__, "drill", name, "--writers", str(options.writers)]
            status |= subprocess.run(command + (["--json"] if options.json else [])).returncode
    return status


def up(profile):
    containers.enter()
    stack = Stack(profile=profile)
    stack.up()
    for name in stack.services:
        print(f"{name:12} {stack.network.address(name):12} {stack.containers[name].log_path}")
    print(f"\nfrom outside: nsenter -t {os.getppid()} -a redis-cli -h {stack.network.address(next(iter(stack.services)))}\n"
          "Ctrl-C ends all of it.")
    try:
        for container in stack.containers.values():
            container.popen.wait()
    except KeyboardInterrupt:
        pass
    return 0


def check():
    top = binaries.REPOSITORY
    image = read_dockerfile(top / "deploy/Dockerfile")
    expected = {None: {"primary", "replica-1", "replica-2", "sentinel-1", "sentinel-2", "sentinel-3"},
                "cluster": {*(f"node-{number}" for number in range(1, 7)), "create-cluster"}}
    services = {}
    for profile, names in expected.items():
        chosen, volumes = read_services(top / "docker-compose.yml", profile)
        if set(chosen) != names:
            raise SystemExit(f"profile {profile or 'default'} has {sorted(chosen)}")
        services |= chosen
    for source, _ in image["files"]:
        if not (top / source).exists():
            raise SystemExit(f"deploy/Dockerfile copies {source}, which does not exist")
    for name, service in services.items():
        if service.get("restart") == "no":  # A job.
            continue
        if "healthcheck" not in service or "restart" not in service or not service.get("volumes"):
            raise SystemExit(f"{name} lacks a health check, a restart policy or a volume")
    compose = shutil.which("docker-compose")
    if compose is None:
        raise SystemExit("docker-compose is missing (apt-get install docker-compose)")
    for profile in expected:
        chosen = [] if profile is None else ["--profile", profile]
        done = subprocess.run([compose, "-f", top / "docker-compose.yml", *chosen, "config"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, cwd=top)
        if done.returncode != 0:
            print(done.stdout)
            return 1
    print(f"docker-compose accepts {len(services)} services and {len(volumes)} volumes")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    drills = parts.add_parser("drill")
    drills.add_argument("names", nargs="+", choices=[*DRILLS, *CLUSTER_DRILLS, "all"])
    drills.add_argument("--json", action="store_true")
    drills.add_argument("--writers", type=int, default=4)
    drills.add_argument("--rounds", type=int, default=1)
    parts.add_parser("up").add_argument("profile", nargs="?")
    parts.add_parser("check")
    options = parser.parse_args()
    if options.part == "drill":
        return drill(options)
    return up(options.profile) if options.part == "up" else check()


if __name__ == "__main__":
    sys.exit(main())
