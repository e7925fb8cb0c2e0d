"""What the core lacks on a machine: the system calls, the limits and the surroundings that it needs."""

import ctypes
import errno
import os
import platform
import re
import signal
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from machine import GIB, ORDER, Finding, Machine, limits


class Call(NamedTuple):
    """A system call that the core makes."""
    number: Optional[int]  # On x86-64. None: it can't be tried harmlessly.
    arm: Optional[int]  # On 64-bit Arm. None: it can't, or there is no such call.
    arguments: Tuple[int, ...]  # With these it does nothing: it fails with an error of its own, or succeeds.
    effect: str  # Of its refusal. Empty: none, as the core does without.
    is_needed: bool = False  # Something does not work without it.
    since: str = ""  # The version of Linux, where it is newer than 3.10.


EVERY = "no program runs"
NO_FRESH_PROCESS = "spawn and forkserver don't work: use StartMethod::kFork"
NO_MEMORY = "no shared memory: no queue, lock, event or pool"
NO_POOL = "pools and forkserver don't work"
BY_LIFELINE = "a daemonic process ends by its lifeline alone when its creator dies"
IN_SECCOMP = "allow it in the container's or the service's seccomp profile"

# core/testing/doctor_knows_calls_test.py keeps this list, and what is needed of it, in step with core/os.
CALLS: Dict[str, Call] = {
    "access": Call(21, None, (0, 0), "where a process's first thread has ended, a pidfd alone tells whether the others live"),
    "clock_gettime": Call(228, 113, (-1, 0), ""),
    "clone": Call(56, 220, (0x800, 0, 0, 0, 0), "no process can be started by fork or by a pool", True),
    "clone3": Call(435, 435, (0, 0), NO_FRESH_PROCESS + "; pools don't work", True, "5.3"),
    "close": Call(3, 57, (-1,), EVERY, True),
    "dup2": Call(33, None, (-1, -1), NO_FRESH_PROCESS + "; pools don't work", True),
    "eventfd2": Call(290, 19, (0, -1), "pools don't work", True),
    "execve": Call(59, 221, (0, 0, 0), NO_FRESH_PROCESS, True),
    "fallocate": Call(285, 47, (-1, 0, 0, 0), NO_MEMORY, True),
    "fchdir": Call(81, 50, (-1,), NO_POOL, True),
    "fcntl": Call(72, 25, (-1, 0, 0), NO_MEMORY, True),
    "futex": Call(202, 98, (0, 1, 0, 0, 0, 0), EVERY, True),
    "futex_waitv": Call(449, 449, (0, 0, 0, 0, 0), "a process that waits for another looks every 50 ms whether that one has died", False, "5.16"),
    "get_robust_list": Call(274, 100, (0, 0, 0), NO_POOL, True),
    "getdents64": Call(217, 61, (-1, 0, 0), "a fork is refused where the process has a second thread, as it can't be seen whose it is"),
    "getpid": Call(39, 172, (), EVERY, True),
    "getppid": Call(110, 173, (), EVERY, True),
    "getsockopt": Call(55, 209, (-1, 0, 0, 0, 0), NO_FRESH_PROCESS, True),
    "gettid": Call(186, 178, (), NO_POOL, True),
    "kill": Call(62, 129, (0x7FFFFFF0, 0), "a pidfd alone tells whether a process lives"),
    "madvise": Call(28, 233, (0, 0, 0), "core dumps hold shared memory, and forks are noticed by handlers alone"),
    "membarrier": Call(324, 283, (0, 0, 0), "each operation of a queue costs a full fence more", False, "4.16"),
    "memfd_create": Call(319, 279, (0, 0), NO_MEMORY, True, "3.17"),
    "mmap": Call(9, 222, (0, 0, 0, 0, -1, 0), EVERY, True),
    "munmap": Call(11, 215, (1, 0), EVERY, True),
    "nanosleep": Call(35, 101, (0, 0), ""),
    "newfstatat": Call(262, 79, (-1, 0, 0, 0), EVERY, True),
    "openat": Call(257, 56, (-1, 0, 0, 0), NO_FRESH_PROCESS + "; pools don't work", True),
    "pause": Call(None, None, (), ""),
    "pidfd_open": Call(434, 434, (-1, 0), "no process can be waited for, so none is started", True, "5.3"),
    "pidfd_send_signal": Call(424, 424, (-1, 0, 0, 0), "Terminate and Kill fail, but for daemonic processes, which end by their lifeline", False, "5.1"),
    "pipe2": Call(293, 59, (0, -1), NO_POOL + ", nor do daemonic processes", True),
    "poll": Call(7, None, (0, 0, 0), "no process can be waited for", True),
    "prctl": Call(157, 167, (3, 0, 0, 0, 0), BY_LIFELINE),
    "prlimit64": Call(302, 261, (0, 7, 0, 0), "the soft limit of descriptors is not raised where it is needed"),
    "read": Call(0, 63, (-1, 0, 0), EVERY, True),
    "recvmsg": Call(47, 212, (-1, 0, 0), NO_FRESH_PROCESS + "; pools don't work", True),
    "rt_sigaction": Call(13, 134, (0, 0, 0, 8), BY_LIFELINE),
    "rt_sigprocmask": Call(14, 135, (0, 0, 0, 8), "the core's own threads handle signals, too"),
    "sched_yield": Call(24, 124, (), "a thread that waits keeps its processor a little longer"),
    "sendmsg": Call(46, 211, (-1, 0, 0), NO_FRESH_PROCESS + "; pools don't work", True),
    "set_robust_list": Call(273, 99, (0, 0), "the death of a process that holds something is noticed within a second, not at once"),
    "socketpair": Call(53, 199, (1, 1, 0, 0), NO_FRESH_PROCESS + "; pools don't work", True),
    "unshare": Call(272, 97, (0,), "without /proc it is unknown whether a process has one thread"),
    "vfork": Call(None, None, (), ""),
    "waitid": Call(247, 95, (-1, 0, 0, 0, 0), "exit codes and signals of ended processes are unknown", False, "5.4"),
    "write": Call(1, 64, (-1, 0, 0), EVERY, True),
}


