#!/usr/bin/python3
"""INFO beside redis-server 7.0.15 after the same work: names, their order, and what is counted at all."""

import re
import unittest

from stories import HOST, ORACLE, SUBJECT, Story, eventually

# Fields that only one has, with the reason. Redis 7.2 is what we speak; 7.0.15 is what we can ask.
ONLY_OURS = {
    "redan_version": "who we are, beside redis_version",
    "pubsub_clients": "7.2", "total_blocking_keys": "7.2", "total_blocking_keys_on_nokey": "7.2",
    "pubsubshard_channels": "7.2", "total_active_defrag_time": "7.2", "current_active_defrag_time": "7.2",
    "evicted_scripts": "7.4, 0", "io_threads_active": "0 until there are I/O threads",
    "client_query_buffer_limit_disconnections": "7.2", "client_output_buffer_limit_disconnections": "7.2",
    "instantaneous_input_repl_kbps": "7.2", "instantaneous_output_repl_kbps": "7.2", "eventloop_cycles": "7.2",
    "aof_rewrites": "7.2", "aof_rewrites_consecutive_failures": "7.4, 0", "rdb_saves": "7.2",
    "replicas_waiting_psync": "7.2.x", "master_current_sync_attempts": "7.4", "master_total_sync_attempts": "7.4",
    "total_disconnect_time_sec": "7.4", "master_link_up_since_seconds": "7.4", "acl_access_denied_auth": "7.2",
    "expired_subkeys": "7.4", "acl_access_denied_cmd": "7.2", "acl_access_denied_key": "7.2", "acl_access_denied_channel": "7.2",
}
ONLY_REDIS = {}

# Numbers that are zero here and not there, or the other way round, and why that is right.
LUA = "there are no scripts or functions yet"
FORK = "nothing forks"
BUFFERS = "a client's buffers are borrowed for a batch; between batches it has none"
ZERO_HERE = {
    **dict.fromkeys("used_memory_lua used_memory_lua_human used_memory_vm_eval used_memory_vm_functions used_memory_vm_total "
                    "used_memory_vm_total_human used_memory_functions used_memory_scripts used_memory_scripts_human "
                    "used_memory_scripts_eval".split(), LUA),
    "latest_fork_usec": FORK, "total_forks": FORK, "rdb_last_cow_size": FORK, "current_cow_peak": FORK,
    "client_recent_max_input_buffer": BUFFERS, "client_recent_max_output_buffer": BUFFERS,
    "reply_buffer_shrinks": BUFFERS, "reply_buffer_expands": BUFFERS,
}
ZERO_THERE = {
    "mem_clients_slaves": "the session counts too, not only what waits for it",
    "rdb_last_cow_size": "what waited in the snapshot's queue",
}
# A transaction of one write is streamed in MULTI and EXEC here, without them by Redis 7.
STREAMED = re.compile("cmdstat_(multi|exec)|latency_percentiles_usec_(multi|exec)")

# Depend on how fast the machine was, or are names.
TIMED = re.compile("uptime|_time_sec$|used_cpu|instantaneous|seconds|run_id|replid|perc$|percentage")

# Must be equal, not only alike: the same requests were made.
EQUAL = """expired_keys keyspace_hits keyspace_misses evicted_keys total_error_replies unexpected_error_replies sync_full
sync_partial_ok sync_partial_err pubsub_channels pubsub_patterns connected_slaves rdb_changes_since_last_save
rdb_last_bgsave_status rdb_last_load_keys_expired rdb_last_load_keys_loaded role master_failover_state blocked_clients
maxmemory maxmemory_policy tracking_clients rejected_connections loading async_loading aof_enabled cluster_enabled
arch_bits redis_mode configured_hz hz maxclients""".split()


def sections(text):
    """Section name to its lines as (name, value), in order."""
    found = {}
    for line in text.splitlines():
        if line.startswith("# "):
            fields = found.setdefault(line[2:], [])
        elif ":" in line:
            fields.append(tuple(line.split(":", 1)))
    return found


def number(value):
    """The first number in a value; None where it begins otherwise."""
    match = re.match(r"-?\d+(\.\d+)?", value)
    return float(match[0]) if match else None


