"""Queues between processes."""

import os
import resource
import time
from multiprocessing import Pool, Process, Queue

from record import Gate, error_kind, record, table_of, tell, tell_exit

SENTINEL = -1
TIMEOUT = 0.05
NEGATIVE = -1
WATCHDOG = 20


def put(queue, actor, items):
    for item in items:
        record(actor, "put", [item], lambda item=item: queue.put(item))


def get(queue, actor, times=1):
    for _ in range(times):
        record(actor, "get", [], queue.get)


def started(target, name, *args):
    process = Process(target=target, name=name, args=args)
    process.start()
    return process


def end(*processes):
    for process in processes:
        process.join()
        tell_exit(process)


# What a call says and when: full, empty, late, closed, out of memory.


def full():
    queue = Queue(3)
    put(queue, "main", [1, 2])
    tell("main", "full", queue.full())
    put(queue, "main", [3])
    tell("main", "full", queue.full())
    tell("main", "size", queue.qsize())


def put_timeout():
    queue = Queue(3)
    put(queue, "main", [1, 2, 3])
    record("main", "late put", [4], lambda: queue.put(4, True, TIMEOUT))
    tell("main", "size", queue.qsize())
    get(queue, "main", 3)


def put_without_waiting(queue):
    record("other", "put without waiting", [4], lambda: queue.put_nowait(4))
    record("other", "put without waiting", [5], lambda: queue.put(5, block=False, timeout=9))


def put_nowait():
    """Room comes only after the other has given up."""
    queue = Queue(3)
    put(queue, "main", [1, 2, 3])
    end(started(put_without_waiting, "other", queue))
    tell("main", "size", queue.qsize())
    get(queue, "main", 3)


def get_in_time(queue, gave_up):
    record("reader", "late get", [], lambda: queue.get(True, TIMEOUT))
    gave_up.open()
    get(queue, "reader")


def get_without_waiting(queue, gave_up):
    record("reader", "get without waiting", [], queue.get_nowait)
    record("reader", "get without waiting", [], lambda: queue.get(block=False, timeout=9))
    gave_up.open()
    get(queue, "reader")


def play_get(read):
    """An item comes only after the reader has given up."""
    queue = Queue()
    gave_up = Gate()
    reader = started(read, "reader", queue, gave_up)
    gave_up.enter()
    put(queue, "main", [7])
    end(reader)


def get_timeout():
    play_get(get_in_time)


def get_nowait():
    play_get(get_without_waiting)


def put_with_negative_timeout(queue):
    for item in (1, 2):
        record("writer", "put", [item], lambda item=item: queue.put(item, True, NEGATIVE))


def negative_timeout():
    queue = Queue(1)
    end(started(put_with_negative_timeout, "writer", queue))
    for _ in range(2):
        record("main", "get", [], lambda: queue.get(True, NEGATIVE))


def put_many(queue, actor, count):
    """None waits, though nobody reads. How many there were, and how many are said to be there."""
    tell(actor, "asked to put", count)
    for number in range(count):
        queue.put_nowait(number)
    tell(actor, "put", count)
    tell(actor, "size", queue.qsize())


def get_many(queue, actor, count):
    """Until one is missing or not the next in order."""
    got = 0
    while got < count and queue.get(True, WATCHDOG) == got:
        got += 1
    tell(actor, "got in order", got)


def large_item(number):
    return f"{number}{100_000 * '.'}"


def put_until_memory_ends():
    queue = Queue()
    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    queue.cancel_join_thread()
    count = 0
    queue.put_nowait(large_item(count))
    while queue.empty():  # The thread that feeds the pipe has begun: it waits inside the first item.
        os.sched_yield()
    resource.setrlimit(resource.RLIMIT_AS, (now + (64 << 20), hard))
    limit = None
    try:
        while count < 5000:
            count += 1
            queue.put_nowait(large_item(count))
    except MemoryError as error:
        limit = error
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    tell("limited", "put at the limit", error=error_kind(limit) if limit else None)
    tell("limited", "put", count)
    got = 0
    while got < count and queue.get(True, WATCHDOG) == large_item(got):
        got += 1
    tell("limited", "got in order", got)
    record("limited", "put after the limit", [], lambda: queue.put("x"))


