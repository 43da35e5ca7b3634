"""What the workers of rq_test.py run. Each job notes its id in the list `ran`, so that the order shows."""

from rq import get_current_job


def note():
    job = get_current_job()
    job.connection.rpush("ran", job.id)
    return job


def add(first, second):
    note()
    return first + second


def annotate(word):
    job = note()
    job.meta["word"] = word
    job.save_meta()


def break_down():
    note()
    raise ValueError("as it was told")


def succeed_the_second_time():
    job = note()
    if job.connection.incr(f"tries:{job.id}") < 2:
        raise ValueError("not yet")
    return "at last"


def wait_at(gate):
    """Ends when somebody pushes to the list `gate`."""
    job = note()
    return job.connection.blpop(gate)[1].decode()


def on_success(job, connection, result):
    connection.rpush("ran", f"{job.id} gave {result}")


def on_failure(job, connection, kind, value, _):
    connection.rpush("ran", f"{job.id} met {kind.__name__}: {value}")