def attempt(call: Call) -> Optional[int]:
    """The error with which the kernel, or a sandbox, refuses the call; SIGSYS as a negative number if it kills for it; 0: it is there.

    None: not to be known. A process of its own tries it.
    """
    number = {"x86_64": call.number, "aarch64": call.arm}.get(platform.machine())
    if number is None:
        return None
    library = ctypes.CDLL(None, use_errno=True)
    child = os.fork()
    if child == 0:
        outcome = library.syscall(ctypes.c_long(number), *[ctypes.c_long(argument) for argument in call.arguments])
        error = ctypes.get_errno() if outcome == -1 else 0
        os._exit(error if error in (errno.ENOSYS, errno.EPERM, errno.EACCES) else 0)
    _, status = os.waitpid(child, 0)
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def calls(refusal: Callable[[Call], Optional[int]]) -> Iterator[Finding]:
    for name, call in CALLS.items():
        refused = refusal(call)
        if refused is None:
            yield Finding(name, "ok", f"{name} is not tried")
        elif refused == 0:
            yield Finding(name, "ok", name)
        elif refused == -signal.SIGSYS:
            yield Finding(name, "bad", f"{name} is forbidden on pain of death (SIGSYS)", "every process that uses the core is killed",
                          f"{IN_SECCOMP}, or have the profile answer ENOSYS")
        elif refused < 0:
            yield Finding(name, "unknown", f"{name}: signal {-refused} killed the process that tried it")
        elif not call.effect or name == "clone3" and refused == errno.ENOSYS:  # For clone3 the C library, too, has a second way.
            yield Finding(name, "ok", f"{name} is refused ({errno.errorcode[refused]}), and not missed")
        else:
            remedy = IN_SECCOMP + (", or have the profile answer ENOSYS" if name == "clone3" else "")
            yield Finding(name, "bad" if call.is_needed else "warn", f"{name} is refused ({errno.errorcode[refused]})", call.effect,
                          f"Linux {call.since} or newer, and {remedy}" if call.since else remedy)


# Limits that the core runs into: the finding, the name in /proc/self/limits, how they are set, below which number they matter, and how.
BOUNDS = (
    ("open_files", "Max open files", "ulimit -n, LimitNOFILE=, docker run --ulimit nofile=", 64,
     "a start or a new object fails with ResourceExhausted: a program with a pool of two workers needs about 32"),
    ("file_size", "Max file size", "ulimit -f, LimitFSIZE=, docker run --ulimit fsize=", GIB,
     "shared memory consists of files: what would be larger fails with ResourceExhausted"),
    ("address_space", "Max address space", "ulimit -v, LimitAS=, docker run --ulimit as=", 4 * GIB,
     "mapping shared memory fails with ResourceExhausted, and so may malloc"),
    ("user_processes", "Max processes", "ulimit -u, LimitNPROC=, docker run --ulimit nproc=", 256,
     "starts fail with ResourceExhausted: all processes and threads of this user count"),
)


