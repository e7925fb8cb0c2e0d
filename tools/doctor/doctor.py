#!/usr/bin/env python3
"""Says what on this machine spoils measurements, or what the core lacks here, and what to do about it.

  ./tools/bazel run //tools/doctor
  ./tools/bazel run //tools/doctor -- --core     what the core lacks on this machine, in this container, under these limits
  ./tools/bazel run //tools/doctor -- --json     {"schema": "regatta.doctor", "version": 1, "findings": [...]}
  ./tools/bazel run //tools/doctor -- --strict   exit code 1 if anything is bad

The file runs alone, too: python3 doctor.py --core, as the user and in the container that it is about.

It changes nothing and needs no rights. A finding: what was seen, what it spoils, what to do. Without --core it looks for a second at
what runs meanwhile.
  bad      Numbers measured now mislead. With --core: something of the core does not work here.
  warn     Numbers hold on this machine in this state; their noise or their level is not what it could be. With --core: everything
           works, but slower, or only up to a limit.
  unknown  Not to be seen from here.
"""

import argparse
import ctypes
import errno
import json
import os
import pathlib
import platform
import re
import signal
import sys
import textwrap
import time
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

ORDER = ("bad", "warn", "unknown", "ok")
GIB = 1 << 30


class Finding(NamedTuple):
    id: str
    severity: str
    seen: str
    spoils: str = ""
    remedy: str = ""


class Machine:
    """The machine's own account of itself: /proc and /sys below `root`, and which error, if any, refuses a system call."""

    def __init__(self, root: str = "/", refusal: "Optional[Callable[[Call], Optional[int]]]" = None):
        self.root = pathlib.Path(root)
        self.refusal = refusal or attempt

    def text(self, path: str) -> Optional[str]:
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    def number(self, path: str) -> Optional[int]:
        text = self.text(path)
        return int(text) if text and re.fullmatch(r"-?\d+", text) else None

    def lines(self, path: str) -> List[str]:
        return (self.text(path) or "").splitlines()

    def field(self, path: str, name: str) -> Optional[str]:
        """Of 'name: value'."""
        for line in self.lines(path):
            key, colon, value = line.partition(":")
            if colon and key.strip() == name:
                return value.strip()
        return None

    def cgroups(self, controller: str) -> Iterator[str]:
        """The folders of this process's control groups that rule over `controller`, from the innermost."""
        for line in self.lines("proc/self/cgroup"):
            _, controllers, path = line.split(":", 2)
            if controllers == "" or controller in controllers.split(","):
                base = "sys/fs/cgroup" if controllers == "" else f"sys/fs/cgroup/{controller}"
                parts = [part for part in path.split("/") if part and part != ".."]
                for end in range(len(parts), -1, -1):
                    yield "/".join([base, *parts[:end]])

    def limit(self, controller: str, names: Tuple[str, ...]) -> Optional[int]:
        """The narrowest of the control groups' limits."""
        found = [self.number(f"{group}/{name}") for group in self.cgroups(controller) for name in names]
        return min((value for value in found if value is not None and 0 <= value < 1 << 60), default=None)

    def memory(self) -> Optional[int]:
        words = (self.field("proc/meminfo", "MemTotal") or "").split()
        return int(words[0]) * 1024 if words else None

    def online(self) -> Set[int]:
        return numbers(self.text("sys/devices/system/cpu/online") or "")

    def allowed(self) -> Set[int]:
        return numbers(self.field("proc/self/status", "Cpus_allowed_list") or "") or self.online()

    def busy(self) -> Dict[str, float]:
        """Ticks of all processors by kind."""
        for line in self.lines("proc/stat"):
            if line.startswith("cpu "):
                words = [int(word) for word in line.split()[1:9]]
                return dict(zip(("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"), words))
        return {}

    def processes(self) -> Dict[Tuple[str, str], int]:
        """Ticks by (pid, name)."""
        found = {}
        for folder in (self.root / "proc").glob("[0-9]*"):
            text = self.text(f"proc/{folder.name}/stat")
            if text and ")" in text:
                name = text[text.index("(") + 1:text.rindex(")")]
                fields = text[text.rindex(")") + 2:].split()
                found[folder.name, name] = int(fields[11]) + int(fields[12])
        return found

    def swapped(self) -> int:
        return sum(int(line.split()[1]) for line in self.lines("proc/vmstat") if re.match(r"pswp(in|out) ", line))


