#!/usr/bin/python3
"""python3-rq of Debian: queues, jobs and their registries through its library, `rq worker` and `rq info` as people run
them. Results are streams, scheduled jobs are sorted sets, commands to workers go through pub/sub.

Without Queue.empty(), and so without Queue.delete() of jobs and `rq empty`: of all rq does, these alone are scripts.
"""

import sys
import unittest
from datetime import datetime, timedelta, timezone

import redis
from rq import Queue, Retry, Worker
from rq.command import send_kill_horse_command, send_shutdown_command, send_stop_job_command
from rq.job import Job
from rq.registry import (CanceledJobRegistry, DeferredJobRegistry, FailedJobRegistry, FinishedJobRegistry,
                         ScheduledJobRegistry, StartedJobRegistry)
from rq.results import Result

from real_program import CLIENTS, RealProgram, keyspace
from stories import HOST, eventually

sys.path.insert(0, str(CLIENTS))

import rq_jobs  # noqa: E402

REGISTRIES = (CanceledJobRegistry, DeferredJobRegistry, FailedJobRegistry, FinishedJobRegistry, ScheduledJobRegistry,
              StartedJobRegistry)
MASKS = {"time": r"\d{4}-\d\d-\d\dT[\d:.]+Z", "score": r"\b1(\d{9,12}(-\d+|\.\d+)?|\.\d+e[+]9)\b",
         "address": HOST + r":\d+", "pid": r"(?<=^pid=)\d+", "seconds": r"(?<=working_time=)[\d.e-]+"}


class Site:
    """rq on one server."""

    def __init__(self, test, server):
        self.test, self.server = test, server
        self.connection = redis.Redis(HOST, server.port)
        self.high, self.low = (Queue(name, connection=self.connection) for name in ("high", "low"))

    def rq(self, verb, *words):
        return [verb, "--url", f"redis://{HOST}:{self.server.port}", "--path", str(CLIENTS), *words]

    def run(self, verb, *words):
        return self.test.run_program("/usr/bin/rq", *self.rq(verb, *words))

    def start_worker(self, name):
        command = self.rq("worker", "--name", name, "low")
        worker = self.test.program(f"{self.server.name}-{name}", "/usr/bin/rq", *command)
        self.wait_until_blocked(name)
        eventually(lambda: self.server.call("PUBSUB", "NUMSUB", f"rq:pubsub:{name}")[1] == 1, 30, f"{name} listens")
        return worker

    def worker(self, name):
        return Worker.find_by_key(f"rq:worker:{name}", connection=self.connection)

    def wait_until_blocked(self, name):
        """Idle it is already on its way there; a command that meets it then finds it in the middle of something."""
        eventually(lambda: self.server.stat("blocked_clients") == 1 and self.worker(name).get_state() == "idle", 30,
                   f"{name} waits for jobs")

    def job(self, name):
        return Job.fetch(name, connection=self.connection)

    def wait_for(self, name, status):
        eventually(lambda: self.job(name).get_status() == status, 30, f"{name} is {status}")

    def ran(self):
        return [word.decode() for word in self.connection.lrange("ran", 0, -1)]

    def registries(self, queue):
        found = {kind.__name__: sorted(kind(queue=queue).get_job_ids()) for kind in REGISTRIES}
        return {name: jobs for name, jobs in found.items() if jobs}