def unbounded():
    """A third of a million, as a whole one takes it more than the two seconds that a replay may take."""
    queue = Queue()
    put_many(queue, "no size", 333_333)
    queue.cancel_join_thread()
    for size in (0, -1):
        queue = Queue(size)
        put_many(queue, f"size {size}", 5000)
        get_many(queue, f"size {size}", 5000)
    end(started(put_until_memory_ends, "limited"))


def use_what_others_closed(queue, closed):
    closed.enter()
    get(queue, "child", 2)
    record("child", "late get", [], queue.get_nowait)
    record("child", "late put", [3], lambda: queue.put_nowait(3))


def wait_at_what_is_closed(queue, ready):
    ready.open()
    # Not for as long as it takes: nothing tells it that the queue is closed.
    record("waiting child", "late get", [], lambda: queue.get(True, TIMEOUT))


def put_after_close():
    queue = Queue()
    closed = Gate()
    child = started(use_what_others_closed, "child", queue, closed)
    put(queue, "main", [1, 2])
    queue.close()
    record("main", "late put", [4], lambda: queue.put_nowait(4))
    closed.open()
    end(child)
    record("main", "late get", [], queue.get_nowait)

    # Somebody waits, or is about to.
    empty = Queue()
    ready = Gate()
    waiting = started(wait_at_what_is_closed, "waiting child", empty, ready)
    ready.enter()
    empty.close()
    record("main", "late put", [5], lambda: empty.put_nowait(5))
    end(waiting)


# Items on their way from process to process.


def get_to_sentinel(queue, actor):
    """Until the sentinel or an error."""
    while record(actor, "get", [], queue.get) not in (SENTINEL, None):
        pass


def get_to_empty(queue, actor):
    """The documents' loop: until the queue says for the first time that it is empty."""
    while record(actor, "get", [], queue.get) is not None and not queue.empty():
        pass


def drain_all(queue, actor, kind):
    """What it says that it has, without waiting."""
    size = queue.qsize()
    tell(actor, "size", size)
    for _ in range(size):
        record(actor, kind, [], queue.get_nowait)


def put_letters(queue, letters):
    put(queue, "writer", letters)


class Late(str):
    """A text that the thread which feeds the pipe gets to when the gate opens: its schedule, forced."""

    gate = None

    def __reduce__(self):
        self.gate.enter()
        return str, (str(self),)


def drain():
    queue = Queue(3)
    # What a process that has ended has put is in the queue.
    messages = ["message 1", "message 2", "message 3"]
    end(started(put_letters, "writer", queue, messages))
    drain_all(queue, "main", "get")
    tell("main", "empty", queue.empty())
    record("main", "get of nothing", [], queue.get_nowait)
    # So is what was put just now.
    another = Queue(3)
    Late.gate = Gate()
    put(another, "main", map(Late, messages))
    drain_all(another, "main", "get at once")
    Late.gate.open(len(messages))


def get_while_not_empty(queue):
    while not queue.empty():
        get(queue, "reader")


def fifo_two_processes():
    queue = Queue()
    end(started(put_letters, "writer", queue, ["A", "B", "C"]))
    end(started(get_while_not_empty, "reader", queue))


def put_where_there_is_room(queue, items):
    for item in items:
        if queue.full():
            tell("writer", "no room", item)
        else:
            put(queue, "writer", [item])


def offer_four(queue, reader, ready, taken):
    """Readers: late comes after the fourth item was offered, eager takes one before that, free and hasty come when they come."""
    if reader in ("free", "hasty"):
        ready.open()
    put_where_there_is_room(queue, [11, 22, 33])
    if reader == "eager":
        ready.open()
        taken.enter()
    put_where_there_is_room(queue, [44])
    if reader == "late":
        ready.open()
    if reader != "hasty":
        put(queue, "writer", [SENTINEL])


def read_what_is_offered(queue, reader, ready, taken):
    actor = f"{reader} reader"
    ready.enter()
    if reader == "hasty":
        get_to_empty(queue, actor)
        return
    if reader == "eager":
        get(queue, actor)
        taken.open()
    get_to_sentinel(queue, actor)


def q_full_guard():
    for kind in ("late", "eager", "free", "hasty"):
        queue = Queue(3)
        ready = Gate()
        taken = Gate()
        end(started(offer_four, "writer", queue, kind, ready, taken),
            started(read_what_is_offered, "reader", queue, kind, ready, taken))