def numbers(text: str) -> Set[int]:
    """'0-3,8' as a set."""
    found = set()
    for part in re.findall(r"(\d+)(?:-(\d+))?", text):
        found.update(range(int(part[0]), int(part[1] or part[0]) + 1))
    return found


def size(count: int) -> str:
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{count >> 20} MiB"


def processors(m: Machine) -> Iterator[Finding]:
    online, allowed = m.online(), m.allowed()
    usable = len(allowed)
    if usable == 0:
        yield Finding("processors", "unknown", "the number of processors is not to be seen")
    elif usable == 1:
        yield Finding("processors", "bad", "one usable processor", "nothing runs at the same time: every comparison of a pool with a loop",
                      "measure on a machine with two processors or more, or widen the affinity: taskset -c 0-1 ...")
    else:
        yield Finding("processors", "ok", f"{usable} usable processors")
    if allowed < online:
        yield Finding("cpuset", "warn", f"only {usable} of {len(online)} processors are allowed to this process",
                      "placements: neighbours may run on the siblings and caches of ours",
                      "start without taskset, or widen the container's cpuset: docker run --cpuset-cpus=...")
    else:
        yield Finding("cpuset", "ok" if online else "unknown", "all processors are allowed" if online else "no processor is to be seen")
    isolated = numbers(m.text("sys/devices/system/cpu/isolated") or "")
    if isolated & allowed:
        yield Finding("isolation", "bad", f"processors {sorted(isolated & allowed)} are isolated from the scheduler",
                      "unpinned workers: the scheduler never moves them, and they pile up on one processor",
                      "pin every arm, or boot without isolcpus=")
    else:
        tick = m.text("sys/devices/system/cpu/nohz_full")
        yield Finding("isolation", "ok", "no processor is isolated" + (f"; no ticks on {tick}" if numbers(tick or "") else ""))


def frequency(m: Machine) -> Iterator[Finding]:
    cpu = "sys/devices/system/cpu"
    hidden = "how fast a processor runs changes with what ran before, and by the host's choice"
    found = sorted({(folder / "scaling_governor").read_text().strip()
                    for folder in (m.root / cpu).glob("cpu[0-9]*/cpufreq") if (folder / "scaling_governor").exists()})
    if not found:
        yield Finding("governor", "unknown", "no cpufreq: the host or the firmware sets the frequency", hidden,
                      "compare only what was measured in one run; the sentinel shows changes")
    elif found == ["performance"]:
        yield Finding("governor", "ok", "governor performance")
    else:
        yield Finding("governor", "bad", f"governor {', '.join(found)}", "short benchmarks: the frequency follows the load with a delay",
                      "sudo cpupower frequency-set -g performance")
    no_turbo, boost = m.number(f"{cpu}/intel_pstate/no_turbo"), m.number(f"{cpu}/cpufreq/boost")
    if no_turbo == 0 or boost == 1:
        name = "intel_pstate/no_turbo" if no_turbo == 0 else "cpufreq/boost"
        yield Finding("turbo", "warn", "turbo is on", "one busy processor runs faster than several: speed-up by workers looks worse than it is",
                      f"echo {1 if no_turbo == 0 else 0} | sudo tee /sys/devices/system/cpu/{name}")
    elif no_turbo is None and boost is None:
        yield Finding("turbo", "unknown", "not to be seen whether turbo is on", hidden, "ask whoever runs the host")
    else:
        yield Finding("turbo", "ok", "turbo is off")
    siblings = [m.text(f"{cpu}/cpu{n}/topology/thread_siblings_list") for n in sorted(m.online())]
    if m.number(f"{cpu}/smt/active") == 1 or any(len(numbers(text or "")) > 1 for text in siblings):
        yield Finding("smt", "warn", "processors share cores (SMT)", "efficiency: two busy siblings do little more than one",
                      "read figures with their placement, or: echo off | sudo tee /sys/devices/system/cpu/smt/control")
    elif any(siblings):
        yield Finding("smt", "ok", "no two processors share a core, as far as is to be seen")
    else:
        yield Finding("smt", "unknown", "not to be seen whether processors share cores")


