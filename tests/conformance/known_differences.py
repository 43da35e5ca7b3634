"""Where Redan answers otherwise than redis-server 7.0.15 on purpose, each with its reason.

Redan follows Redis 7.2; the oracle that Debian 12 has is 7.0.15. A difference belongs here only
when 7.2 itself answers as we do, or when a README of ours promises the deviation.
"""

from dataclasses import dataclass
from typing import Callable

from rules import words


@dataclass(frozen=True)
class Known:
    name: str
    reason: str
    applies: Callable  # (words, subject, oracle) -> bool

    def covers(self, command, subject, oracle):
        return bool(self.applies(words(command), subject, oracle))


def _newer(*start):
    """A verb of 7.2 that 7.0.15 refuses as unknown."""
    def applies(upper, subject, oracle):
        return (tuple(upper[:len(start)]) == start and
                (b"unknown command" in oracle or b"unknown subcommand" in oracle or
                 b"Unknown" in oracle))
    return applies


KNOWN = [
    Known("client-setinfo", "CLIENT SETINFO came with 7.2", _newer("CLIENT", "SETINFO")),
    Known("client-no-touch", "CLIENT NO-TOUCH came with 7.2", _newer("CLIENT", "NO-TOUCH")),
    Known("waitaof", "WAITAOF came with 7.2", _newer("WAITAOF")),
]


def reason(name):
    return next(known.reason for known in KNOWN if known.name == name)
