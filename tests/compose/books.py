"""The books of a drill: what was acknowledged, what of it is lost, and whether that was permitted.

Judged are facts and their order, never durations, so a slow machine breaks no promise.
"""

import json
from dataclasses import dataclass

from harness.resp import Client


@dataclass(frozen=True)
class Write:
    number: int  # of the writer
    sequence: int
    began: float
    ended: float
    host: str  # who acknowledged it
    replicas: int  # how many had it, as WAIT said; 0 when nobody asked

    @property
    def key(self):
        return f"w{self.number}:{self.sequence}"


class Books:
    def __init__(self, path, name_of):
        record = json.loads(path.read_text())
        self.attempted = record["attempted"]
        self.troubles = record.get("troubles", {})
        self.redirects = record.get("redirects", {})
        self.acknowledged = [Write(number, sequence, began, ended, name_of(host), replicas)
                             for number, sequence, began, ended, host, replicas in record["acknowledged"]]
        self.lost = []

    def compare_with(self, address):
        """Asks a primary for every acknowledged write."""
        with Client(address, timeout=20) as client:
            self.compare(lambda keys: client.call("MGET", *keys))

    def compare(self, read):
        """read(keys) returns their values, which have to be what was written."""
        for start in range(0, len(self.acknowledged), 1000):
            part = self.acknowledged[start:start + 1000]
            values = read([write.key for write in part])
            self.lost += [write for write, value in zip(part, values) if value != b"%d" % write.sequence]

    def gap_after(self, harm):
        """The longest silence that begins after the harm, or holds it."""
        times = sorted(write.ended for write in self.acknowledged)
        late = [when for when in times if when >= harm]
        before = max(when for when in times if when < harm)
        return max(b - a for a, b in zip([before, *late], late))

    def first_of(self, host, harm):
        """How long after the harm the first write was acknowledged by a host that had none of them before."""
        return min((write.ended - harm for write in self.acknowledged if write.host == host and write.began > harm),
                   default=None)

    def window_after(self, harm):
        """How long after the harm the last lost write was acknowledged; 0 when none is lost."""
        return max((write.ended - harm for write in self.lost), default=0.0)

    def held_by(self, replicas):
        """Acknowledged writes that WAIT found on so many replicas."""
        return [write for write in self.acknowledged if write.replicas >= replicas]

    def breaches(self, nothing_lost, old_primary, harm, end, replicas):
        """Broken promises, as sentences.

        Always: what all `replicas` had is not lost, nor what anybody but the old primary acknowledged.
        nothing_lost: no acknowledged write is. Otherwise a lost one was under way between harm and end.
        """
        found = []
        if not any(write.ended < harm for write in self.held_by(replicas)):
            found.append("no write was on every replica before the harm, so nothing was tested")
        for write in self.lost:
            what = (f"{write.key} is lost: acknowledged by {write.host} {write.ended - harm:.3f} s after the harm "
                    f"({write.replicas} replicas had it)")
            if write.replicas >= replicas:
                found.append(f"{what}, though every replica had it")
            elif write.host != old_primary:
                found.append(f"{what}, though {old_primary} was the primary that failed")
            elif nothing_lost:
                found.append(what)
            elif write.ended < harm:
                found.append(f"{what}, before anything was broken")
            elif write.began > end:
                found.append(f"{what}, when it had to refuse it")
        return found
