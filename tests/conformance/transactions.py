"""Gives each reply in EXEC's array back to the command that it answers, so that it is compared as one of that command."""

from harness.resp import reply_end


class Transactions:
    """Follows one connection: call answered() for each command in its order."""

    def __init__(self):
        self.queued = None

    def answered(self, command, subject, oracle):
        """The (command, subject, oracle) to compare: the same, or what a transaction did."""
        name = command[0].upper() if command else b""
        if self.queued is None:
            if name == b"MULTI" and subject == oracle == b"+OK\r\n":
                self.queued = []
        elif subject == oracle == b"+QUEUED\r\n":
            self.queued.append(command)
        elif name in (b"EXEC", b"DISCARD", b"RESET"):
            queued, self.queued = self.queued, None
            if name == b"EXEC" and subject != oracle:
                ours, theirs = elements(subject), elements(oracle)
                if ours is not None and theirs is not None and len(ours) == len(theirs) == len(queued):
                    return list(zip(queued, ours, theirs))
        return [(command, subject, oracle)]


def elements(raw):
    """The raw elements of an array, None of anything else."""
    if raw[:1] != b"*":
        return None
    at = raw.index(b"\r\n") + 2
    parts = []
    while at < len(raw):
        end = reply_end(raw, at)
        parts.append(raw[at:end])
        at = end
    return parts