class Info(Story):
    maxDiff = None
    """One pair of servers of each kind, the same work for both."""

    def worked(self, build, who):
        source = self.lab.server(f"{who}-seed", build)
        with source.client() as client:
            client.pipeline([["SET", f"old:{i}", i] for i in range(300)])
            client.call("SET", "gone", 1, "PX", 1)
            client.call("DEBUG", "SLEEP", "0.05")
            client.call("SAVE")
        source.stop(), source.kill()
        source.restart(slowlog_log_slower_than=1000)
        replica = self.lab.server(f"{who}-replica", build, replicaof=[HOST, source.port])
        replica.wait_in_sync(source)
        subscriber = source.client()
        subscriber.call("SUBSCRIBE", "one", "two")
        subscriber.call("PSUBSCRIBE", "p*")
        with source.client() as client:
            client.pipeline([["SET", f"k:{i}", "v" * 50] for i in range(500)])
            client.pipeline([["GET", f"k:{i}"] for i in range(700)])
            client.pipeline([["SET", f"short:{i}", "v", "PX", 20] for i in range(200)])
            client.pipeline([["LPUSHX"], ["NOSUCH", "x"], ["INCR", "k:1"], ["GET"], ["AUTH", "a", "b"], ["SETRANGE", "x"]])
            client.pipeline([["MULTI"], ["NOSUCH"], ["EXEC"]])
            client.pipeline([["WATCH", "k:1"], ["MULTI"], ["SET", "k:1", "w"], ["EXEC"]])
            client.call("DEBUG", "SLEEP", "0.01")
            client.pipeline([["DEL", "k:2"], ["UNLINK", "k:3"], ["PUBLISH", "one", "x"], ["OBJECT", "NOSUCH"]])
            eventually(lambda: client.info("stats")["expired_keys"] == "200" or
                       client.info("stats")["expired_keys"] == "201", 20, "keys have expired")
        replica.wait_in_sync(source)
        texts = []
        for server in (source, replica):
            with server.client() as client:
                client.call("BGSAVE")
                eventually(lambda: client.info("persistence")["rdb_bgsave_in_progress"] == "0", 20, "saved")
                client.call("SET", "after", 1) if server is source else None
                texts.append(sections(client.call("INFO", "everything").decode()))
        subscriber.close()
        return texts

    @classmethod
    def setUpClass(cls):
        cls.answers = None

    def pairs(self):
        if Info.answers is None:
            ours, theirs = self.worked(SUBJECT, "ours"), self.worked(ORACLE, "theirs")
            Info.answers = list(zip(("primary", "replica"), ours, theirs))
        return Info.answers

    def test_names_and_order(self):
        complaints = []
        for who, ours, theirs in self.pairs():
            self.assertEqual([name for name in ours if name != "Modules"], [name for name in theirs if name != "Modules"])
            for section, fields in theirs.items():
                if section in ("Commandstats", "Latencystats", "Errorstats"):
                    continue
                expected = [name for name, _ in fields]
                got = [name for name, _ in ours[section]]
                complaints += [f"{who}: {section}: {name} only in Redis" for name in expected
                               if name not in got and name not in ONLY_REDIS]
                complaints += [f"{who}: {section}: {name} only ours" for name in got
                               if name not in expected and name not in ONLY_OURS]
                common = [name for name in expected if name in got]
                if common != [name for name in got if name in expected]:
                    complaints.append(f"{who}: {section}: order {[n for n in got if n in expected]} not {common}")
        self.assertEqual(complaints, [], "\n".join(complaints))

    def test_what_redis_counts_is_counted(self):
        complaints = []
        for who, ours, theirs in self.pairs():
            for section, fields in theirs.items():
                if section in ("Commandstats", "Latencystats", "Errorstats", "Keyspace"):
                    continue
                mine = dict(ours[section])
                for name, value in fields:
                    there, here = number(value), number(mine.get(name, ""))
                    if there is None or here is None or TIMED.search(name):
                        continue
                    if there != 0 and here == 0 and name not in ZERO_HERE:
                        complaints.append(f"{who}: {section}: {name} is 0, Redis {value}")
                    if there == 0 and here != 0 and name not in ZERO_THERE:
                        complaints.append(f"{who}: {section}: {name} is {mine[name]}, Redis 0")
                    if name in EQUAL and mine[name] != value:
                        complaints.append(f"{who}: {section}: {name} is {mine[name]}, Redis {value}")
        self.assertEqual(complaints, [], "\n".join(complaints))

    def test_commands_errors_latency_and_keys(self):
        for who, ours, theirs in self.pairs():
            counted = [{name: re.sub(r"usec=\d+,usec_per_call=[\d.]+", "usec", value)
                        for name, value in info["Commandstats"]
                        if not re.search("replconf|ping|info|debug|lpushx", name) and
                        not (who == "replica" and STREAMED.match(name))} for info in (ours, theirs)]
            self.assertEqual(*counted, who)
            self.assertEqual(dict(ours["Errorstats"]), dict(theirs["Errorstats"]), who)
            known = [{name for name, _ in info["Latencystats"] if not re.search("replconf|ping|lpushx", name) and
                      not (who == "replica" and STREAMED.match(name))}
                     for info in (ours, theirs)]
            self.assertEqual(*known, who)
            for _, value in ours["Latencystats"]:
                self.assertRegex(value, r"^p50=\d+\.\d{3},p99=\d+\.\d{3},p99\.9=\d+\.\d{3}$")
            keys = [[re.sub(r"avg_ttl=\d+", "", value) for _, value in info["Keyspace"]] for info in (ours, theirs)]
            self.assertEqual(*keys, who)


if __name__ == "__main__":
    unittest.main(verbosity=2)