def put_four(queue, ready):
    """Two items are there when the reader begins."""
    put(queue, "writer", [11, 22])
    ready.open()
    put(queue, "writer", [33, 44, SENTINEL])


def get_four(queue, ready):
    ready.enter()
    get_to_sentinel(queue, "reader")


def put_four_without_sentinel(queue):
    put(queue, "hasty writer", [11, 22, 33, 44])


def get_hastily(queue):
    get_to_empty(queue, "hasty reader")


def four_through_three():
    queue = Queue(3)
    ready = Gate()
    end(started(put_four, "writer", queue, ready), started(get_four, "reader", queue, ready))

    another = Queue(3)
    end(started(put_four_without_sentinel, "hasty writer", another), started(get_hastily, "hasty reader", another))


def put_with_a_gap(queue, others, seen_empty):
    """The queue is empty between the first item and the others, for as long as the reader needs to see it."""
    put(queue, "writer", [11])
    seen_empty.enter()
    put(queue, "writer", others)


def stop_where_empty(queue, seen_empty):
    get_to_empty(queue, "hasty reader")
    seen_empty.open()


def go_on_where_empty(queue, seen_empty):
    get(queue, "patient reader")
    tell("patient reader", "empty", queue.empty())
    seen_empty.open()
    get_to_sentinel(queue, "patient reader")


def empty_is_a_hint():
    queue = Queue()
    stopped = Gate()
    end(started(put_with_a_gap, "writer", queue, [22, 33], stopped),
        started(stop_where_empty, "hasty reader", queue, stopped))
    drain_all(queue, "main", "get of the rest")

    another = Queue()
    goes_on = Gate()
    end(started(put_with_a_gap, "writer", another, [22, SENTINEL], goes_on),
        started(go_on_where_empty, "patient reader", another, goes_on))


# How long a getter is held up by an empty queue, and how much of this it may spend on a processor: it sleeps.
HELD_UP = 0.2
AWAKE = 0.02


def get_and_sleep(queue, ready):
    tell("reader", "empty", queue.empty())
    ready.open()
    before = time.thread_time()
    get(queue, "reader")
    tell("reader", "slept", time.thread_time() - before < AWAKE)


def get_blocks():
    queue = Queue()
    ready = Gate()
    reader = started(get_and_sleep, "reader", queue, ready)
    ready.enter()
    nobodys = Queue()
    record("main", "get of nothing", [], lambda: nobodys.get(True, HELD_UP))
    put(queue, "main", [7])
    end(reader)


def produce(queue, turn, done):
    number = 0
    while True:
        turn.enter()
        number += 1
        put(queue, "producer", [number])
        done.open()


def consume(queue, turn, done):
    while True:
        turn.enter()
        get(queue, "consumer")
        done.open()


def get_one(queue):
    get(queue, "heir")


def producer_consumer():
    queue = Queue()
    produce_turn = Gate()
    produced = Gate()
    consume_turn = Gate()
    consumed = Gate()
    producer = started(produce, "producer", queue, produce_turn, produced)
    consumer = started(consume, "consumer", queue, consume_turn, consumed)
    for more in (2, 3):
        produce_turn.open(more)
        produced.enter(more)
        tell("main", "backlog", queue.qsize())
    consume_turn.open(2)
    consumed.enter(2)
    tell("main", "backlog", queue.qsize())
    # Both at once.
    produce_turn.open(4)
    consume_turn.open(7)
    produced.enter(4)
    consumed.enter(7)
    # Nobody is inside the queue any more once somebody else's item has gone the same way.
    put(queue, "main", [100])
    consume_turn.open()
    consumed.enter()
    producer.terminate()
    consumer.terminate()
    end(producer, consumer)

    heir = started(get_one, "heir", queue)
    put(queue, "main", [200])
    end(heir)


def write_task(queue):
    put_letters(queue, "itcast")


def read_task(queue):
    drain_all(queue, "reader", "get")


def in_pool():
    queue = Queue()
    pool = Pool(2)
    for task in (write_task, read_task):
        record("main", "task", [], lambda task=task: pool.apply(task, (queue,)))
    pool.close()
    pool.join()


SCENARIOS = table_of(
    drain, empty_is_a_hint, fifo_two_processes, four_through_three, full, get_blocks, get_nowait, get_timeout, in_pool,
    negative_timeout, producer_consumer, put_after_close, put_nowait, put_timeout, q_full_guard, unbounded)
