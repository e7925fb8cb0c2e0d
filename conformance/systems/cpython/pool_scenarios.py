"""Pools of workers."""

import itertools
import multiprocessing
import os
import pathlib
import shutil
import threading
from multiprocessing import Pool, Queue

from record import Gate, inside, record, table_of, tell

TIMEOUT = 0.05


def live_workers():
    return len(multiprocessing.active_children())


def work(number):
    with inside("worker", "task", number):
        return number


def meet(number, here, go):
    """With all that are let go at once."""
    with inside("worker", "task", number):
        here.open()
        go.enter()
        return number


# Workers: how many, from when, until when; and which tasks they still do.


def ten_over_three():
    pool = Pool(3)
    tell("main", "live workers", live_workers())
    here = Gate()
    go = Gate()
    for number in range(1, 4):
        pool.apply_async(meet, (number, here, go))
    for number in range(4, 11):
        pool.apply_async(work, (number,))
    tell("main", "start")
    pool.close()
    here.enter(3)
    go.open(3)
    pool.join()
    tell("main", "end")


def twenty():
    with Pool(20):
        tell("main", "live workers", live_workers())


def default_size():
    with Pool():
        tell("main", "processors", multiprocessing.cpu_count())
        tell("main", "live workers", live_workers())


def context():
    with Pool(2) as pool:
        record("main", "apply", [], lambda: pool.apply(work, (1,)))
        tell("main", "live workers", live_workers())
    tell("main", "live workers", live_workers())


def on_demand():
    with Pool(3) as pool:
        tell("main", "live workers", live_workers())
        record("main", "apply", [], lambda: pool.apply(work, (1,)))
        tell("main", "live workers", live_workers())


def tell_pids(kind):
    tell("main", kind, *sorted(child.pid for child in multiprocessing.active_children()))


def reuse():
    with Pool(2) as pool:
        tell_pids("workers before")
        here = Gate()
        go = Gate()
        meeting = [pool.apply_async(meet, (number, here, go)) for number in (1, 2)]
        here.enter(2)
        go.open(2)
        for result in meeting:
            result.get()
        for number in range(3, 21):
            pool.apply(work, (number,))
        tell_pids("workers after")


def pass_gate(number, gate):
    gate.enter()
    return work(number)


def close():
    pool = Pool(1)
    gate = Gate()
    accepted = [pool.apply_async(pass_gate, (number, gate)) for number in (1, 2, 3)]
    pool.close()

    def late_task():
        pool.apply_async(pass_gate, (4, gate))

    record("main", "late task", [], late_task)
    tell("main", "open")
    gate.open(8)
    for result in accepted:
        record("main", "result", [], result.get)
    record("main", "join", [], pool.join)
    tell("main", "after the join")


def begin_and_end(number, here, go):
    tell("worker", "begin", number)
    here.open()
    go.enter()
    tell("worker", "end", number)
    return number


def terminate():
    pool = Pool(2)
    here = Gate()
    go = Gate()
    results = [pool.apply_async(begin_and_end, (number, here, go)) for number in (1, 2, 3, 4)]
    here.enter(2)
    record("main", "terminate", [], pool.terminate)
    go.open(4)  # Nobody is there any more.
    record("main", "join", [], pool.join)
    tell("main", "live workers", live_workers())
    for result in results:
        record("main", "result", [], lambda result=result: result.get(TIMEOUT))  # Without a timeout it hangs.


def join_before_close():
    pool = Pool(1)
    record("main", "early join", [], pool.join)
    record("main", "apply", [], lambda: pool.apply(work, (1,)))
    pool.close()
    record("main", "join", [], pool.join)


# Calls and their results.


def multiply_and_add(number, factor=1, addend=0):
    with inside("worker", "task", number):
        return number * factor + addend


def apply():
    with Pool(2) as pool:
        for number in (1, 2, 3):
            record("main", "apply", [],
                   lambda number=number: pool.apply(multiply_and_add, (number,), {"factor": 10, "addend": 5}))


def meet_the_other(number, mine, others):
    with inside("worker", "task", number):
        others.open()
        mine.enter()
        return 10 * number


def apply_from_threads():
    with Pool(2) as pool:
        gates = (Gate(), Gate())

        def apply_it(actor, *arguments):
            record(actor, "apply", [], lambda: pool.apply(meet_the_other, arguments))

        first = threading.Thread(target=apply_it, args=("first", 1, gates[0], gates[1]))
        second = threading.Thread(target=apply_it, args=("second", 2, gates[1], gates[0]))
        first.start()
        second.start()
        first.join()
        second.join()


