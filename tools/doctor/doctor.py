#!/usr/bin/env python3
"""Says what on this machine spoils measurements, and what to do about it.

  ./tools/bazel run //tools/doctor
  ./tools/bazel run //tools/doctor -- --json     {"schema": "regatta.doctor", "version": 1, "findings": [...]}
  ./tools/bazel run //tools/doctor -- --strict   exit code 1 if anything is bad

It looks for a second at what runs meanwhile, changes nothing, and needs no rights. A finding: what was seen, what it spoils, what to do.
  bad      Numbers measured now mislead.
  warn     Numbers hold on this machine in this state; their noise or their level is not what it could be.
  unknown  Not to be seen from here.
"""

import argparse
import json
import pathlib
import re
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
    """The machine's own account of itself: /proc and /sys below `root`."""

    def __init__(self, root: str = "/"):
        self.root = pathlib.Path(root)

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
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--strict", action="store_true", help="exit code 1 if anything is bad")
    parser.add_argument("--root", default="/", help="where /proc and /sys are")
    parser.add_argument("--build", help="the compilation mode; Bazel tells it")
    options = parser.parse_args(arguments)
    findings = examine(Machine(options.root), lambda: time.sleep(1), options.build)
    if options.json:
        print(json.dumps({"schema": "regatta.doctor", "version": 1, "findings": [finding._asdict() for finding in findings]}, indent=1))
    else:
        print(told(findings))
    return 1 if options.strict and any(finding.severity == "bad" for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
