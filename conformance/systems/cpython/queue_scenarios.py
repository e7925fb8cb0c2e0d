"""Queues between processes."""

from multiprocessing import Process, Queue

from record import Gate, record, table_of, tell, tell_exit

SENTINEL = -1
TIMEOUT = 0.05


def put(queue, actor, items):
    for item in items:
        record(actor, "put", [item], lambda item=item: queue.put(item))


def get_to_sentinel(queue, actor):
    """Until the sentinel or an error."""
    while record(actor, "get", [], queue.get) not in (SENTINEL, None):
        pass


def put_four(queue, ready):
    """Two items are there when the reader begins."""
    put(queue, "writer", [11, 22])
    ready.open()
    put(queue, "writer", [33, 44, SENTINEL])


def get_four(queue, ready):
    ready.enter()
    get_to_sentinel(queue, "reader")


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
    for _ in range(3):
        record("main", "get", [], queue.get)


def four_through_three():
    queue = Queue(3)
    ready = Gate()
    writer = Process(target=put_four, name="writer", args=(queue, ready))
    reader = Process(target=get_four, name="reader", args=(queue, ready))
    writer.start()
    reader.start()
    writer.join()
    reader.join()
    tell_exit(writer)
    tell_exit(reader)


SCENARIOS = table_of(four_through_three, full, put_timeout)
