"""Pools of workers."""

from multiprocessing import Pool

from record import Gate, inside, record, table_of, tell


def multiply_and_add(number, factor=1, addend=0):
    with inside("worker", "task", number):
        return number * factor + addend


def apply():
    with Pool(2) as pool:
        for number in (1, 2, 3):
            record("main", "apply", [],
                   lambda number=number: pool.apply(multiply_and_add, (number,), {"factor": 10, "addend": 5}))


def pass_gate(number, gate):
    gate.enter()
    with inside("worker", "task", number):
        return number


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


SCENARIOS = table_of(apply, close)
