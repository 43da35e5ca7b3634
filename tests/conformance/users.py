"""ACL users: random rules make the same users, and random commands are allowed or refused alike.

Two things are 7.2's, and are made equal before they are compared:
- what a refusal says: 7.0 does not name the user, and 7.2 does not tell a client which of its words it was;
- how rules about commands are shown: 7.0 makes them up from what is allowed, 7.2 keeps what was said. Redis is given
  our line and has to show the same user for it as for the rules that made it.
"""

import random
import re

import script
from generate import KEYS, Generator
from generate_table import table_of
from harness.resp import Client, ReplyError

CATEGORIES = [b"keyspace", b"read", b"write", b"set", b"sortedset", b"list", b"hash", b"string", b"bitmap", b"hyperloglog",
              b"geo", b"stream", b"pubsub", b"admin", b"fast", b"slow", b"blocking", b"dangerous", b"connection",
              b"transaction"]
KEY_PATTERNS = [b"*", b"a", b"b", b"k*", b"k[12]", b"?", b"*:*", b"hll:*", b"counter", b"", b"l*", b"z*", b"[^a]*", b"\\a"]
CHANNELS = [b"*", b"a", b"b*", b"news", b"n?ws", b"", b"[ab]"]
CHANNEL_NAMES = [b"a", b"b", b"bc", b"b*", b"news", b"n?ws", b"x", b""]
PLAIN_KEYS = [key for key in KEYS if key and b"\0" not in key]
SIMPLE = [b"on", b"off", b"nopass", b"resetpass", b"sanitize-payload", b"skip-sanitize-payload", b"allkeys", b"resetkeys",
          b"allchannels", b"resetchannels", b"allcommands", b"nocommands", b"clearselectors", b"reset", b"", b"On", b"ALLKEYS"]
HASH = b"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
PASSWORDS = [b">a", b">b", b"<a", b"<b", b"#" + HASH, b"!" + HASH, b"#" + HASH[1:], b"#" + HASH.upper(), b">"]
NONSENSE = [b"x", b")", b"+", b"-", b"+@", b"-@nosuch", b"+nosuch", b"+get|", b"+config|nosuch", b"-select|0", b"%~a", b"%X~a",
            b"%RR~a", b"~a b", b"&a b", b"+config|get|x", b"(on)", b"(+get (x))", b"%", b"+ get", b"+@all "]


class Rules:
    def __init__(self, dice, names):
        self.dice, self.names = dice, names

    def of_commands(self):
        name = self.dice.choice(self.names)
        kind = self.dice.random()
        if kind < 0.35:
            return self.dice.choice([b"+", b"-"]) + b"@" + self.dice.choice(CATEGORIES)
        if kind < 0.45:
            return self.dice.choice([b"+@all", b"-@all", b"+@all"])
        if kind < 0.5 and b"|" not in name:
            return b"+" + name + b"|" + self.dice.choice([b"a", b"0", b"k1"])
        return self.dice.choice([b"+", b"-"]) + name

    def of_keys(self):
        return self.dice.choice([b"~", b"~", b"%R~", b"%W~", b"%RW~", b"%r~"]) + self.dice.choice(KEY_PATTERNS)

    def of_channels(self):
        return b"&" + self.dice.choice(CHANNELS)

    def of_selectors(self):
        rules = [self.dice.choice([self.of_commands, self.of_commands, self.of_keys, self.of_channels])()
                 for _ in range(self.dice.randrange(4))]
        return b"(" + b" ".join(rules) + b")"

    def one(self):
        kind = self.dice.random()
        if kind < 0.4:
            return self.of_commands()
        if kind < 0.6:
            return self.of_keys()
        if kind < 0.7:
            return self.of_channels()
        if kind < 0.8:
            return self.of_selectors()
        if kind < 0.9:
            return self.dice.choice(SIMPLE)
        return self.dice.choice(PASSWORDS if kind < 0.98 else NONSENSE)

    def some(self):
        rules = [self.one() for _ in range(self.dice.choice([0, 1, 1, 2, 3, 5, 8]))]
        if rules and self.dice.random() < 0.02:
            rules.append(b"(+get")  # It is never closed.
        return rules


