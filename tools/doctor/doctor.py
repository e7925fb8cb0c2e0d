#!/usr/bin/env python3
"""Says what on this machine spoils measurements, or what the core lacks here, and what to do about it.

  ./tools/bazel run //tools/doctor
  ./tools/bazel run //tools/doctor -- --core     what the core lacks on this machine, in this container, under these limits
  ./tools/bazel run //tools/doctor -- --json     {"schema": "regatta.doctor", "version": 1, "findings": [...]}
  ./tools/bazel run //tools/doctor -- --strict   exit code 1 if anything is bad

The files of this folder run without Bazel, too: python3 doctor.py --core, as the user and in the container that it is about.

It changes nothing and needs no rights. A finding: what was seen, what it spoils, what to do. Without --core it looks for a second at
what runs meanwhile.
  bad      Numbers measured now mislead. With --core: something of the core does not work here.
  warn     Numbers hold on this machine in this state; their noise or their level is not what it could be. With --core: everything
           works, but slower, or only up to a limit.
  unknown  Not to be seen from here.
"""

import argparse
import json
import re
import sys
import textwrap
import time
from typing import Callable, Iterator, List, Optional

import core_needs
from machine import ORDER, Finding, Machine, limits, numbers, size


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
    parser.add_argument("--core", action="store_true", help="what the core lacks here, instead of what spoils measurements")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--strict", action="store_true", help="exit code 1 if anything is bad")
    parser.add_argument("--root", default="/", help="where /proc and /sys are")
    parser.add_argument("--build", help="the compilation mode; Bazel tells it")
    options = parser.parse_args(arguments)
    machine = Machine(options.root)
    findings = core_needs.examine(machine) if options.core else examine(machine, lambda: time.sleep(1), options.build)
    if options.json:
        print(json.dumps({"schema": "regatta.doctor", "version": 1, "findings": [finding._asdict() for finding in findings]}, indent=1))
    else:
        print(told(findings))
    return 1 if options.strict and any(finding.severity == "bad" for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
