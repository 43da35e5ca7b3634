"""Which programs a test runs: ours (the subject) and Debian's redis-server 7.0.15 (the oracle).

REDAN_BIN names the folder with the subject's programs; without it, build/release/bin. A folder
that holds no redan-server but a redis-server (as /usr/bin does) makes the stock server the
subject, which is how the tests themselves are tested.
"""

import functools
import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Build:
    name: str
    server: Path
    sentinel: Path
    check_rdb: Path

    @property
    def is_stock(self):
        return self.name == "redis"

    @property
    def is_sanitized(self):
        """Built with AddressSanitizer or ThreadSanitizer: its memory says nothing."""
        return _calls_sanitizer(self.server)


@functools.lru_cache(maxsize=None)
def _calls_sanitizer(program):
    code = program.read_bytes()
    return b"__asan_init" in code or b"__tsan_init" in code


def build_in(folder):
    folder = Path(folder)
    if (folder / "redan-server").exists():
        return Build("redan", folder / "redan-server", folder / "redan-sentinel",
                     folder / "redis-check-rdb")
    if (folder / "redis-server").exists():
        return Build("redis", folder / "redis-server", folder / "redis-sentinel",
                     folder / "redis-check-rdb")
    raise SystemExit(f"no redan-server in {folder}: build it first (cmake --preset release && "
                     f"cmake --build --preset release) or name its folder in REDAN_BIN")


def subject_folder():
    return Path(os.environ.get("REDAN_BIN", REPOSITORY / "build" / "release" / "bin"))


def subject():
    return build_in(subject_folder())


def clusterctl():
    """Our operator's tool; there is no stock one, so a stock subject is looked after by ours, too."""
    folder = subject_folder()
    return (folder if (folder / "clusterctl").exists() else REPOSITORY / "build" / "release" / "bin") / "clusterctl"


def oracle():
    return build_in(os.environ.get("REDIS_STOCK_BIN", "/usr/bin"))
