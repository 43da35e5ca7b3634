#!/usr/bin/python3
"""What ThreadSanitizer says of our own code, without suppressions.

    TSAN_OPTIONS="ignore_noninstrumented_modules=1 exitcode=0 log_path=/tmp/races" PROGRAM...
    tests/harness/races.py /tmp/races.*

tests/tsan.supp leaves out every race with gRPC anywhere in a stack, and so whatever our own code does in gRPC's
callbacks (where the bus judges and answers). This leaves out only reports in which one of the two accesses is gRPC's or protobuf's, made by their own
(inlined or generated) code, or makes an object that gRPC hands on, and prints the others. Exit code 1 where there are any.
"""

import re
import sys
from pathlib import Path

HELPERS = ("std::", "__gnu_cxx::", "operator new", "operator delete", "operator()")  # Say nothing of who called them.
HELPER_FILES = ("/usr/include/c++/", "libsanitizer")
FOREIGN = re.compile(r"\b(grpc|grpc_core|google::protobuf|redan::\w+::v1)::")
# What a handler makes gRPC gives to its callbacks, but only once the handler has returned it.
HANDLER = re.compile(r"::WithCallbackMethod_\w+<")
ACCESS = re.compile(r"  (Previous |Atomic |Previous atomic )?(read|write) of size", re.IGNORECASE)


def reports(text):
    return [part for part in text.split("=" * 18 + "\n") if "WARNING: ThreadSanitizer" in part]


def accesses(report):
    """Of each access the frames, from the innermost."""
    found = []
    for section in report.split("\n\n"):
        lines = section.splitlines()
        start = next((at for at, line in enumerate(lines) if ACCESS.match(line)), None)
        if start is not None:
            found.append([line.split(None, 1)[1] for line in lines[start + 1:] if re.match(r"    #\d+ ", line)])
    return found


def is_foreign(frames):
    """Whether gRPC or protobuf makes this access: who is the first that is no helper of the language's library?"""
    if any(HANDLER.search(frame) for frame in frames):
        return True
    for frame in frames:
        if not frame.startswith(HELPERS) and not any(name in frame for name in HELPER_FILES):
            return bool(FOREIGN.search(frame.split("(")[0]))
    return True  # Nobody we know: code that is not instrumented, or a stack that was forgotten.


def ours(text):
    """The reports to look at. What is no data race (a lock's misuse, a leaked thread) is one of them."""
    return [report for report in reports(text)
            if "ThreadSanitizer: data race" not in report or not any(map(is_foreign, accesses(report)))]


OPTIONS = "ignore_noninstrumented_modules=1 exitcode=0"  # For processes.report_into(PATH, TSAN=OPTIONS).


def found(folder, prefix):
    """What the files say that report_into(folder / prefix) made."""
    return [report for path in sorted(folder.glob(f"{prefix}.*")) for report in ours(path.read_text(errors="replace"))]


def main():
    count = kept = 0
    for path in map(Path, sys.argv[1:]):
        text = path.read_text(errors="replace")
        count += len(reports(text))
        for report in ours(text):
            kept += 1
            print(f"{path}:\n{report}")
    print(f"{count} reports, {kept} of them between accesses of our own")
    sys.exit(kept > 0)


if __name__ == "__main__":
    main()