def comparable(command):
    name = command[0].upper()
    return (name.isalpha() and
            name not in (b"ZRANK", b"ZREVRANK") and  # 7.2 knows WITHSCORE: 7.0 finds a word too much before it asks the rules.
            not (name == b"PFMERGE" and len(command) == 2) and  # Redis finds no key in it, and lets anybody in.
            # 7.0's words end at zero bytes, and its pattern * does not match the empty key.
            b"\0" not in b"".join(command) and b"" not in command)


def newer(value, user=b"u"):
    """7.0's refusals in the words of 7.2."""
    if isinstance(value, list):
        return [newer(part, user) for part in value]
    text = str(value).encode() if isinstance(value, ReplyError) else value
    if not isinstance(text, bytes):
        return value
    for old, new in ((b"this user has no permissions to access one of the keys used as arguments", b"No permissions to access a key"),
                     (b"this user has no permissions to access one of the channels used as arguments",
                      b"No permissions to access a channel"),
                     (b"this user has no permissions to run the '", b"User " + user + b" has no permissions to run the '"),
                     (b"This user has no permissions to ", b"User " + user + b" has no permissions to ")):
        if old in text:
            text = text.replace(old, new)
            return ReplyError(text.decode()) if isinstance(value, ReplyError) else text
    return value


