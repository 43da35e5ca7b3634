#!/usr/bin/env python3
"""Rules of the source tree that a compiler does not know. Each is a subcommand; --root names the
tree, so that selfcheck_test.py can show each rule a tree that breaks it.

  layers    includes point down the lines of layers.txt
  pure      pure folders have no clock, randomness, threads, files or sockets
  headers   every header compiles alone (through ccache where there is one)
  format    clang-format has nothing to say
  readmes   every folder of code has a README.md
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

CODE_FOLDERS = ("common", "server", "sentinel", "clusterctl")
FORMATTED = CODE_FOLDERS + ("tests",)
SKIPPED = {"build", ".git", "node_modules"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
HEAVY = re.compile(r"^(boost/asio|boost/beast|grpc|google/protobuf)|\.pb\.h$")

# What a pure folder may not include, and may not call. Time as a value (std::chrono durations,
# common/base/time.h) is fine; asking what time it is is not.
IMPURE_HEADERS = re.compile(
    r"^(thread|mutex|shared_mutex|condition_variable|future|stop_token|random|fstream|iostream|"
    r"filesystem|ctime|time\.h|fcntl\.h|unistd\.h|dirent\.h|poll\.h|netdb\.h|signal\.h|csignal|"
    r"pthread\.h|semaphore|barrier|latch|sys/.*|netinet/.*|arpa/.*|linux/.*|"
    r"boost/asio.*|spdlog/.*|grpc.*|common/base/clock\.h|common/net/.*|common/rpc/.*)$")
IMPURE_CALLS = re.compile(
    r"\b(system_clock|steady_clock|high_resolution_clock|random_device|mt19937|clock_gettime|"
    r"gettimeofday|nanosleep|usleep|sleep_for|sleep_until|"
    r"getrandom|fopen|fprintf|printf|getenv|localtime|gmtime|std::cout|std::cerr|std::async|"
    r"std::j?thread|std::mutex)\b"
    r"|(?<![\w.>:])::(open|read|write|socket|send|recv|fork|time|rand|close|rename|unlink)\s*\("
    r"|(?<![\w.>:])(rand|srand|time)\s*\(\s*(nullptr|NULL|0|\))")


class Layers:
    """layers.txt: the rank of each folder (0 is the highest), which are pure, and exceptions."""

    def __init__(self, path):
        self.rank, self.pure, self.heavy, self.exceptions = {}, set(), set(), set()
        rank = 0
        for number, line in enumerate(path.read_text().splitlines(), 1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            kind, rest = line.split(None, 1)
            if kind == "layer":
                folders, _, mark = rest.partition(":")
                for folder in folders.split():
                    self.rank[folder] = rank
                    if mark.strip() == "pure":
                        self.pure.add(folder)
                rank += 1
            elif kind == "heavy":
                self.heavy.update(rest.split())
            elif kind == "except":
                self.exceptions.add(rest.split()[0])
            else:
                raise SystemExit(f"{path}:{number}: '{kind}' is not layer, heavy or except")


def files_below(root, folders, suffixes):
    for folder in folders:
        for place, below, names in os.walk(root / folder):
            below[:] = sorted(name for name in below if name not in SKIPPED)
            for name in sorted(names):
                if name.endswith(suffixes):
                    yield pathlib.Path(place, name).relative_to(root)


def without_comments(text):
    """The code with comments blanked and texts emptied; line numbers stay."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)

    def blank(match):
        found = match.group(0)
        return '""' if found[0] in "\"'" else "\n" * found.count("\n")

    return pattern.sub(blank, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def check_layers(root, layers):
    faults = []
    for path in files_below(root, CODE_FOLDERS, (".h", ".cc")):
        folder = str(path.parent)
        if folder not in layers.rank:
            faults.append(f"{path}: folder {folder} has no line in layers.txt")
            continue
        text = (root / path).read_text()
        for match in INCLUDE.finditer(text):
            quote, target = match.groups()
            where = f"{path}:{line_of(text, match.start())}"
            if HEAVY.search(target) and folder not in layers.heavy:
                faults.append(f"{where}: <{target}> is too heavy for {folder}")
            if quote != '"':
                continue
            below = str(pathlib.PurePosixPath(target).parent)
            if below == folder or target.endswith(".pb.h"):
                continue
            if below not in layers.rank:
                faults.append(f'{where}: "{target}" lies in no layer')
            elif layers.rank[below] <= layers.rank[folder]:
                faults.append(f'{where}: "{target}" does not lie below {folder}')
    return faults


def check_pure(root, layers):
    faults = []
    for path in files_below(root, sorted(layers.pure), (".h", ".cc")):
        if str(path.parent) not in layers.pure or str(path) in layers.exceptions:
            continue
        text = (root / path).read_text()
        for match in INCLUDE.finditer(text):
            if IMPURE_HEADERS.match(match.group(2)):
                faults.append(f"{path}:{line_of(text, match.start())}: a pure folder includes "
                              f"{match.group(2)}")
        code = without_comments(text)
        for match in IMPURE_CALLS.finditer(code):
            faults.append(f"{path}:{line_of(code, match.start())}: a pure folder uses "
                          f"{match.group(0).strip()}")
    return faults


def compile_alone(root, header, compiler, flags, place):
    stub = place / (str(header).replace("/", "_") + ".cc")
    stub.write_text(f'#include "{header}"\n')
    ccache = shutil.which("ccache")
    command = ([ccache] if ccache else []) + [
        compiler, *flags, "-I", str(root), "-c", stub.name, "-o", stub.name + ".o"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False,
                          env={**os.environ, "CCACHE_BASEDIR": str(root), "CCACHE_NOHASHDIR": "1"})
    if done.returncode == 0:
        return None
    first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[:300])
    return f"{header} does not compile alone: {first}"


