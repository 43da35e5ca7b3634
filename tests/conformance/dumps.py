"""After a run both servers hold the same keys, and each can load what the other dumps."""

from harness.resp import ReplyError


def compare_contents(subject, oracle, report, where):
    """DEBUG DIGEST, then key by key: value, expiry and DUMP payload, both ways."""
    with subject.client() as mine, oracle.client() as theirs:
        report.check(where, ["DEBUG", "DIGEST"], digest(mine), digest(theirs))
        for database in range(16):
            for client in (mine, theirs):
                client.call("SELECT", database)
            keys = sorted(mine.call("KEYS", "*"))
            expected = sorted(theirs.call("KEYS", "*"))
            report.check(f"{where}, database {database}", ["KEYS", "*"], repr(keys).encode(),
                         repr(expected).encode())
            for key in sorted(set(keys) & set(expected)):
                compare_key(mine, theirs, key, report, f"{where}, database {database}")


def digest(client):
    return str(client.call("DEBUG", "DIGEST")).encode()


def compare_key(mine, theirs, key, report, where):
    facts = [["TYPE", key], ["DEBUG", "DIGEST-VALUE", key], ["OBJECT", "ENCODING", key], ["PEXPIRETIME", key]]
    for command, a, b in zip(facts, mine.pipeline(facts), theirs.pipeline(facts)):
        # Relative expiries were set a moment apart.
        if command[0] == "PEXPIRETIME" and min(a, b) > 0 and abs(a - b) < 60_000:
            continue
        report.check(where, command, repr(a).encode(), repr(b).encode())
    ours, redis = (client.pipeline([["DUMP", key]])[0] for client in (mine, theirs))
    if ours == redis:
        report.compared += 1
        return
    # LZF leaves a compressor choices: other bytes are right when they mean the same over there.
    for name, payload, target in (("redan's DUMP in redis", ours, theirs),
                                  ("redis' DUMP in redan", redis, mine)):
        report.check(f"{where}, {name}", ["RESTORE", key], restored(target, key, payload),
                     without_deadline(target, key))


def without_deadline(client, key):
    """The digest of a key's value, whether it expires or not."""
    copy = b"copied:" + key
    outcome = client.pipeline([["COPY", key, copy, "REPLACE"], ["PERSIST", copy],
                               ["DEBUG", "DIGEST-VALUE", copy], ["DEL", copy]])
    return repr(outcome[2]).encode()


def restored(client, key, payload):
    """What a payload holds once it is loaded under another name."""
    copy = b"restored:" + key
    outcome = client.pipeline([["RESTORE", copy, 0, payload, "REPLACE"], ["DEBUG", "DIGEST-VALUE", copy],
                               ["DEL", copy]])
    if isinstance(outcome[0], ReplyError):
        return str(outcome[0]).encode()
    return repr(outcome[1]).encode()
