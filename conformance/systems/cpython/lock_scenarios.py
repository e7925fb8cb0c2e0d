"""Locks, and what isn't shared without them."""

from multiprocessing import Lock, Process

from record import Gate, inside, record, record_acquire, table_of, tell, tell_exit


def add_five_times(actor, number, value):
    tell(actor, "line", number)
    for _ in range(5):
        number += value
        tell(actor, "line", number)


def add_in_turn(actor, value, turn, done):
    number = 0
    for i in range(6):
        turn.enter()
        if i > 0:
            number += value
        tell(actor, "line", number)
        done.open()


def without():
    """Alternating, then the second wholly before the first."""
    turns = []
    children = []
    done = Gate()
    for actor, value in (("add1", 1), ("add3", 3), ("late add1", 1), ("early add3", 3)):
        turns.append(Gate())
        children.append(Process(target=add_in_turn, name=actor, args=(actor, value, turns[-1], done)))
        children[-1].start()
    first, second, late, early = turns
    for i in range(6):
        if i == 5:
            tell("main", "main end")
        first.open()
        done.enter()
        second.open()
        done.enter()
    early.open(6)
    done.enter(6)
    late.open(6)
    for child in children:
        child.join()
        tell_exit(child)


def add_first(lock, held, tried):
    lock.acquire()
    with inside("add1", "holding"):
        held.open()
        tried.enter()
        add_five_times("add1", 0, 1)
    lock.release()


def add_second(lock, held, tried):
    held.enter()
    record_acquire("add3", "try", lambda: lock.acquire(block=False))
    tried.open()
    lock.acquire()
    with inside("add3", "holding"):
        add_five_times("add3", 0, 3)
    lock.release()


def with_():
    lock = Lock()
    held = Gate()
    tried = Gate()
    first = Process(target=add_first, name="add1", args=(lock, held, tried))
    second = Process(target=add_second, name="add3", args=(lock, held, tried))
    first.start()
    second.start()
    first.join()
    second.join()
    tell_exit(first)
    tell_exit(second)


def fail_inside_the_guarded_block(lock):
    try:
        with lock:
            raise RuntimeError("inside")
    except RuntimeError:
        tell("child", "error left the block")


def acquire_release():
    lock = Lock()
    record_acquire("main", "acquire", lambda: lock.acquire(block=False))
    record_acquire("main", "acquire again", lambda: lock.acquire(block=False))
    record("main", "release", [], lock.release)
    record("main", "release again", [], lock.release)
    child = Process(target=fail_inside_the_guarded_block, name="child", args=(lock,))
    child.start()
    child.join()
    tell_exit(child)
    record_acquire("main", "acquire after the error", lambda: lock.acquire(block=False))


SCENARIOS = table_of(acquire_release, without) | {"with": with_}