def check_headers(root, compiler, flags, jobs):
    headers = [path for path in files_below(root, CODE_FOLDERS, (".h",))]
    place = pathlib.Path(tempfile.mkdtemp(prefix="redan-headers-"))
    try:
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            found = pool.map(
                lambda header: compile_alone(root, header, compiler, flags, place), headers)
            return [fault for fault in found if fault]
    finally:
        shutil.rmtree(place)


def check_format(root, formatter):
    sources = [str(path) for path in files_below(root, FORMATTED, (".h", ".cc"))]
    faults = []
    for start in range(0, len(sources), 50):
        done = subprocess.run([formatter, "--dry-run", "-Werror", *sources[start:start + 50]],
                              cwd=root, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            faults += sorted({line.split(":")[0] + " is not formatted (clang-format -i)"
                              for line in done.stderr.splitlines() if "error:" in line}
                             or {done.stderr})
    return faults


def check_readmes(root):
    faults = []
    folders = sorted({path.parent for path in files_below(root, CODE_FOLDERS, (".h", ".cc"))})
    for folder in folders:
        readme = root / folder / "README.md"
        if not readme.exists():
            faults.append(f"{folder} has no README.md (purpose, reading order, invariants)")
    return faults


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rule", choices=["layers", "pure", "headers", "format", "readmes"])
    here = pathlib.Path(__file__).resolve().parent
    parser.add_argument("--root", type=pathlib.Path, default=here.parent.parent)
    parser.add_argument("--layers", type=pathlib.Path, default=here / "layers.txt")
    parser.add_argument("--compiler", default="c++")
    parser.add_argument("--flags", default="-std=c++20 -Wall -Wextra -Werror")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--formatter", default="clang-format")
    options = parser.parse_args(argv)
    layers = Layers(options.layers)
    if options.rule == "layers":
        faults = check_layers(options.root, layers)
    elif options.rule == "pure":
        faults = check_pure(options.root, layers)
    elif options.rule == "headers":
        faults = check_headers(options.root, options.compiler, options.flags.split(), options.jobs)
    elif options.rule == "format":
        faults = check_format(options.root, options.formatter)
    else:
        faults = check_readmes(options.root)
    for fault in faults:
        print(fault)
    print(f"{options.rule}: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