def multiply_and_add_once_let_go(number, go, done, **named):
    go.enter()
    result = multiply_and_add(number, **named)
    done.open()
    return result


def apply_async():
    """They end in the opposite order."""
    with Pool(3) as pool:
        go = (Gate(), Gate(), Gate())
        done = Gate()
        results = []

        def submit(number):
            results.append(pool.apply_async(multiply_and_add_once_let_go, (number, go[number - 1], done),
                                            {"factor": 10, "addend": 5}))

        for number in (1, 2, 3):
            record("main", "submit", [number], lambda number=number: submit(number))
        for number in (3, 2, 1):
            go[number - 1].open()
            done.enter()
        for result in results:
            record("main", "result", [], result.get)


def square(number):
    with inside("worker", "task", number):
        return number * number


def square_in_a_chunk(number):
    with inside("worker", "task of a chunk", number):
        return number * number


def map_():
    with Pool(2) as pool:
        record("main", "map", [], lambda: pool.map(square, [1, 2, 3]))
        record("main", "map", [], lambda: pool.map(square_in_a_chunk, [1, 2, 3], 3))
        record("main", "map of nothing", [], lambda: pool.map(square, []))


kept_gate = None


def keep_gate(gate):
    """A gate for functions that get nothing but numbers."""
    global kept_gate  # pylint: disable=global-statement
    kept_gate = gate


def pass_kept_gate_and_square(number):
    kept_gate.enter()
    return square(number)


def map_async():
    pool = Pool(1)
    gate = Gate()
    pool.apply(keep_gate, (gate,))
    results = []

    def call():
        results.append(pool.map_async(pass_kept_gate_and_square, [1, 2, 3],
                                      callback=lambda squares: tell("callback", "list", *squares)))

    record("main", "call", [], call)
    gate.open(3)
    record("main", "result", [], results[0].get)
    pool.close()
    pool.join()
    tell("main", "joined")


def multiply(one, other):
    return one * other


def starmap():
    with Pool(2) as pool:
        pairs = [(1, 2), (3, 4), (5, 6)]
        record("main", "starmap", [], lambda: pool.starmap(multiply, pairs))
        tell("main", "serial", *itertools.starmap(multiply, pairs))


shared_queue = None


def share(queue):
    """As a pool's initializer: a queue can't be a task's argument here."""
    global shared_queue  # pylint: disable=global-statement
    shared_queue = queue


def square_into_the_queue(number):
    shared_queue.put(number * number)
    return number * number


def shared_result():
    queue = Queue()
    with Pool(2, share, (queue,)) as pool:
        results = [pool.apply_async(square_into_the_queue, (number,)) for number in (1, 2, 3)]
        for result in results:
            record("main", "result", [], result.get)
        for _ in results:
            record("main", "get", [], queue.get)
        tell("main", "empty", queue.empty())


# Callbacks and errors.


def work_and_open_gate(number, gate):
    work(number)
    gate.open()
    return number


def callback():
    """The first task ends when the third's callback has been called."""
    pool = Pool(2)
    third_called = Gate()

    def tell_line(number):
        tell("callback", "line", number)
        if number == 3:
            third_called.open()

    pool.apply_async(pass_gate, (1, third_called), callback=tell_line)
    for number in (2, 3, 4, 5):
        pool.apply_async(work, (number,), callback=tell_line)
    pool.close()
    pool.join()
    tell("main", "line", "joined")


def callback_must_not_block():
    """The first task's callback is slow: it returns when the others' tasks have ended."""
    pool = Pool(2)
    first_called = Gate()
    ended = Gate()
    go = Gate()

    def be_slow_at_first(number):
        with inside("main", "callback", number):
            if number == 1:
                first_called.open()
                go.enter()

    pool.apply_async(work, (1,), callback=be_slow_at_first)
    first_called.enter()
    for number in (2, 3):
        pool.apply_async(work_and_open_gate, (number, ended), callback=be_slow_at_first)
    ended.enter(2)
    tell("main", "go")
    go.open(2)
    pool.close()
    pool.join()
    tell("main", "joined")


TEXT = "no such boat"


def throw_at_two(actor, number):
    tell(actor, "task", number)
    if number == 2:
        tell(actor, "throws", "RuntimeError", TEXT)
        raise RuntimeError(TEXT)
    return number


