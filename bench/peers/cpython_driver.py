"""Measures CPython's multiprocessing: one benchmark, timed and checked here.

Standard input: a line of JSON that says what to run, then the number of operations of each run, one a line (before it
what the run is about, for those that want that). Standard output:
a line of JSON when everything is set up, naming its partners, one for each run, and one when all has ended well. An error is
a line too: {"error": "..."}.
"""

import json
import multiprocessing
import os
import random
import signal
import statistics
import sys
import time
import traceback

MASK = (1 << 64) - 1
NUMBER_BITS = 48
now = time.monotonic_ns
# What people use: the default start method of this CPython on Linux.
fork = multiprocessing.get_context("fork")


def pin(cpus):
    if cpus:
        os.sched_setaffinity(0, cpus)


def check(true, what):
    if not true:
        raise RuntimeError(what)


# --- What the tasks do: the same as the C++ side's, in Python.


def grain(task):
    value, steps = task
    for _ in range(steps):
        value = (value * 6364136223846793005 + 1442695040888963407) & MASK
    return value


def count_loop(counts):
    total = 0
    for i in range(counts):
        total += i
    return total


def wait(nanos):
    began = now()
    time.sleep(nanos / 1e9)
    return now() - began


def copy_file(task):
    source, target, mode = task
    size = 0
    try:
        with open(source, "rb", buffering=0) as read, open(target, "wb", buffering=0) as write:
            while piece := read.read(65536):
                size += write.write(piece)
            os.fchmod(write.fileno(), mode)
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}, copying {source} to {target} (--scratch chooses another place)")
    return size


# --- Queues.


def message(stamp, rest):
    return stamp.to_bytes(8, "little") + rest


def stamp_of(item, size):
    check(len(item) == size, f"a message of {len(item)} bytes instead of {size}")
    return int.from_bytes(item[:8], "little")


def echo(cpus, there, back):
    pin(cpus)
    while (item := there.get()) is not None:
        back.put(item)


class QueueRoundTrip:
    def __init__(self, request):
        cpus = request["cpus"]
        self.size, self.slept = request["bytes"], request["slept"]
        self.there, self.back = fork.Queue(), fork.Queue()
        self.partner = fork.Process(target=echo, args=(cpus[1:2], self.there, self.back), daemon=True)
        self.partner.start()
        self.rest = bytes(i * 131 % 256 for i in range(self.size - 8))
        self.stamp = 0

    def trip(self):
        self.stamp += 1
        self.there.put(message(self.stamp, self.rest))
        item = self.back.get()
        check(stamp_of(item, self.size) == self.stamp, "another message came back")
        return item

    def run(self, operations):
        samples = []
        item = self.trip()
        for _ in range(operations):
            began = now()
            if self.slept:
                while now() - began < 1_000_000:
                    pass
                began = now()
            item = self.trip()
            samples.append(now() - began)
        check(item[8:] == self.rest, "a message came back with other bytes")
        return {"operations": operations, "samples_ns": [sum(samples)], "latencies": samples}

    def finish(self):
        self.there.put(None)
        self.partner.join()
        check(self.partner.exitcode == 0, f"the echoing partner ended with {self.partner.exitcode}")


def echo_connection(cpus, there):
    pin(cpus)
    while (item := there.recv()) is not None:
        there.send(item)


class ConnectionRoundTrip(QueueRoundTrip):
    def __init__(self, request):
        cpus = request["cpus"]
        self.size, self.slept = request["bytes"], request["slept"]
        self.here, there = fork.Pipe()
        self.partner = fork.Process(target=echo_connection, args=(cpus[1:2], there), daemon=True)
        self.partner.start()
        there.close()
        self.rest = bytes(i * 131 % 256 for i in range(self.size - 8))
        self.stamp = 0

    def trip(self):
        self.stamp += 1
        self.here.send(message(self.stamp, self.rest))
        item = self.here.recv()
        check(stamp_of(item, self.size) == self.stamp, "another message came back")
        return item

    def finish(self):
        self.here.send(None)
        self.partner.join()
        check(self.partner.exitcode == 0, f"the echoing partner ended with {self.partner.exitcode}")


