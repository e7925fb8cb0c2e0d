"""Arrays that processes share."""

from multiprocessing import Array, Lock, Value

from record import Gate, record, table_of, tell
from value_scenarios import add, join, start

CODES = "bBhHiIlLqQfd"


def change(array):
    for i in range(len(array)):
        array[i] = -array[i]


def negate():
    lock = Lock()
    number = Value("i", 0)
    array = Array("i", range(10))
    tell("main", "array", *array[:])
    go_on = Gate()
    added = Gate()
    first = start("add1", add, "add1", number, 1, lock, added, go_on)
    second = start("add3", add, "add3", number, 3, lock, go_on, added)
    join(start("negate", change, array))
    tell("main", "array", *array[:])
    tell("main", "main end")
    go_on.open()
    join(first)
    join(second)


def change_all(values, arrays):
    for value in values:
        value.value += 1
    for array in arrays:
        for i in range(len(array)):
            array[i] *= 2


def types():
    values = [Value(code, 7) for code in CODES]
    arrays = [Array(code, [1, 2, 3]) for code in CODES]
    zeroed = [Array(code, 3) for code in CODES]
    join(start("child", change_all, values, arrays))
    for code, value in zip(CODES, values):
        tell("main", "value", code, int(value.value))
    for code, array in zip(CODES, arrays):
        tell("main", "array", code, *map(int, array))
    for code, array in zip(CODES, zeroed):
        tell("main", "zeroed", code, *map(int, array))
    array = arrays[CODES.index("i")]
    record("main", "get past the end", [], lambda: array[3])
    record("main", "set past the end", [], lambda: array.__setitem__(3, 1))


SCENARIOS = table_of(negate, types)
