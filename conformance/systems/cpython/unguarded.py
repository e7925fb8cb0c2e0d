"""A program that starts a process and makes a pool while it is being loaded: for process/bootstrap-guard."""

import multiprocessing
import sys

from record import error_kind, tell


def say_that_it_runs():
    tell("child", "line")


def attempt(kind, call):
    try:
        call()
    except Exception as error:
        tell("main", kind, error=error_kind(error))
        raise
    tell("main", kind)


def make_pool():
    multiprocessing.Pool(1).terminate()


if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])

child = multiprocessing.Process(target=say_that_it_runs)
attempt("start", child.start)
child.join()
attempt("pool", make_pool)