def neighbours(m: Machine, wait: Callable[[], None]) -> Iterator[Finding]:
    before, processes, swapped = m.busy(), m.processes(), m.swapped()
    wait()
    after = m.busy()
    ticks = {kind: after[kind] - before.get(kind, 0) for kind in after}
    total = sum(ticks.values())
    if total <= 0:
        yield Finding("foreign_cpu", "unknown", "/proc/stat does not tell what runs")
        yield Finding("steal", "unknown", "/proc/stat does not tell what the host takes")
    else:
        busy = 100 * (total - ticks["idle"] - ticks["iowait"] - ticks["steal"]) / total
        steal = 100 * ticks["steal"] / total
        ever = 100 * after["steal"] / max(1, sum(after.values()))
        later = m.processes()
        most = sorted(((later[key] - processes.get(key, later[key]), key) for key in later), reverse=True)[:3]
        names = ", ".join(f"{name} ({pid})" for used, (pid, name) in most if used > 0) or "none that is visible here"
        if busy > 5:
            yield Finding("foreign_cpu", "bad", f"others use {busy:.0f} % of the processors now: {names}",
                          "everything: whoever loses its processor is slow, whatever it is",
                          "end or stop them for the time of the run: kill -STOP PID, and kill -CONT PID afterwards")
        else:
            yield Finding("foreign_cpu", "ok", f"others use {busy:.0f} % of the processors")
        if steal > 1 or ever > 1:
            yield Finding("steal", "bad" if steal > 1 else "warn",
                          f"the host took {steal:.1f} % of the processors' time in this second, {ever:.1f} % since boot",
                          "everything: other guests of the host run in our place", "move to a host, or an instance type, of its own")
        else:
            yield Finding("steal", "ok", "no stolen time is counted; many hosts count none")
    if m.swapped() > swapped:
        yield Finding("swap", "bad", "pages are swapped in or out now", "everything that touches memory", "free memory, then: sudo swapoff -a")
    else:
        used = sum(int(line.split()[3]) for line in m.lines("proc/swaps")[1:])
        if used:
            yield Finding("swap", "warn", f"{size(used * 1024)} of swap in use", "the first touch of what was swapped out", "sudo swapoff -a")
        else:
            yield Finding("swap", "ok", "no swap in use")
    load = (m.text("proc/loadavg") or "").split()
    if not load:
        yield Finding("load", "unknown", "no load average")
    elif float(load[0]) > 0.25 * max(1, len(m.online())):
        yield Finding("load", "warn", f"load average {load[0]} over the last minute", "a report begun now: what was running may come again",
                      "wait until it is quiet: uptime")
    else:
        yield Finding("load", "ok", f"load average {load[0]}")


