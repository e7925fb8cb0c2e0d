"""Events: whom they release, and when."""

from multiprocessing import Event, Process

from record import Gate, record_acquire, table_of, tell, tell_exit

TIMEOUT = 0.05
NEGATIVE = -1


def wait(event, actor, kind, timeout=None):
    record_acquire(actor, kind, lambda: event.wait(timeout))


def tell_is_set(event):
    tell("main", "is set", event.is_set())


def look_and_wait(actor, event, looked):
    wait(event, actor, "look", 0)
    looked.open()
    wait(event, actor, "wait")


def set_wakes_all():
    """Three wait; one set releases all, and whoever waits later."""
    event = Event()
    looked = Gate()
    waiters = []
    for actor in ("first", "second", "third"):
        waiters.append(Process(target=look_and_wait, name=actor, args=(actor, event, looked)))
        waiters[-1].start()
    looked.enter(3)
    tell("main", "set")
    event.set()
    for waiter in waiters:
        waiter.join()
        tell_exit(waiter)
    wait(event, "main", "late wait")
    tell_is_set(event)


def set_and_clear_twice(event, was_set, go_on):
    event.set()
    event.set()
    was_set.open()
    go_on.enter()
    event.clear()
    event.clear()


def set_and_clear():
    """Another process sets and clears, each twice: it is like once."""
    event = Event()
    tell_is_set(event)
    was_set = Gate()
    go_on = Gate()
    other = Process(target=set_and_clear_twice, name="other", args=(event, was_set, go_on))
    other.start()
    was_set.enter()
    tell_is_set(event)
    wait(event, "main", "wait while set", TIMEOUT)
    tell_is_set(event)
    go_on.open()
    other.join()
    tell_exit(other)
    tell_is_set(event)
    wait(event, "main", "wait after clear", TIMEOUT)
    event.set()
    wait(event, "main", "wait after set")


def set_it(event):
    event.set()


def wait_deadline():
    event = Event()
    wait(event, "main", "late wait", TIMEOUT)
    wait(event, "main", "wait without time", 0)
    wait(event, "main", "wait without time", NEGATIVE)
    other = Process(target=set_it, name="other", args=(event,))
    other.start()
    wait(event, "main", "wait", 20)
    other.join()
    tell_exit(other)
    wait(event, "main", "wait of a set one", 0)
    wait(event, "main", "wait of a set one", NEGATIVE)


SCENARIOS = table_of(set_and_clear, set_wakes_all, wait_deadline)