def surroundings(m: Machine) -> Iterator[Finding]:
    version = re.match(r"(\d+)\.(\d+)", m.text("proc/sys/kernel/osrelease") or "")
    if version is None:
        yield Finding("kernel", "unknown", "the version of the kernel is not to be seen")
    elif (number := (int(version[1]), int(version[2]))) < (5, 3):
        yield Finding("kernel", "bad", f"Linux {version[0]}", "no process can be waited for (pidfd_open)", "Linux 5.3, better 5.16, or newer")
    elif number < (5, 16):
        yield Finding("kernel", "warn", f"Linux {version[0]}", "waits look every 50 ms whether a peer died (futex_waitv); before 5.4 exit "
                      "codes are unknown (waitid)", "Linux 5.16 or newer")
    else:
        yield Finding("kernel", "ok", f"Linux {version[0]}")

    proc = "mount -t proc proc /proc; for a chroot: mount --bind /proc ROOT/proc"
    options = next((words[3] for words in map(str.split, m.lines("proc/mounts")) if words[1:2] == ["/proc"]), "")
    hidden = re.search(r"hidepid=(\w+)", options)
    if m.text("proc/self/stat") is None:
        yield Finding("proc", "bad", "no /proc", f"{NO_FRESH_PROCESS}; a fork is refused where it is unknown whether the process has one thread", proc)
    elif hidden and hidden[1] not in ("0", "off"):
        yield Finding("proc", "ok", "/proc hides the processes of other users (hidepid); a pidfd tells of their deaths")
    else:
        yield Finding("proc", "ok", "/proc")
    if (m.root / "dev/null").exists():
        yield Finding("dev_null", "ok", "/dev/null")
    else:
        yield Finding("dev_null", "warn", "no /dev/null", "a process started with descriptor 0, 1 or 2 closed gets one that can't be read "
                      "or written; forkserver refuses then", "mount --bind /dev/null, or start with all three open")

    yield from (finding for finding in limits(m) if finding.id in ("memory_limit", "pids_limit"))
    for identity, name, remedy, least, effect in BOUNDS:
        words = next((line[len(name):].split() for line in m.lines("proc/self/limits") if line.startswith(name)), [])
        # The core raises the soft limit of descriptors by itself.
        value = words[1 if identity == "open_files" else 0] if len(words) > 1 else ""
        if not value:
            yield Finding(identity, "unknown", f"no limit called '{name}' is to be seen")
        elif value.isdigit() and int(value) < least:
            yield Finding(identity, "warn", f"{name[4:]}: at most {value}", effect, remedy)
        else:
            yield Finding(identity, "ok", f"{name[4:]}: {value}")
    name = "Max locked memory"
    locked = next((line[len(name):].split()[0] for line in m.lines("proc/self/limits") if line.startswith(name)), None)
    yield Finding("locked_memory", "unknown" if locked is None else "ok", f"no limit called '{name}' is to be seen" if locked is None else
                  f"locked memory: {locked}, which matters to a program that calls mlockall")

    overcommit = m.number("proc/sys/vm/overcommit_memory")
    if overcommit is None:
        yield Finding("overcommit", "unknown", "vm.overcommit_memory is not to be seen")
    elif overcommit == 2:
        yield Finding("overcommit", "warn", "vm.overcommit_memory is 2", "a fork counts all of the process's memory once more, and shared memory "
                      "counts when it is made: ResourceExhausted comes early", "raise vm.overcommit_ratio, and start by spawn or forkserver")
    else:
        yield Finding("overcommit", "ok", f"vm.overcommit_memory is {overcommit}")

    pattern = m.text("proc/sys/kernel/core_pattern")
    core = next((line for line in m.lines("proc/self/limits") if line.startswith("Max core file size")), "")
    writes = core[len("Max core file size"):].split()[:1] not in ([], ["0"])
    if pattern is None:
        yield Finding("core_pattern", "unknown", "not to be seen where core dumps go")
    elif pattern.startswith("|") or writes and pattern:
        yield Finding("core_pattern", "ok", f"core dumps go to {pattern}; the death of a worker that dumps is told when the dump is written")
    else:
        yield Finding("core_pattern", "ok", "no core dumps")

    filters = m.field("proc/self/status", "Seccomp")
    yield Finding("seccomp", "unknown" if filters is None else "ok",
                  {None: "not to be seen whether there is a seccomp filter", "0": "no seccomp filter"}.get(
                      filters, "a seccomp filter is on; the calls above were tried under it"))
    privileges = m.field("proc/self/status", "NoNewPrivs")
    yield Finding("no_new_privs", "unknown" if privileges is None else "ok",
                  "no_new_privs is not to be seen" if privileges is None else f"no_new_privs is {privileges}; the core gains no privileges")
    yama = m.number("proc/sys/kernel/yama/ptrace_scope")
    yield Finding("ptrace", "ok", "the core needs no ptrace" + (
        f"; ptrace_scope {yama} lets a debugger attach to its own children only" if yama else ""))


def examine(m: Machine, refusal: Callable[[Call], Optional[int]] = attempt) -> List[Finding]:
    """`refusal`: which error, if any, refuses a system call."""
    return sorted([*calls(refusal), *surroundings(m)], key=lambda finding: ORDER.index(finding.severity))
