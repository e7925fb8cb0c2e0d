"""What the doctor reads off a machine, the form of its findings, and the limits that matter to measurements and to the core."""

import pathlib
import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

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
