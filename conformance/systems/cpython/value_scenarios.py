"""Values that processes share."""

from multiprocessing import Lock, Process, Value

from record import Gate, inside, record_acquire, table_of, tell, tell_exit

FREE = 500  # Additions of each process that runs free.


def start(role, function, *arguments):
    process = Process(target=function, name=role, args=arguments)
    process.start()
    return process


def join(process):
    process.join()
    tell_exit(process)


def add(actor, number, value, lock, go_on, added):
    """The documents' add(): five times with the lock held. Tells the number before and after each."""
    go_on.enter()
    lock.acquire()
    with inside(actor, "holding"):
        tell(actor, "line", number.value)
        for _ in range(5):
            number.value += value
            tell(actor, "line", number.value)
    added.open()
    lock.release()


def with_lock():
    lock = Lock()
    number = Value("i", 0)
    go_on = Gate()
    added = Gate()
    first = start("add1", add, "add1", number, 1, lock, go_on, added)
    second = start("add3", add, "add3", number, 3, lock, added, go_on)
    tell("main", "main end")
    go_on.open()
    join(first)
    join(second)
    tell("main", "number", number.value)


def read_then_write(number, value, read, write, written):
    seen = number.value
    read.open()
    write.enter()
    number.value = seen + value
    written.open()


def add_free(number):
    for _ in range(FREE):
        number.value += 1


def add_with_its_lock(number):
    for _ in range(FREE):
        with number.get_lock():
            number.value += 1


def hold_its_lock(number, held, tried):
    with number.get_lock():
        held.open()
        tried.enter()
        number.value += 1


def run_two(role, function, number):
    for process in [start(role, function, number), start(role, function, number)]:
        join(process)


def lost_update():
    forced = Value("i", 0)
    read, write_first, write_second, written = (Gate() for _ in range(4))
    first = start("first", read_then_write, forced, 1, read, write_first, written)
    second = start("second", read_then_write, forced, 3, read, write_second, written)
    read.enter(2)
    write_first.open()
    written.enter()
    write_second.open()
    join(first)
    join(second)
    tell("main", "forced", forced.value)
    free = Value("i", 0)
    run_two("free", add_free, free)
    tell("main", "free is within", 1 <= free.value <= 2 * FREE)
    locked = Value("i", 0)
    run_two("locked", add_with_its_lock, locked)
    held = Gate()
    tried = Gate()
    holder = start("holder", hold_its_lock, locked, held, tried)
    held.enter()
    record_acquire("main", "try", lambda: locked.get_lock().acquire(block=False))
    tried.open()
    join(holder)
    tell("main", "locked", locked.value)


SCENARIOS = table_of(with_lock, lost_update)
