"""Processes: waiting for them, their names and parents, what they share and what not."""

import atexit
import multiprocessing
import multiprocessing.util  # Has its callback for the end before ours, so that ours runs first.
import os
import pathlib
import select
import subprocess
import sys
import threading
from multiprocessing import Pool, Process

from record import Gate, inside, record, record_join, table_of, tell, tell_exit

TIMEOUT = 0.05


def run(process):
    process.start()
    process.join()
    tell_exit(process)


# Waiting, ending.


def say_three_lines():
    for i in range(1, 4):
        tell("child", "line", i)
    sys.exit(3)


def join():
    run(Process(target=say_three_lines, name="child"))
    tell("main", "end")


def pass_and_say_three_lines(gate):
    gate.enter()
    say_three_lines()


def no_join():
    gate = Gate()
    atexit.register(gate.open)
    child = Process(target=pass_and_say_three_lines, args=(gate,))
    record("main", "start", [], child.start)
    tell("main", "end")


def join_timeout():
    gate = Gate()
    child = Process(target=pass_and_say_three_lines, name="child", args=(gate,))
    child.start()
    record_join("main", "join", child, TIMEOUT)
    tell("main", "alive", child.is_alive())
    tell("main", "code", child.exitcode)
    gate.open()
    child.join()
    tell_exit(child)
    tell("main", "code", child.exitcode)


def is_alive():
    gate = Gate()
    child = Process(target=pass_and_say_three_lines, name="child", args=(gate,))
    tell("main", "alive", child.is_alive())
    child.start()
    tell("main", "alive", child.is_alive())
    gate.open()
    child.join()
    tell_exit(child)
    tell("main", "alive", child.is_alive())


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
    child.terminate()  # On the dead it does nothing.


def say_line(actor, gate):
    gate.enter()
    tell(actor, "line")


def create_both(daemon_gate, plain_gate, returns):
    child = Process(target=say_line, args=("daemon", daemon_gate), daemon=True)
    child.start()

    def change():
        child.daemon = False

    record("creator", "change of the flag", [], change)
    plain = Process(target=say_line, args=("plain", plain_gate))
    plain.start()
    tell("creator", "flags", child.daemon, plain.daemon)
    returns.open()


def tell_flag_of_a_child_to_be():
    tell("creator", "flag as the creator's", Process().daemon)


def daemon():
    daemon_gate = Gate()
    plain_gate = Gate()
    returns = Gate()
    creator = Process(target=create_both, name="creator", args=(daemon_gate, plain_gate, returns))
    creator.start()
    returns.enter()
    record_join("main", "early join", creator, TIMEOUT)
    plain_gate.open()
    creator.join()
    tell_exit(creator)
    daemon_gate.open()  # Nobody is there any more.
    run(Process(target=tell_flag_of_a_child_to_be, name="daemonic creator", daemon=True))


def live_on(ready, done):
    creator = os.pidfd_open(multiprocessing.parent_process().pid)
    ready.open()
    select.select([creator], [], [])
    tell("orphan", "parent now", os.getppid())
    done.open()


def leave_an_orphan(ready, done, die):
    """And dies, by itself or not."""
    Process(target=live_on, args=(ready, done)).start()
    die.enter()
    os._exit(5)  # pylint: disable=protected-access


def end_without_join(gate, returns):
    Process(target=say_line, args=("not an orphan", gate)).start()
    returns.open()


def orphan():
    gate = Gate()
    returns = Gate()
    ending = Process(target=end_without_join, name="ending", args=(gate, returns))
    ending.start()
    returns.enter()
    record_join("main", "early join", ending, TIMEOUT)
    gate.open()
    ending.join()
    tell_exit(ending)

    # Orphans come to the process that looks after them in this process's place.
    tell("main", "who takes orphans", os.getppid())
    for role in ("killed", "leaving"):
        ready = Gate()
        done = Gate()
        die = Gate()
        dying = Process(target=leave_an_orphan, name=role, args=(ready, done, die))
        dying.start()
        ready.enter()
        if role == "killed":
            dying.kill()
        else:
            die.open()
        dying.join()
        tell_exit(dying)
        done.enter()


TEXT = "no such boat"


def throw():
    tell("boatman", "throws", "RuntimeError", TEXT, "boatman")
    raise RuntimeError(TEXT)


def exception():
    run(Process(target=throw, name="boatman"))
    run(Process(target=say_three_lines, name="next"))


# Names, parents, arguments, and where processes may be started.


def say_pids(actor):
    tell(actor, "own pid", os.getpid())
    tell(actor, "parent", os.getppid())
    tell(actor, "creator", multiprocessing.parent_process().pid)


def pid():
    child = Process(target=say_pids, name="child", args=("child",))
    tell("main", "pid before the start", child.pid)
    child.start()
    tell("main", "pid of the child", child.pid)
    tell("main", "own pid", os.getpid())
    child.join()
    tell_exit(child)


def say_name(actor):
    tell(actor, "own name", multiprocessing.current_process().name)


def say_name_and_have_children():
    say_name("child")
    for _ in range(2):
        grandchild = Process(target=say_name, args=("grandchild",))
        grandchild.start()
        tell("child", "name of a grandchild", grandchild.name)
        grandchild.join()


def tell_name_and_run(process):
    tell("main", "name", process.name)
    process.start()
    process.join()


