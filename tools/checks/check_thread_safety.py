#!/usr/bin/env python3
"""Checks with clang's -Wthread-safety that the core touches what a mutex guards only while it holds the mutex.

Checks each source of the core that includes core/os/mutex.h, directly or not. Build first: clang reads Abseil's headers where Bazel
put them. Exit code 1 where clang finds an error, or where it does not find one in a sample that has one.
"""

import concurrent.futures
import functools
import os
import pathlib
import re
import subprocess
import sys
from typing import FrozenSet, List, Optional

MUTEX = "core/os/mutex.h"
INCLUDE = re.compile(r'^#include "(core/[^"]+)"', re.MULTILINE)

# Two accesses without the mutex.
SAMPLE = """
#include "core/os/mutex.h"
struct Sample {
  regatta::Mutex mutex;
  int guarded ABSL_GUARDED_BY(mutex) = 0;
  void Never() { ++guarded; }
  void TooLate() {
    regatta::MutexLock lock(mutex);
    lock.Unlock();
    ++guarded;
  }
};
"""


@functools.lru_cache(maxsize=None)
def includes(path: str) -> FrozenSet[str]:
    """The core's headers that the file at `path` includes, directly or not."""
    if not os.path.exists(path):  # A generated one, or none: the compiler says so.
        return frozenset()
    direct = INCLUDE.findall(pathlib.Path(path).read_text(encoding="utf-8"))
    return frozenset(direct).union(*(includes(name) for name in direct))


def clang(flags: List[str], source: str, text: Optional[str] = None) -> subprocess.CompletedProcess:
    command = ["clang++", "-std=c++20", "-fsyntax-only", "-Wthread-safety", "-Werror", "-I.", *flags, source]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


def main() -> int:
    os.chdir(pathlib.Path(__file__).resolve().parents[2])
    base = subprocess.run(["./tools/bazel", "info", "output_base"], check=True, capture_output=True, text=True).stdout.strip()
    flags = ["-isystem", f"{base}/external/com_google_absl"]

    found = clang(flags + ["-x", "c++"], "-", SAMPLE).stderr.count("[-Werror,-Wthread-safety-analysis]")
    if found != 2:
        print(f"check_thread_safety: found {found} of the 2 mistakes of its sample")
        return 1

    sources = sorted(str(path) for path in pathlib.Path("core").rglob("*.cc")
                     if not path.name.endswith(("_test.cc", "_fuzz.cc")) and MUTEX in includes(str(path)))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        results = list(workers.map(lambda source: clang(flags, source), sources))
    failed = [result for result in results if result.returncode != 0]
    for result in failed:
        print(result.stderr)
    print(f"check_thread_safety: {len(sources)} sources, {len(failed)} with errors", file=sys.stderr)
    return 1 if failed or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