def produce(index, cpus, orders, reports, queue, size):
    pin(cpus)
    rest = bytes(i * 131 % 256 for i in range(size - 8))
    number = 0
    while (order := orders.recv()) is not None:
        began, checksum = now(), 0
        for _ in range(order):
            number += 1
            stamp = index << NUMBER_BITS | number
            queue.put(message(stamp, rest))
            checksum += stamp
        reports.send((began, began, order, checksum & MASK))


def consume(cpus, orders, reports, queue, size):
    pin(cpus)
    rest = bytes(i * 131 % 256 for i in range(size - 8))
    last = {}
    while (order := orders.recv()) is not None:
        began, checksum, item = now(), 0, b""
        for _ in range(order):
            item = queue.get()
            stamp = stamp_of(item, size)
            producer, number = stamp >> NUMBER_BITS, stamp & ((1 << NUMBER_BITS) - 1)
            check(number > last.get(producer, 0), "a message came twice or too late")
            last[producer] = number
            checksum += stamp
        check(item[8:] == rest, "a message arrived with other bytes")
        reports.send((began, now(), order, checksum & MASK))


class QueueThroughput:
    def __init__(self, request):
        cpus, size = request["cpus"], request["bytes"]
        self.producers, self.consumers = request["producers"], request["consumers"]
        queue = fork.Queue(1024)
        self.partners = []
        for i in range(self.consumers):
            self.join(consume, cpus[(i + 1) % len(cpus):][:1] if cpus else [], (queue, size))
        for i in range(self.producers):
            self.join(lambda *a, i=i: produce(i, *a), cpus[i % len(cpus):][:1] if cpus else [], (queue, size))

    def join(self, role, cpus, arguments):
        orders_in, orders = fork.Pipe(duplex=False)
        reports, reports_out = fork.Pipe(duplex=False)
        process = fork.Process(target=role, args=(cpus, orders_in, reports_out) + arguments, daemon=True)
        process.start()
        reports_out.close()  # So that its death ends the pipe.
        self.partners.append((process, orders, reports))

    def run(self, operations):
        unit = self.producers * self.consumers
        items = (operations + unit - 1) // unit * unit
        shares = [items // self.consumers] * self.consumers + [items // self.producers] * self.producers
        for (_, orders, _), share in zip(self.partners, shares):
            orders.send(share)
        reports = [reports.recv() for _, _, reports in self.partners]
        taken, put = reports[: self.consumers], reports[self.consumers:]
        check(sum(r[2] for r in taken) == items, "not all messages arrived")
        check(sum(r[3] for r in taken) & MASK == sum(r[3] for r in put) & MASK, "other messages arrived than were sent")
        took = max(r[1] for r in taken) - min(r[0] for r in put)
        return {"operations": items, "samples_ns": [took]}

    def finish(self):
        for process, orders, _ in self.partners:
            orders.send(None)
        for process, _, _ in self.partners:
            process.join()
            check(process.exitcode == 0, f"a partner ended with {process.exitcode}")


# --- Pools.


def pin_worker(cpus, turn):
    if cpus:
        with turn.get_lock():
            mine = cpus[turn.value % len(cpus)]
            turn.value += 1
        pin([mine])


def make_pool(request):
    cpus, workers = request["cpus"][1:], request["workers"]
    pool = fork.Pool(workers, initializer=pin_worker, initargs=(cpus, fork.Value("i", 0)))
    pool.map(grain, [(i, 0) for i in range(workers * 4)], chunksize=1)  # All there, everything imported.
    return pool


class Pooled:
    def __init__(self, request):
        self.request = request
        self.pool = make_pool(request) if request["workers"] > 0 else None

    def map(self, function, items, chunk=None):
        """On the pool; on this process where there is none."""
        if self.pool is None:
            return [function(item) for item in items]
        return self.pool.map(function, items, chunksize=chunk)

    def finish(self):
        if self.pool is not None:
            self.pool.close()
            self.pool.join()


class PoolRoundTrip(Pooled):
    def run(self, operations):
        samples = []
        for i in range(operations):
            began = now()
            if self.request["slept"]:
                while now() - began < 1_000_000:
                    pass
                began = now()
            result = self.pool.apply(grain, ((i, 0),))
            samples.append(now() - began)
            check(result == i, "a task returned something else")
        return {"operations": operations, "samples_ns": [sum(samples)], "latencies": samples}


class PoolEmptyTasks(Pooled):
    def run(self, operations):
        flight = self.request["in_flight"]
        rounds = max(1, (operations + flight - 1) // flight)
        items = [(i, 0) for i in range(flight)]
        chunk = self.request["chunk"] or None
        took = 0
        for _ in range(rounds):
            began = now()
            results = self.pool.map(grain, items, chunksize=chunk)
            took += now() - began
            check(results == list(range(flight)), "tasks returned something else, or in another order")
        return {"operations": rounds * flight, "samples_ns": [took]}


def poisson_arrivals(seed, per_second, count):
    """Like those of bench/harness/open_loop.h; drawn by Python's own generator."""
    draw = random.Random(seed)
    at, arrivals = 0.0, []
    for _ in range(count):
        at += draw.expovariate(per_second) * 1e9
        arrivals.append(int(at))
    return arrivals


class PoolOpenLoop(Pooled):
    """Before each run comes a line with its seed: [seed]."""

    def __init__(self, request):
        super().__init__(request)
        self.seed = 1
        rates = []
        for _ in range(5):
            rates.append(300 * 1e9 / self.part([0] * 300)[0])
        self.capacity = statistics.median(rates)
        self.rate = self.capacity * request["load"] / 100

    def prepare(self, line):
        self.seed = json.loads(line)[0]

    def part(self, arrivals):
        ended, results = [0] * len(arrivals), []
        began = now()
        for i, arrival in enumerate(arrivals):
            # Asleep, not spinning: results are taken by another thread of this process, which needs the interpreter.
            ahead = began + arrival - now()
            if ahead > 0:
                time.sleep(ahead / 1e9)

            def done(value, i=i):
                ended[i] = now()
                results.append(value)

            self.pool.apply_async(grain, ((i, 0),), callback=done, error_callback=results.append)
        while len(results) < len(arrivals):
            time.sleep(0.0001)
        check(results == list(range(len(arrivals))), "a task returned something else, or out of order")
        return max(ended) - began, [end - began - arrival for end, arrival in zip(ended, arrivals)]

    def run(self, operations):
        took, latencies = self.part(poisson_arrivals(self.seed, self.rate, operations))
        counters = {"capacity_per_second": self.capacity, "offered_per_second": self.rate}
        return {"operations": operations, "samples_ns": [took], "latencies": latencies, "counters": counters}


class CountLoop(Pooled):
    def run(self, operations):
        items = [unit * self.request["count_unit"] for unit in (1, 2, 10)]
        took = 0
        for _ in range(operations):
            began = now()
            results = self.map(count_loop, items, 1)
            took += now() - began
            check(results == [n * (n - 1) // 2 for n in items], "a loop counted wrong")
        return {"operations": operations, "samples_ns": [took]}


class Waiting(Pooled):
    def run(self, _):
        waits = self.request["waits_ns"]
        began = now()
        waited = self.map(wait, waits, 1)
        took = now() - began
        check(len(waited) == len(waits) and all(a >= b for a, b in zip(waited, waits)), "a task did not wait")
        return {"operations": 1, "samples_ns": [took]}


class FolderCopy(Pooled):
    """Before each run comes a line with the files: [[source, target, mode], ...]."""

    def prepare(self, line):
        self.files = [tuple(entry) for entry in json.loads(line)]

    def run(self, _):
        files = self.files
        began = now()
        if self.pool is None:
            finished = map(copy_file, files)
        else:
            finished = self.pool.imap_unordered(copy_file, files, chunksize=1)
        done = sum(1 for _ in finished)
        took = now() - began
        check(done == len(files), f"{done} files were copied of {len(files)}")
        return {"operations": 1, "samples_ns": [took]}


class GrainSweep(Pooled):
    def run(self, _):
        steps_per_ns = self.calibrate()
        points = []
        for target, tasks in zip(self.request["grains"], self.request["tasks"]):
            steps = int(target * steps_per_ns)
            items = [(i, steps) for i in range(tasks)]
            expected = [grain(item) for item in items] if steps * tasks < 100_000 else None
            serial, system = [], []
            for _ in range(self.request["rounds"]):
                serial.append(self.timed(lambda: [grain(item) for item in items], expected))
                chunk = self.request["chunk"] or None
                system.append(self.timed(lambda: self.map(grain, items, chunk), expected))
            points.append([target, tasks, statistics.median_low(serial), statistics.median_low(system)])
        return {"operations": 1, "samples_ns": [sum(p[2] + p[3] for p in points)], "sweep": points}

    @staticmethod
    def calibrate():
        best = min(GrainSweep.time_of(lambda: grain((1, 100_000))) for _ in range(5))
        return 100_000 / best

    @staticmethod
    def time_of(work):
        began = now()
        work()
        return now() - began

    def timed(self, work, expected):
        """Time of one pass, of as many as take a millisecond together."""
        passes, began = 0, now()
        while True:
            results = work()
            passes += 1
            took = now() - began
            if took >= 1_000_000:
                break
        if expected is not None:
            check(results == expected, "tasks returned something else, or in another order")
        return took // passes


# --- Processes.


class ProcessCreate:
    def __init__(self, request):
        self.context = multiprocessing.get_context(request["method"])
        self.ballast = bytearray(request["parent_mib"] << 20)
        self.ballast[::4096] = b"\x01" * ((len(self.ballast) + 4095) // 4096)  # Every page is really there.

    def run(self, operations):
        samples = []
        for _ in range(operations):
            began = now()
            process = self.context.Process(target=os.getpid)
            process.start()
            process.join()
            samples.append(now() - began)
            check(process.exitcode == 0, f"the process ended with {process.exitcode}")
            process.close()
        return {"operations": operations, "samples_ns": [sum(samples)], "latencies": samples}

    def finish(self):
        pass


class LockUnlock:
    def __init__(self, _):
        self.lock = fork.Lock()

    def run(self, operations):
        acquire, release = self.lock.acquire, self.lock.release
        began = now()
        for _ in range(operations):
            acquire()
            release()
        took = now() - began
        check(acquire(block=False), "the lock was not free afterwards")
        release()
        return {"operations": operations, "samples_ns": [took]}

    def finish(self):
        pass


class ValueAdd:
    def __init__(self, _):
        self.value = fork.Value("q", 0)

    def run(self, operations):
        value, lock = self.value, self.value.get_lock()
        before = value.value
        began = now()
        for _ in range(operations):
            with lock:
                value.value += 1
        took = now() - began
        check(value.value - before == operations, "additions were lost")
        return {"operations": operations, "samples_ns": [took]}

    def finish(self):
        pass


BENCHMARKS = {
    "queue_round_trip": QueueRoundTrip,
    "connection_round_trip": ConnectionRoundTrip,
    "queue_throughput": QueueThroughput,
    "pool_round_trip": PoolRoundTrip,
    "pool_empty_tasks": PoolEmptyTasks,
    "pool_open_loop": PoolOpenLoop,
    "count_loop": CountLoop,
    "folder_copy": FolderCopy,
    "waiting": Waiting,
    "grain_sweep": GrainSweep,
    "process_create": ProcessCreate,
    "lock_unlock": LockUnlock,
    "value_add": ValueAdd,
}


def answer(content):
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    request = json.loads(sys.stdin.readline())
    try:
        pin(request["cpus"][:1])
        benchmark = BENCHMARKS[request["benchmark"]](request)
        answer({"partners": [[child.name, child.pid] for child in multiprocessing.active_children()]})
        for line in sys.stdin:
            if line.startswith("["):
                benchmark.prepare(line)
            else:
                answer(benchmark.run(int(line)))
        benchmark.finish()
        answer({})
    except Exception as error:  # pylint: disable=broad-except: whatever it is, the driver is to be told.
        # A line of this driver's own, not of a library that it called.
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<string>"]
        last = own[-1]
        answer({"error": f"{type(error).__name__}: {error} (line {last.lineno} of the driver)"})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