class Run:
    def __init__(self, subject, oracle, report, seed, table):
        self.report, self.where = report, f"users (seed {seed})"
        self.servers = subject, oracle
        self.admins = [server.client() for server in self.servers]
        self.dice = random.Random(seed)
        self.generator = Generator(seed, table)
        known = [{text.lower() for text in admin.call("COMMAND", "LIST")} for admin in self.admins]
        self.ours = known[0]
        self.rules = Rules(self.dice, sorted((known[0] & known[1]) - {b"zrank", b"zrevrank"}))
        self.tops = [name for name in self.rules.names if b"|" not in name]

    def close(self):
        for admin in self.admins:
            admin.close()

    def check(self, command, ours, theirs, context=(), user=b"u"):
        return self.report.check(self.where, command, repr(newer(ours, user)).encode(), repr(newer(theirs, user)).encode(), context)

    def both(self, *command, context=()):
        replies = [admin.pipeline([command])[0] for admin in self.admins]
        self.check(command, *replies, context)
        return replies

    def user(self):
        """The same rules, in one or several steps; tells what was said."""
        said = []
        for admin in self.admins:
            admin.pipeline([(b"ACL", b"DELUSER", b"u", b"copy"), (b"ACL", b"SETUSER", b"u", b"reset", b"on", b"nopass")])
        for _ in range(self.dice.choice([1, 1, 2, 3])):
            command = [b"ACL", b"SETUSER", b"u", *self.rules.some()]
            said.append(command)
            self.both(*command, context=said[:-1])
        return said

    def shown(self, said):
        mine, theirs = self.admins
        ours, redis = (lists(admin.call("ACL", "GETUSER", "u")) for admin in self.admins)
        for title in (b"flags", b"passwords", b"keys", b"channels"):
            mine_too = as_redis(ours[title]) if title == b"keys" else ours[title]
            self.check(["ACL", "GETUSER", title.decode()], mine_too, redis[title], said)
        self.check(["ACL", "GETUSER", "selectors"], *([(as_redis(one[b"keys"]), one[b"channels"]) for one in map(lists, reply[b"selectors"])]
                                                      for reply in (ours, redis)), said)
        line = line_of(mine, b"u")
        theirs.call("ACL", "SETUSER", "copy", "reset", *line.split(b" ")[2:])
        self.check(["ACL", "LIST", line], *(line_of(theirs, name).split(b" ", 2)[2] for name in (b"copy", b"u")), said)
        # And the other way round: what Redis shows is that user for us too.
        mine.call("ACL", "SETUSER", "copy", "reset", *self.for_us(line_of(theirs, b"u")))

    def for_us(self, line):
        """The rules in a line of Redis', which names single commands that we may not have."""
        line = re.sub(rb"(?<=[ (])~\*(?= )", b"%RW~*", line)
        line = re.sub(rb"(?<= )[+-]([a-z][a-z_-]*)[^ )]*", lambda match: match[0] if match[1] in self.ours else b"", line)
        return line.split(b" ")[2:]

    def calls(self):
        commands = self.generator.commands(30)
        for name in self.dice.sample(self.tops, 12):
            commands.append([name, *self.dice.choices(PLAIN_KEYS + CHANNEL_NAMES, k=self.dice.randrange(1, 4))])
        for name in (b"SUBSCRIBE", b"PSUBSCRIBE", b"PUBLISH", b"SSUBSCRIBE", b"UNSUBSCRIBE", b"SPUBLISH"):
            commands.append([name, *self.dice.choices(CHANNEL_NAMES, k=2)])
        return list(filter(comparable, commands))

    def decisions(self, said):
        """What DRYRUN refuses is refused, in the same words, to a client too; and both know of it."""
        commands = self.calls()
        dry = [[b"ACL", b"DRYRUN", b"u", *command] for command in commands]
        copied = [[b"ACL", b"DRYRUN", b"copy", *command] for command in commands]
        ours, redis, copies = self.admins[0].pipeline(dry), self.admins[1].pipeline(dry), self.admins[0].pipeline(copied)
        refused = []
        for command, mine, theirs, copy in zip(commands, ours, redis, copies):
            if not self.not_understood(command, mine, theirs):
                self.check(["ACL", "DRYRUN", *command], mine, theirs, said)
            self.report.check(self.where, ["ACL", "DRYRUN", "copy", *command], repr(newer(copy, b"copy")).encode(),
                              repr(newer(mine, b"copy")).replace("User u ", "User copy ").encode(), said)
            if isinstance(mine, bytes) and b"has no permissions" in mine:
                refused.append(command)
        clients = [Client(server.address, timeout=5.0) for server in self.servers]
        for client in clients:
            client.pipeline([["AUTH", "u", "a"]])
        self.admins[0].call("ACL", "LOG", "RESET"), self.admins[1].call("ACL", "LOG", "RESET")
        if self.dice.random() < 0.3:
            refused.insert(0, [b"MULTI"])
        signed_in = [client.pipeline([["ACL", "WHOAMI"]])[0] for client in clients]
        self.check(["ACL", "WHOAMI"], *signed_in, said)
        if not isinstance(signed_in[0], ReplyError) and signed_in[0] != b"u":
            refused = []  # It could not sign in, and is the default user.
        for command, *replies in zip(refused, *(client.pipeline(refused) for client in clients)):
            self.check(command, *replies, said)
        self.check(["ACL", "LOG"], *(log_of(admin) for admin in self.admins), said)
        for client in clients:
            client.close()

    def transaction(self, said):
        """Rules that change between MULTI and EXEC."""
        clients = [Client(server.address, timeout=5.0) for server in self.servers]
        start = [["ACL", "SETUSER", "t", "reset", "on", "nopass", "+@all", "allkeys", "allchannels"]]
        for admin, client in zip(self.admins, clients):
            admin.pipeline(start), client.pipeline([["AUTH", "t", "x"], ["MULTI"]])
        queue = [command for command in self.calls() if command[0].upper() in (
            b"GET", b"SET", b"MGET", b"APPEND", b"STRLEN", b"LPUSH", b"LLEN", b"PUBLISH", b"EXISTS", b"DEL", b"TYPE", b"SADD")]
        for command, *replies in zip(queue, *(client.pipeline(queue) for client in clients)):
            self.check(command, *replies, said)
        change = [b"ACL", b"SETUSER", b"t", b"reset", b"on", *self.rules.some()]
        if self.dice.random() < 0.9:
            change.append(b"+exec")
        self.both(*change)
        self.check(["EXEC"], *(client.pipeline([["EXEC"]])[0] for client in clients), [*queue, change], b"t")
        for admin, client in zip(self.admins, clients):
            admin.pipeline([["ACL", "DELUSER", "t"], ["FLUSHALL"]]), client.close()

    def not_understood(self, command, mine, theirs):
        """Words in which we find no keys are the handler's to refuse; Redis takes "+1" for the number of keys here, too."""
        return (mine == "OK" and isinstance(theirs, bytes) and theirs.endswith(b"' key") and
                isinstance(self.admins[0].pipeline([[b"COMMAND", b"GETKEYS", *command]])[0], ReplyError))

    def round(self):
        said = self.user()
        self.shown(said)
        self.decisions(said)
        self.transaction(said)


