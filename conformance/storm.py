#!/usr/bin/env python3
"""The long forms of all tests that kill, stop and interrupt processes, one after another, with a tally.

  ./tools/bazel run //conformance:storm                    all: an hour or two
  ./tools/bazel run //conformance:storm -- queue pool_st   those whose names contain one of the words
  ./tools/bazel run //conformance:storm -- --list          what there is
"""

import os
import pathlib
import subprocess
import sys
import time

# Where the program lies, what its environment says, what it is, and the lines of it that a tally wants.
STORMS = [
    ("core/ipc/queue_storm_test", {"REGATTA_STORM_KILLS": "2000"},
     "10,000 kills of putters and getters in four processes, 2,000 for each of five queues"),
    ("core/pool/pool_storm_test", {"REGATTA_STORM_KILLS": "1000"},
     "1,000 kills of workers under load, each looked at"),
    ("core/pool/nursery_death_test", {"REGATTA_STORM_KILLS": "1000"},
     "1,000 kills of a pool's nursery, among tasks and dying workers, by fork and by spawn"),
    ("core/pool/disturbance_storm_test", {"REGATTA_STORM_KILLS": "400"},
     "kills, stops and signals over queue, lock, processes and every call of a pool; creators killed"),
    ("core/sync/lock_step_test", {"REGATTA_EVERY_STEP": "1"},
     "killed after every instruction of acquiring and releasing"),
    ("core/sync/event_step_test", {"REGATTA_EVERY_STEP": "1"},
     "killed after every instruction of setting, clearing and waiting"),
    ("core/pool/worker_step_test", {"REGATTA_EVERY_STEP": "1"},
     "killed after every instruction between two tasks"),
    ("core/ipc/queue_step_test", {"REGATTA_EVERY_STEP": "1"},
     "killed after every instruction of putting and getting"),
    ("core/ipc/connection_step_test", {"REGATTA_EVERY_STEP": "1"},
     "killed after every instruction of sending and receiving"),
]
TELLING = ("killed", "items put", "single tasks", "disturbed", "others waited", "seed")


def run(path, environment, what, number, count):
    """Runs one, shows what it says; returns (passed, its telling lines, seconds)."""
    print(f"\n[{number}/{count}] {path}: {what}", flush=True)
    start = time.monotonic()
    lines = []
    with subprocess.Popen([path], env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace") as program:
        for line in program.stdout:
            print("  " + line, end="", flush=True)
            if any(word in line for word in TELLING) and not line.startswith("["):
                lines.append(line.strip())
    return program.returncode == 0, lines, time.monotonic() - start


def main(words):
    chosen = [storm for storm in STORMS if not words or any(word in storm[0] for word in words)]
    if "--list" in words:
        for path, environment, what in STORMS:
            print(f"{path}: {what} ({' '.join(f'{key}={value}' for key, value in environment.items())})")
        return 0
    if not chosen:
        sys.exit(f"storm: none is called like {' or '.join(words)}; --list shows them")
    missing = [path for path, _, _ in chosen if not pathlib.Path(path).exists()]
    if missing:
        sys.exit(f"storm: {missing[0]} is not here: start it by ./tools/bazel run //conformance:storm")

    results = []
    for number, (path, environment, what) in enumerate(chosen, start=1):
        results.append((path, *run(path, environment, what, number, len(chosen))))

    print("\n== Tally")
    for path, passed, lines, seconds in results:
        print(f"{'passed' if passed else 'FAILED'}  {path}  {seconds:.0f} s")
        for line in lines:
            print(f"        {line}")
    failed = sum(not passed for _, passed, _, _ in results)
    print(f"{len(results) - failed} storms passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