def limits(m: Machine) -> Iterator[Finding]:
    quota = None
    for group in m.cgroups("cpu"):
        words = (m.text(f"{group}/cpu.max") or "").split()
        if not words:
            words = [m.text(f"{group}/cpu.cfs_quota_us") or "", m.text(f"{group}/cpu.cfs_period_us") or ""]
        if len(words) == 2 and all(word.isdigit() for word in words) and int(words[1]) > 0:
            share = int(words[0]) / int(words[1])
            quota = share if quota is None else min(quota, share)
    throttled = max((int(line.split()[1]) for group in m.cgroups("cpu") for line in m.lines(f"{group}/cpu.stat")
                     if line.startswith("nr_throttled ")), default=0)
    if quota is not None:
        yield Finding("cpu_quota", "bad" if quota < len(m.allowed()) or throttled else "warn",
                      f"a quota of {quota:g} processors; throttled {throttled} times so far",
                      "tails and speed-up: who has used its share stands still until the next 100 ms",
                      "lift the container's limit: docker run --cpus=0, in Kubernetes no cpu limit")
    else:
        yield Finding("cpu_quota", "ok", "no quota of processor time")
    memory, limit = m.memory(), m.limit("memory", ("memory.max", "memory.limit_in_bytes"))
    if limit is not None and (memory is None or limit < memory):
        yield Finding("memory_limit", "bad" if limit < GIB else "warn", f"memory is limited to {size(limit)}",
                      "large payloads and many workers: reclaim, then errors or the OOM killer", "docker run --memory=0, or a larger limit")
    else:
        yield Finding("memory_limit", "ok", "memory is not limited")
    pids = m.limit("pids", ("pids.max",))
    if pids is not None and pids < 4096:
        yield Finding("pids_limit", "bad" if pids < 256 else "warn", f"{pids} processes and threads at most",
                      "many workers: starting them fails", "docker run --pids-limit=-1")
    else:
        yield Finding("pids_limit", "ok", "processes are not limited" if pids is None else f"{pids} processes allowed")
    for identity, name, option, least in (("open_files", "Max open files", "n", 4096), ("user_processes", "Max processes", "u", 4096)):
        line = next((line for line in m.lines("proc/self/limits") if line.startswith(name)), "")
        soft = line[len(name):].split()[:1]
        if not soft:
            yield Finding(identity, "unknown", f"no limit called '{name}' is to be seen")
        elif soft[0].isdigit() and int(soft[0]) < least:
            yield Finding(identity, "warn", f"ulimit -{option} is {soft[0]}", "pools of hundreds of workers: starting them fails",
                          f"ulimit -{option} {least}")
        else:
            yield Finding(identity, "ok", f"ulimit -{option} is {soft[0]}")
    shm = [line.split() for line in m.lines("proc/mounts") if line.split()[1:2] == ["/dev/shm"]]
    if not shm:
        yield Finding("shared_memory", "warn", "no /dev/shm", "peers that name their shared memory, such as Boost: absent; the core needs none",
                      "sudo mount -t tmpfs tmpfs /dev/shm")
    else:
        room = re.search(r"\bsize=(\d+)([kmg]?)", shm[-1][3])
        bytes_of = int(room.group(1)) << {"": 0, "k": 10, "m": 20, "g": 30}[room.group(2)] if room else None
        if bytes_of is not None and bytes_of < GIB:
            yield Finding("shared_memory", "warn", f"/dev/shm has {size(bytes_of)}",
                          "large payloads of peers that name their shared memory; the core uses memfd",
                          "docker run --shm-size=1g, or: sudo mount -o remount,size=1g /dev/shm")
        else:
            yield Finding("shared_memory", "ok", "/dev/shm has " + (size(bytes_of) if bytes_of else "half of the memory"))


def kernel(m: Machine) -> Iterator[Finding]:
    aslr = m.number("proc/sys/kernel/randomize_va_space")
    if aslr is None:
        yield Finding("aslr", "unknown", "not to be seen whether addresses are random")
    elif aslr:
        yield Finding("aslr", "warn", "addresses are random (ASLR)", "single runs: the same program may be some percent faster in its next process",
                      "compare several invocations, as a full report does; for one alone: setarch -R PROGRAM")
    else:
        yield Finding("aslr", "ok", "addresses are the same in each run")
    source = m.text("sys/devices/system/clocksource/clocksource0/current_clocksource")
    if source in ("tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"):
        yield Finding("clock_source", "ok", f"clock {source}, read without a system call")
    elif source:
        yield Finding("clock_source", "bad", f"clock {source}", "all that is timed in nanoseconds: reading it costs a system call or more",
                      "echo tsc | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource")
    else:
        yield Finding("clock_source", "unknown", "not to be seen which clock the kernel reads")
    if re.search(r"^flags\s*:.*\bhypervisor\b", m.text("proc/cpuinfo") or "", re.M):
        yield Finding("virtual_machine", "warn", "a virtual machine (the processor's hypervisor flag)",
                      "times across processors: waking one costs far more, and a cache line's round trip may change its level between and "
                      "within runs, as the host moves the processors",
                      "never compare across levels: the report prints the round trip beside each block; or measure on bare metal")
    else:
        yield Finding("virtual_machine", "ok", "no hypervisor is to be seen")
    if (m.root / "sys/bus/event_source/devices/cpu").exists() or (m.root / "sys/bus/event_source/devices/cpu_core").exists():
        yield Finding("hardware_counters", "ok", "the processor's counters are there")
    else:
        yield Finding("hardware_counters", "warn", "no counters of the processor", "why something is slow: no cycles, no cache misses",
                      "have the host pass them on (KVM: -cpu host,pmu=on), or measure on bare metal")
    paranoid = m.number("proc/sys/kernel/perf_event_paranoid")
    if paranoid is None:
        yield Finding("perf_event_paranoid", "unknown", "not to be seen who may use perf")
    elif paranoid > 2:
        yield Finding("perf_event_paranoid", "warn", f"perf_event_paranoid is {paranoid}", "why something is slow: perf is for root only",
                      "sudo sysctl kernel.perf_event_paranoid=1")
    else:
        yield Finding("perf_event_paranoid", "ok", f"perf_event_paranoid is {paranoid}")
    huge = re.search(r"\[(\w+)\]", m.text("sys/kernel/mm/transparent_hugepage/enabled") or "")
    if huge is None:
        yield Finding("huge_pages", "unknown", "not to be seen whether there are transparent huge pages")
    elif huge.group(1) == "always":
        yield Finding("huge_pages", "warn", "transparent huge pages for everybody",
                      "fork and first touches: 2 MiB are copied or cleared at once, now or later",
                      "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled")
    else:
        yield Finding("huge_pages", "ok", f"transparent huge pages: {huge.group(1)}")