def as_redis(keys):
    """Redis writes a pattern * beside others so that it cannot read it back."""
    return re.sub(rb"(?<!\S)%RW~\*(?!\S)", b"~*", keys)


def lists(reply):
    return dict(zip(reply[::2], reply[1::2]))


def line_of(client, name):
    return next(line for line in client.call("ACL", "LIST") if line.startswith(b"user " + name + b" "))


def log_of(client):
    entries = [lists(entry) for entry in client.call("ACL", "LOG", "1000")]
    return [[entry[title] for title in (b"count", b"reason", b"context", b"object", b"username")] for entry in entries]


# Byte for byte the same in 7.0 and 7.2, in either protocol.
FIXED = [line.split("_") if "_" in line else line.split() for line in """
ACL
ACL NOSUCH
ACL WHOAMI
ACL WHOAMI x
ACL CAT
ACL CAT nosuch
ACL CAT a b
ACL GENPASS 0
ACL GENPASS 4097
ACL GENPASS x
ACL GENPASS 1 2
ACL GETUSER nosuch
ACL GETUSER
ACL SETUSER
ACL_SETUSER_a b
ACL SETUSER f reset on nopass ~a %R~b* &c -@all +get (+set ~x) (&y)
ACL GETUSER f
ACL LIST
ACL USERS
ACL DRYRUN nosuch GET a
ACL DRYRUN f NOSUCH a
ACL DRYRUN f GET
ACL DRYRUN f CONFIG
ACL DRYRUN f CONFIG NOSUCH
ACL DRYRUN f CONFIG GET
ACL DRYRUN f GET a
ACL DRYRUN f GET a b
ACL DRYRUN f
ACL LOAD
ACL SAVE
ACL LOG x
ACL LOG 1 2
ACL LOG RESET
ACL LOG
ACL LOG -1
ACL DELUSER default
ACL DELUSER f default
ACL DELUSER nosuch f
ACL DELUSER f
ACL DELUSER
CLIENT KILL USER nosuch
AUTH a b c
AUTH nosuch x
AUTH x
HELLO 3 AUTH nosuch x
CONFIG GET acl*
CONFIG SET acllog-max-len -1
CONFIG SET acl-pubsub-default x
CONFIG SET aclfile x
CONFIG SET user x
""".strip().splitlines()]


def compare_fixed(subject, oracle, report):
    for resp in (2, 3):
        clients = [server.client() for server in (subject, oracle)]
        for client in clients:
            client.pipeline([["HELLO", resp], ["ACL", "SETUSER", "default", "sanitize-payload"]])
        for command in FIXED:
            replies = []
            for client in clients:
                client.send(*command)
                replies.append(client.read_raw())
            report.check(f"users (RESP{resp})", command, *replies)
        for client in clients:
            client.close()


def compare(subject, oracle, report, rounds, seed):
    compare_fixed(subject, oracle, report)
    print(f"users with random rules: --seed {seed}, {rounds} rounds")
    for server in (subject, oracle):
        script.reset(server)
    run = Run(subject, oracle, report, seed, table_of(oracle))
    try:
        for _ in range(rounds):
            run.round()
            if len(report.differences) > 60:
                break
        for admin in run.admins:
            admin.call("ACL", "DELUSER", "u", "copy", "t")
    finally:
        run.close()