class Rq(RealProgram):
    def in_a_burst(self, server):
        site = Site(self, server)
        self.enqueue(site)
        self.assertEqual(site.low.job_ids, ["front", "sum", "broken", "flaky", "short", "noted", "many-1", "many-2"])
        self.assertEqual(server.call("LLEN", "rq:queue:low"), 8)
        self.assertEqual(site.registries(site.low), {
            "CanceledJobRegistry": ["cancelled"], "DeferredJobRegistry": ["after"],
            "ScheduledJobRegistry": ["late", "tomorrow"]})
        queued = keyspace(server, **MASKS)
        site.run("worker", "--burst", "--with-scheduler", "--name", "first", "high", "low")
        self.look_at_results(site)
        site.run("requeue", "--queue", "low", "--all")
        self.assertEqual(site.low.job_ids, ["broken"])
        site.run("worker", "--burst", "--name", "second", "low")
        self.assertEqual([result.type for result in site.job("broken").results()], [Result.Type.FAILED] * 2)
        self.assertEqual(site.ran()[-2:], ["broken", "broken met ValueError: as it was told"])
        left = keyspace(server, **MASKS)
        site.low.delete(delete_jobs=False)
        self.assertEqual(server.call("SMEMBERS", "rq:queues"), [b"rq:queue:high"])
        return queued, left, site.ran(), site.run("info", "--raw", "--only-queues")

    def enqueue(self, site):
        low = site.low
        low.enqueue(rq_jobs.add, 1, 2, job_id="sum", result_ttl=1000, on_success=rq_jobs.on_success)
        low.enqueue(rq_jobs.break_down, job_id="broken", failure_ttl=1000, on_failure=rq_jobs.on_failure)
        low.enqueue(rq_jobs.succeed_the_second_time, job_id="flaky", retry=Retry(max=2))
        low.enqueue(rq_jobs.add, 3, 4, job_id="after", depends_on="sum")
        low.enqueue(rq_jobs.add, 1, 1, job_id="short", result_ttl=0)
        low.enqueue(rq_jobs.annotate, "seen", job_id="noted")
        low.enqueue_many([Queue.prepare_data(rq_jobs.add, (i, i), job_id=f"many-{i}") for i in (1, 2)])
        low.enqueue(rq_jobs.add, 0, 0, job_id="front", at_front=True)
        low.enqueue(rq_jobs.add, 0, 0, job_id="cancelled").cancel()
        now = datetime.now(timezone.utc)
        low.enqueue_at(now - timedelta(hours=1), rq_jobs.add, 5, 6, job_id="late")
        low.enqueue_in(timedelta(days=1), rq_jobs.add, 7, 8, job_id="tomorrow")
        site.high.enqueue(rq_jobs.add, 9, 9, job_id="urgent")

    def look_at_results(self, site):
        self.assertEqual(site.ran(), ["urgent", "front", "sum", "sum gave 3", "broken",
                                      "broken met ValueError: as it was told", "flaky", "short", "noted", "many-1",
                                      "many-2", "late", "after", "flaky"])
        self.assertEqual(site.registries(site.low), {
            "CanceledJobRegistry": ["cancelled"], "FailedJobRegistry": ["broken"], "ScheduledJobRegistry": ["tomorrow"],
            "FinishedJobRegistry": ["after", "flaky", "front", "late", "many-1", "many-2", "noted", "sum"]})
        self.assertEqual(site.registries(site.high), {"FinishedJobRegistry": ["urgent"]})
        found = Job.fetch_many(["sum", "after", "flaky", "late", "short"], connection=site.connection)
        self.assertEqual([job and job.return_value() for job in found], [3, 7, "at last", 11, None])
        self.assertIsNone(found[-1])  # Its result was not to be kept.
        self.assertEqual(site.job("noted").meta, {"word": "seen"})
        self.assertIn("ValueError: as it was told", site.job("broken").latest_result().exc_string)
        self.assertTrue(100 < site.server.call("TTL", "rq:job:sum") <= 1000)
        self.assertTrue(100 < site.server.call("TTL", "rq:results:sum") <= 1000)
        self.assertEqual(site.server.call("XLEN", "rq:results:sum"), 1)
        self.assertEqual(site.server.call("SMEMBERS", "rq:workers"), [])

    def test_a_burst_of_jobs(self):
        self.told_twice(self.in_a_burst)

    def with_a_waiting_worker(self, server):
        site = Site(self, server)
        process = site.start_worker("patient")
        self.assertEqual([worker.name for worker in Worker.all(connection=site.connection)], ["patient"])

        site.low.enqueue(rq_jobs.add, 1, 2, job_id="woken")
        site.wait_for("woken", "finished")

        site.low.enqueue(rq_jobs.wait_at, "gate", job_id="gated")
        eventually(lambda: "gated" in site.ran(), 30, "the job runs")
        self.assertEqual(site.registries(site.low)["StartedJobRegistry"], ["gated"])
        self.assertEqual(site.worker("patient").get_current_job_id(), "gated")
        self.assertEqual(server.call("SMEMBERS", "rq:workers:low"), [b"rq:worker:patient"])
        server.call("RPUSH", "gate", "open")
        site.wait_for("gated", "finished")
        self.assertEqual(site.job("gated").return_value(), "open")

        self.suspend_and_resume(site)

        site.low.enqueue(rq_jobs.wait_at, "never", job_id="stopped")
        eventually(lambda: "stopped" in site.ran(), 30, "the job runs")
        send_stop_job_command(site.connection, "stopped")
        site.wait_for("stopped", "stopped")

        site.low.enqueue(rq_jobs.wait_at, "never", job_id="killed")
        eventually(lambda: "killed" in site.ran(), 30, "the job runs")
        send_kill_horse_command(site.connection, "patient")
        site.wait_for("killed", "failed")

        site.low.enqueue(rq_jobs.add, 4, 4, job_id="bye")
        site.wait_for("bye", "finished")
        site.wait_until_blocked("patient")
        send_shutdown_command(site.connection, "patient")
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(Worker.all(connection=site.connection), [])
        return keyspace(server, **MASKS, signal=r"signal \d+"), site.ran()

    def suspend_and_resume(self, site):
        site.wait_until_blocked("patient")
        site.run("suspend")
        self.assertEqual(site.server.call("GET", "rq:suspended"), b"1")
        # It waits in BLPOP and takes one job before it looks again.
        site.low.enqueue(rq_jobs.add, 2, 2, job_id="last")
        eventually(lambda: site.worker("patient").get_state() == "suspended", 30, "the worker is suspended")
        site.low.enqueue(rq_jobs.add, 3, 3, job_id="held")
        self.assertEqual(site.server.call("LRANGE", "rq:queue:low", 0, -1), [b"held"])
        site.run("resume")
        site.wait_for("held", "finished")

    def test_a_worker_that_waits(self):
        _, ran = self.told_twice(self.with_a_waiting_worker)
        self.assertEqual(ran, ["woken", "gated", "last", "held", "stopped", "killed", "bye"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
