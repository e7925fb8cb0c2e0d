"""Processes: creating, naming, waiting, ending."""

import sys
from multiprocessing import Process

from record import Gate, table_of, tell, tell_exit


def say_three_lines():
    for i in range(1, 4):
        tell("child", "line", i)
    sys.exit(3)


def join():
    child = Process(target=say_three_lines, name="child")
    child.start()
    child.join()
    tell_exit(child)
    tell("main", "end")


def say_arguments(first, second, name="nobody", age=0, tall=False):
    tell("child", "arguments", first, second, name, age, tall)


def args_kwargs():
    child = Process(target=say_arguments, name="child", args=("test", 18), kwargs={"name": "m", "age": 20, "tall": True})
    defaults = Process(target=say_arguments, name="defaults", args=("", -1))
    nothing_to_do = Process(name="nothing to do")
    for process in (child, defaults, nothing_to_do):
        process.start()
        process.join()
        tell_exit(process)


def take_steps(step, done):
    i = 0
    while True:
        step.enter()
        i += 1
        tell("child", "step", i)
        done.open()


def terminate():
    step = Gate()
    done = Gate()
    child = Process(target=take_steps, name="child", args=(step, done))
    child.start()
    step.open(2)
    done.enter(2)
    child.terminate()
    step.open(2)  # Nobody is there any more.
    child.join()
    tell_exit(child)


SCENARIOS = table_of(args_kwargs, join, terminate)