def build(mode: Optional[str]) -> Iterator[Finding]:
    if mode is None:
        yield Finding("build", "unknown", "not told how programs are built", "", "./tools/bazel run //tools/doctor tells it")
    elif mode == "opt":
        yield Finding("build", "ok", "programs are built optimised (-c opt)")
    else:
        yield Finding("build", "bad", f"programs are built by -c {mode}", "everything", "build without it: opt is this project's default")


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


def calls(m: Machine) -> Iterator[Finding]:
    for name, call in CALLS.items():
        refused = m.refusal(call)
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


def examine_core(m: Machine) -> List[Finding]:
    return sorted([*calls(m), *surroundings(m)], key=lambda finding: ORDER.index(finding.severity))


def examine(m: Machine, wait: Callable[[], None], mode: Optional[str]) -> List[Finding]:
    found = [*neighbours(m, wait), *processors(m), *frequency(m), *limits(m), *kernel(m), *build(mode)]
    return sorted(found, key=lambda finding: ORDER.index(finding.severity))


def told(findings: List[Finding], width: int = 80) -> str:
    lines = []
    for finding in findings:
        if finding.severity == "ok":
            continue
        lines += textwrap.wrap(f"{finding.severity.upper():<8} {finding.id}: {finding.seen}", width, subsequent_indent=" " * 9)
        for word, text in (("spoils", finding.spoils), ("remedy", finding.remedy)):
            if text:
                lines += textwrap.wrap(f"{word} {text}", width, initial_indent=" " * 9, subsequent_indent=" " * 16,
                                       break_on_hyphens=False)
        lines.append("")
    fine = "; ".join(finding.seen for finding in findings if finding.severity == "ok")
    if fine:
        lines += textwrap.wrap(f"{'OK':<8} {fine}", width, subsequent_indent=" " * 9, break_on_hyphens=False) + [""]
    count = {severity: sum(finding.severity == severity for finding in findings) for severity in ORDER}
    lines.append(f"{count['bad']} bad, {count['warn']} warn, {count['unknown']} unknown, {count['ok']} ok")
    return "\n".join(lines)


def main(arguments: List[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="doctor",
                                     allow_abbrev=False)
    parser.add_argument("--core", action="store_true", help="what the core lacks here, instead of what spoils measurements")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--strict", action="store_true", help="exit code 1 if anything is bad")
    parser.add_argument("--root", default="/", help="where /proc and /sys are")
    parser.add_argument("--build", help="the compilation mode; Bazel tells it")
    options = parser.parse_args(arguments)
    machine = Machine(options.root)
    findings = examine_core(machine) if options.core else examine(machine, lambda: time.sleep(1), options.build)
    if options.json:
        print(json.dumps({"schema": "regatta.doctor", "version": 1, "findings": [finding._asdict() for finding in findings]}, indent=1))
    else:
        print(told(findings))
    return 1 if options.strict and any(finding.severity == "bad" for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
