#!/usr/bin/env python3
"""Records replication handshakes between two redis-server 7.0.15 into transcripts.h.

A proxy stands between replica and primary and writes down who said what. Run by hand:
    ./record_transcripts.py > transcripts.h && clang-format -i transcripts.h
"""
import os, shutil, socket, subprocess, tempfile, threading, time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, *options):
        self.port = free_port()
        self.dir = tempfile.mkdtemp()
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.dir,
             "--save", "", "--repl-diskless-sync-delay", "0", *options],
            stdout=subprocess.DEVNULL)
        self.wait(lambda: self.call("PING"))

    def wait(self, condition):
        end = time.time() + 20
        while time.time() < end:
            try:
                if condition():
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise TimeoutError

    def call(self, *args):
        with socket.create_connection(("127.0.0.1", self.port)) as s:
            s.sendall(b"*%d\r\n" % len(args) + b"".join(
                b"$%d\r\n%s\r\n" % (len(a), a.encode()) for a in args))
            return s.recv(1 << 16).decode("latin1")

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir)


class Proxy:
    """Every connection to it is passed on to `target`; `log` is a list of (who, bytes)."""

    def __init__(self, target):
        self.log, self.open, self.target = [], [], target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                replica, _ = self.listener.accept()
            except OSError:
                return
            primary = socket.create_connection(("127.0.0.1", self.target))
            self.open = [replica, primary]
            for who, a, b in (("R", replica, primary), ("P", primary, replica)):
                threading.Thread(target=self.pump, args=(who, a, b), daemon=True).start()

    def pump(self, who, a, b):
        try:
            while data := a.recv(1 << 16):
                if self.log and self.log[-1][0] == who:
                    self.log[-1] = (who, self.log[-1][1] + data)
                else:
                    self.log.append((who, data))
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        for s in self.open:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def literal(data):
    out = ""
    for byte in data:
        c = chr(byte)
        out += {"\r": "\\r", "\n": "\\n", '"': '\\"', "\\": "\\\\"}.get(
            c, c if 32 <= byte < 127 else "\\%03o" % byte)
    return '"' + out.replace("?", "\\?") + '"'


def emit(name, what, log):
    print(f"// {what}")
    print(f"inline const Transcript {name} = {{")
    for who, data in log:
        print(f"    {{'{who}', std::string({literal(data)}, {len(data)})}},")
    print("};\n")


def record(name, what, primary_options, replica_options, before=None, cut=False):
    primary = Server(*primary_options)
    if before:
        before(primary)
    proxy = Proxy(primary.port)
    replica = Server(*replica_options)
    replica.call("REPLICAOF", "127.0.0.1", str(proxy.port))
    up = lambda: "master_link_status:up" in replica.call("INFO", "replication")
    if name == "kWrongPassword":
        replica.wait(lambda: len(proxy.log) >= 4)
        log = proxy.log[:4]
    else:
        replica.wait(up)
        primary.call("SET", "k", "v")
        replica.wait(lambda: replica.call("GET", "k") == "$1\r\nv\r\n")
        log = list(proxy.log)
        if cut:
            proxy.log.clear()
            proxy.cut()
            replica.wait(lambda: any(b"+CONTINUE" in d for _, d in proxy.log))
            log = list(proxy.log)
    emit(name, what, log)
    proxy.listener.close()
    replica.stop()
    primary.stop()


print("""// Recorded by record_transcripts.py from two redis-server 7.0.15: what the replica ('R') and the
// primary ('P') said to each other.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace redan {

using Transcript = std::vector<std::pair<char, std::string>>;
""")
record("kFullSyncWithEndMark", "Full sync without disk, then one write.", [], [])
record("kFullSyncFromFile", "Full sync from a file on disk.", ["--repl-diskless-sync", "no"], [])
record("kResumed", "The link was cut after a full sync and one write; the replica goes on.", [], [],
       cut=True)
record("kWithPassword", "The replica authenticates first.", [],
       ["--masteruser", "rep", "--masterauth", "secret"],
       before=lambda primary: primary.call("ACL", "SETUSER", "rep", "on", ">secret", "~*", "&*", "+@all"))
record("kWrongPassword", "The primary refuses the password.", [],
       ["--masteruser", "rep", "--masterauth", "wrong"])
print("}  // namespace redan")
