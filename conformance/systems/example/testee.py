#!/usr/bin/env python3
"""A testee of somebody else's: os.fork as a system for processes. It can play process/join, and says so of no other."""

import json
import os
import sys
import time

CANT_PLAY = 64


def tell(actor, kind, *values):
    now = time.monotonic_ns()
    event = {"begin": now, "end": now, "pid": os.getpid(), "actor": actor, "kind": kind, "values": values}
    trace = os.open(os.environ["REGATTA_TRACE"], os.O_WRONLY | os.O_APPEND)
    os.write(trace, (json.dumps(event) + "\n").encode())
    os.close(trace)


def join():
    child = os.fork()
    if child == 0:
        for i in (1, 2, 3):
            tell("child", "line", i)
        os._exit(3)
    _, status = os.waitpid(child, 0)
    tell("main", "exit", "child", os.waitstatus_to_exitcode(status))
    tell("main", "end")


if sys.argv[1:] != ["process/join", "fork"]:
    sys.exit(CANT_PLAY)
join()
