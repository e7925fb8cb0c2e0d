"""How a scenario's actors say what happens to them: into the trace that $REGATTA_TRACE names. Also gates, and a topic's table.

The same as systems/core/recorder.h and gate.h, for CPython. The format is described in FORMAT.md, "Traces".
"""

import contextlib
import functools
import json
import multiprocessing
import os
import queue
import time

# CPython's exceptions as the trace's kinds of error: the first row whose type and part of the text fit. Whatever else is raised
# is the scenario's own: "thrown".
ERROR_KINDS = [
    (queue.Full, "", "full"),
    (queue.Empty, "", "empty"),
    (multiprocessing.TimeoutError, "", "timeout"),
    (ValueError, "is closed", "closed"),
    (ValueError, "Pool not running", "closed"),
    (ValueError, "Pool is still running", "misuse"),
    (ValueError, "released too many times", "misuse"),
    (AssertionError, "", "misuse"),
    (MemoryError, "", "exhausted"),
    (EOFError, "", "end_of_file"),
    (BrokenPipeError, "", "end_of_file"),
    (ConnectionResetError, "", "end_of_file"),
    (OSError, "connection is read-only", "misuse"),
    (OSError, "connection is write-only", "misuse"),
    (IndexError, "", "invalid"),
    (RuntimeError, "only be shared between processes", "misuse"),
    (RuntimeError, "bootstrapping phase", "misuse"),
]


def error_kind(error):
    for kind, part, name in ERROR_KINDS:
        if isinstance(error, kind) and part in str(error):
            return name
    return "thrown"


@functools.cache
def _trace():
    return os.open(os.environ["REGATTA_TRACE"], os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)


def write_event(begin, end, actor, kind, values, error=None):
    event = {"begin": begin, "end": end, "pid": os.getpid(), "actor": actor, "kind": kind, "values": list(values)}
    if error:
        event["error"] = error
    line = (json.dumps(event) + "\n").encode()
    if os.write(_trace(), line) != len(line):
        raise OSError("the trace can't be written")


def tell(actor, kind, *values, error=None):
    """A moment."""
    now = time.monotonic_ns()
    write_event(now, now, actor, kind, values, error)


def tell_exit(process, role=None):
    """How a joined process ended; it is named after its role, if that isn't given."""
    tell("main", "exit", role or process.name, process.exitcode)


def record(actor, kind, values, call):
    """A call, with its error if it raises; a result follows `values`, and False is what a lock says that it didn't get."""
    begin = time.monotonic_ns()
    try:
        result = call()
    except Exception as error:  # pylint: disable=broad-except
        write_event(begin, time.monotonic_ns(), actor, kind, values, error_kind(error))
        return None
    end = time.monotonic_ns()
    if result is not None:
        values = [*values, *(result if isinstance(result, (list, tuple)) else [result])]
    write_event(begin, end, actor, kind, values)
    return result


def record_acquire(actor, kind, call):
    """The same for a lock's acquire, whose False is a timeout."""
    begin = time.monotonic_ns()
    got = call()
    write_event(begin, time.monotonic_ns(), actor, kind, [], None if got else "timeout")
    return got


def record_join(actor, kind, process, timeout):
    """The same for a join with a timeout, after which the process may have no exit code."""
    begin = time.monotonic_ns()
    process.join(timeout)
    write_event(begin, time.monotonic_ns(), actor, kind, [], "timeout" if process.exitcode is None else None)


@contextlib.contextmanager
def inside(actor, kind, *values):
    """Being inside something, to the end of the block."""
    begin = time.monotonic_ns()
    yield
    write_event(begin, time.monotonic_ns(), actor, kind, values)


class Gate:
    """Holds actors back: `enter` waits for what `open` gives. A pipe with a name beside the trace, so that it can be given to
    processes and to a pool's tasks alike."""

    _count = 0

    def __init__(self):
        Gate._count += 1
        self.path = f"{os.environ['REGATTA_TRACE']}.gate{Gate._count}.{os.getpid()}"
        os.mkfifo(self.path)
        self._open_pipe()

    def _open_pipe(self):
        self._pipe = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)

    def __getstate__(self):
        return self.path

    def __setstate__(self, path):
        self.path = path
        self._open_pipe()

    def open(self, times=1):
        os.write(self._pipe, b"x" * times)

    def enter(self, times=1):
        for _ in range(times):
            os.read(self._pipe, 1)


def table_of(*functions):
    """A topic's scenarios by name."""
    return {function.__name__: function for function in functions}
