"""Queues between processes."""

from multiprocessing import Process, Queue

from record import record, table_of, tell, tell_exit

SENTINEL = -1
TIMEOUT = 0.05


def put(queue, actor, items):
    for item in items:
        record(actor, "put", [item], lambda item=item: queue.put(item))


def get_to_sentinel(queue, actor):
    """Until the sentinel or an error."""
    while record(actor, "get", [], queue.get) not in (SENTINEL, None):
        pass


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
    writer = Process(target=put, name="writer", args=(queue, "writer", [11, 22, 33, 44, SENTINEL]))
    reader = Process(target=get_to_sentinel, name="reader", args=(queue, "reader"))
    writer.start()
    reader.start()
    writer.join()
    reader.join()
    tell_exit(writer)
    tell_exit(reader)


SCENARIOS = table_of(four_through_three, full, put_timeout)