def throw_at_two_of_map(number):
    return throw_at_two("worker of the map", number)


def throw_at_two_alone(number):
    return throw_at_two("worker", number)


def record_with_error(kind, call):
    def tell_error_of_call():
        try:
            return call()
        except Exception as error:
            tell("main", "error", type(error).__name__, str(error))
            raise

    record("main", kind, [], tell_error_of_call)


def task_error():
    with Pool(2) as pool:
        record_with_error("map", lambda: pool.map(throw_at_two_of_map, [1, 2, 3], 1))
        results = [pool.apply_async(throw_at_two_alone, (number,)) for number in (1, 2, 3)]
        for result in results:
            record_with_error("result", result.get)
        record("main", "apply", [], lambda: pool.apply(throw_at_two_alone, (5,)))


MARKER = -1


def catch_at_two(number):
    try:
        return throw_at_two_alone(number)
    except RuntimeError:
        return MARKER


def task_error_caught():
    with Pool(2) as pool:
        record("main", "map", [], lambda: pool.map(catch_at_two, [1, 2, 3]))


# What can't be a task.


def tell_refusal(names, call):
    """Whether it is an error, and whether that speaks of what it must."""
    try:
        call()
    except Exception as error:  # pylint: disable=broad-except
        tell("main", "refusal", True, names in str(error).lower())
    else:
        tell("main", "refusal", False, False)


def lambda_():
    with Pool(1) as pool:
        record("main", "lambda", [], lambda: pool.apply(lambda number: number + 1, (1,)))
        total = 0
        tell_refusal("lambda", lambda: pool.apply(lambda number: total + number, (1,)))


class Search:
    """Holds the pool that is to run its method."""

    def __init__(self, pool):
        self.pool = pool

    def find(self, number):
        return number

    def begin(self):
        return self.pool.apply(self.find, (1,))


def pool_as_argument():
    with Pool(1) as pool:
        tell_refusal("pool", lambda: pool.apply(work, (pool,)))
        tell_refusal("pool", Search(pool).begin)
        record("main", "apply", [], lambda: pool.apply(work, (1,)))


def many_arguments_map():
    with Pool(1) as pool:
        pairs = [(1, 2), (3, 4)]
        tell_refusal("starmap", lambda: pool.map(multiply, pairs))
        record("main", "starmap", [], lambda: pool.starmap(multiply, pairs))


# The folder copier.


def make_folder(folder):
    """Four files, and one that nobody can read: it leads nowhere."""
    folder.mkdir()
    for name, size, mode in (("empty", 0, 0o644), ("exact", 1024, 0o755), ("large", 100_000, 0o640),
                             ("small", 1, 0o600)):
        file = folder / name
        file.write_bytes(bytes(i * 7 % 251 for i in range(size)))
        file.chmod(mode)
    (folder / "gone").symlink_to(folder / "nowhere")


def copy_file(name, source, target):
    try:
        shutil.copy(source / name, target / name)
    finally:
        shared_queue.put(name)  # Also one that couldn't be copied, or the parent would wait for ever.


def copy_folder():
    trace = pathlib.Path(os.environ["REGATTA_TRACE"])
    source = trace.with_name(trace.name + ".source")
    target = trace.with_name(trace.name + ".target")
    make_folder(source)
    target.mkdir()  # It may exist.
    names = sorted(os.listdir(source))

    queue = Queue()
    pool = Pool(3, share, (queue,))
    results = [pool.apply_async(copy_file, (name, source, target)) for name in names]
    pool.close()
    left = set(names)
    for _ in names:
        left.discard(queue.get())
        tell("main", "progress", f"{100 * (len(names) - len(left)) / len(names):.2f}")
    pool.join()
    tell("main", "nothing else is done", queue.empty())

    for name, result in zip(names, results):
        record("main", "result", [name], result.get)
    for name in sorted(os.listdir(target)):
        tell("main", "copied", name, (source / name).read_bytes() == (target / name).read_bytes(),
             (source / name).stat().st_mode == (target / name).stat().st_mode)


SCENARIOS = table_of(
    apply, apply_async, apply_from_threads, callback, callback_must_not_block, close, context, copy_folder,
    default_size, join_before_close, many_arguments_map, map_async, on_demand, pool_as_argument, reuse, shared_result,
    starmap, task_error, task_error_caught, ten_over_three, terminate, twenty) | {"lambda": lambda_, "map": map_}