def name():
    tell_name_and_run(Process(target=say_name_and_have_children))
    tell_name_and_run(Process(target=say_name, name="given", args=("child",)))
    tell_name_and_run(Process(target=say_name, args=("child",)))
    with Pool(2):
        tell_name_and_run(Process(target=say_name, args=("child",)))


def say_arguments(first, second, name="nobody", age=0, tall=False):
    tell("child", "arguments", first, second, name, age, tall)


def args_kwargs():
    run(Process(target=say_arguments, name="child", args=("test", 18), kwargs={"name": "m", "age": 20, "tall": True}))
    run(Process(target=say_arguments, name="defaults", args=("", -1)))
    run(Process(name="nothing to do"))


def be_grandchild():
    say_pids("grandchild")
    say_name("grandchild")
    sys.exit(4)


def have_grandchild():
    tell("child", "own pid", os.getpid())
    grandchild = Process(target=be_grandchild)
    grandchild.start()
    tell("child", "pid of the grandchild", grandchild.pid)
    grandchild.join()
    tell_exit(grandchild, "grandchild")
    sys.exit(5)


def grandchildren():
    child = Process(target=have_grandchild)
    child.start()
    child.join()
    tell_exit(child, "child")


def say_that_it_runs():
    tell("child", "line")


def try_to_start():
    record("worker", "start", [], Process(target=say_that_it_runs).start)


def seventeen():
    return 17


def daemon_no_children():
    pool = Pool(1)
    record("main", "task", [], lambda: pool.apply(try_to_start))
    record("main", "task", [], lambda: pool.apply(seventeen))
    pool.close()
    pool.join()


def say_line_in_time():
    tell("child", "line in time")


def bootstrap_guard():
    """What starts before its program is loaded is a program of its own."""
    program = pathlib.Path(__file__).with_name("unguarded.py")
    subprocess.run([sys.executable, "-B", program, multiprocessing.get_start_method()], check=True)
    run(Process(target=say_line_in_time, name="child"))


def cpu_count():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    count = multiprocessing.cpu_count()
    tell("main", "counts what it may use", count == 1)
    workers = max(1, count - 1)
    with Pool(workers):
        tell("main", "leaves one free", len(multiprocessing.active_children()) == workers)


# Side by side, and what isn't shared.


def loop(actor, turn, done):
    i = 0
    while True:
        turn.enter()
        i += 1
        tell(actor, "turn", i)
        done.open()


def two_loops():
    """Each goes on while the other and the parent stand still."""
    hi_turn = Gate()
    yes_turn = Gate()
    done = Gate()
    hi = Process(target=loop, name="say_hi", args=("say_hi", hi_turn, done))
    yes = Process(target=loop, name="say_yes", args=("say_yes", yes_turn, done))
    hi.start()
    yes.start()
    for i in (1, 2):
        tell("main", "turn", i)
        hi_turn.open(3)
        done.enter(3)
        yes_turn.open(3)
        done.enter(3)
    # Both at once.
    hi_turn.open(3)
    yes_turn.open(3)
    done.enter(6)
    hi.terminate()
    yes.terminate()
    hi.join()
    yes.join()
    tell_exit(hi)
    tell_exit(yes)
    tell("main", "alive", hi.is_alive(), yes.is_alive())


numbers = [11, 22]


def tell_numbers(actor):
    tell(actor, "numbers", *numbers)


def append_three(actor):
    tell_numbers(actor)
    for i in range(3):
        numbers.append(i)
        tell_numbers(actor)


def no_shared_globals():
    run(Process(target=append_three, name="first", args=("first",)))
    run(Process(target=tell_numbers, name="second", args=("second",)))
    tell_numbers("main")


def share_among_threads():
    for work, actor in ((append_three, "first"), (tell_numbers, "second")):
        thread = threading.Thread(target=work, args=(actor,))
        thread.start()
        thread.join()


def threads_share():
    """The threads are a child's, so that the parent's list is the contrast."""
    run(Process(target=share_among_threads, name="child"))
    tell_numbers("main")


LARGE = 16 << 20
large_array = bytearray()


def write_to_the_array():
    tell("child", "sees", len(large_array), large_array[-1] if large_array else None)
    if large_array:
        large_array[-1] = 9
        tell("child", "wrote", large_array[-1])


def clone_cost():
    large_array.extend(b"\x07" * LARGE)
    tell("main", "method", multiprocessing.get_start_method())
    run(Process(target=write_to_the_array, name="child"))
    tell("main", "still has", len(large_array), large_array[-1])


def download(file, here, go):
    with inside("child", "download", file):
        here.open()
        go.enter()
    sys.exit(3)


def two_downloads():
    here = Gate()
    go = Gate()
    with inside("main", "total"):
        first = Process(target=download, name="first", args=("first.pdf", here, go))
        second = Process(target=download, name="second", args=("second.pdf", here, go))
        first.start()
        second.start()
        here.enter(2)
        go.open(2)
        first.join()
        tell_exit(first)
        second.join()
        tell_exit(second)


SCENARIOS = table_of(
    args_kwargs, bootstrap_guard, clone_cost, cpu_count, daemon, daemon_no_children, exception, grandchildren, is_alive,
    join, join_timeout, name, no_join, no_shared_globals, orphan, pid, terminate, threads_share, two_downloads, two_loops)
