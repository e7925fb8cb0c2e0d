#!/usr/bin/env python3
"""Each system call that core/os makes fails, with ENOSYS and with EPERM, as under a seccomp profile: the core works or says why not.

The calls are those that the sources of core/os name, by the kernel's name, as SYS_name, or by a function of the C library.

  refused_calls_test.py TOUR [WORD...]    only the cases whose name has one of the words in it
"""

import errno
import pathlib
import re
import sys
from typing import Dict, List

import refusing
import surroundings

# What the C library's functions call, where the kernel's name is another.
LIBRARY = {
    "closedir": ["close"],
    "eventfd": ["eventfd2"],
    "exit": [],
    "eventfd_read": ["read"],
    "eventfd_write": ["write"],
    "fork": ["clone"],
    "fstat": ["newfstatat"],
    "getrlimit": ["prlimit64"],
    "opendir": ["openat"],
    "open": ["openat"],
    "pipe": ["pipe2"],
    "posix_spawn": ["clone3", "vfork", "execve"],
    "pthread_atfork": [],
    "pthread_mutex_lock": ["futex"],
    "pthread_mutexattr_setrobust": ["set_robust_list"],
    "pthread_sigmask": ["rt_sigprocmask"],
    "readdir": ["getdents64"],
    "setrlimit": ["prlimit64"],
    "sigaction": ["rt_sigaction"],
    "stat": ["newfstatat"],
    "waitpid": ["wait4"],
}

# The C library, the loader or the tour can't do without these, or no profile refuses them.
EVERY_PROGRAM = {"close", "futex", "getpid", "getppid", "mmap", "munmap", "newfstatat", "read", "write"}

# What the core can't do without, and how it says so. Under each other call that is refused, everything works.
NEEDED: Dict[str, str] = {
    "clone": "fork: ",
    "clone3": r"clone3: |no thread for the core's own work: |posix_spawn\(/proc/self/exe\): ",
    "dup2": r"dup2: |posix_spawn\(/proc/self/exe\): |workers don't start",
    "eventfd2": "eventfd: ",
    "execve": r"posix_spawn\(/proc/self/exe\): ",
    "fallocate": "fallocate: ",
    "fchdir": "fchdir: |workers don't start",
    "fcntl": r"fcntl\(F_\w+\): ",
    "get_robust_list": "get_robust_list: ",
    "getsockopt": "is not the channel to a creator",
    "gettid": "thread id was not found; use another start method",
    "memfd_create": "memfd_create: ",
    "pipe2": "pipe2: ",
    "openat": r"open\(.*\): |is /proc mounted|cannot open shared object file",
    "pidfd_open": "pidfd_open: ",
    "poll": "poll: ",
    "recvmsg": "recvmsg: ",
    "sendmsg": "sendmsg: ",
    "socketpair": "socketpair: ",
}


def calls_of_sources(folder: pathlib.Path, known: Dict[str, int]) -> List[str]:
    """The system calls that the sources in the folder make."""
    found = set()
    sources = [path for path in sorted(folder.glob("*.cc")) if not path.stem.endswith("_test")]
    assert len(sources) > 10, f"the sources of core/os are not in {folder}"
    for source in sources:
        text = re.sub(r"//.*|\"[^\"]*\"", "", source.read_text())
        found.update(re.findall(r"\b(?:SYS|__NR)_(\w+)", text))
        # Not members, and not what a class or a namespace qualifies.
        for name in re.findall(r"(?<![\w.>:])(?:::)?([a-z_0-9]+)\(", text):
            found.update(LIBRARY.get(name, [name] if name in known else []))
    return sorted(found & set(known))


def main() -> int:
    known = refusing.numbers()
    tour = surroundings.place_for_all(sys.argv[1])
    calls = calls_of_sources(pathlib.Path("core/os"), known)
    print(f"{len(calls)} calls: {' '.join(calls)}")
    stale = (set(NEEDED) | EVERY_PROGRAM) - set(calls)
    assert not stale, f"core/os does not call {stale}"
    cases = [surroundings.Case(name=f"{call}_{errno.errorcode[error]}", refusal=NEEDED.get(call, ""),
                               arguments=(f"--refuse={known[call]}:{error}",))
             for call in calls if call not in EVERY_PROGRAM for error in (errno.ENOSYS, errno.EPERM)]
    return surroundings.run("RefusedCalls", cases, tour)


if __name__ == "__main__":
    sys.exit(main())
