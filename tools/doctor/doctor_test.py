#!/usr/bin/env python3
"""The doctor, on machines made of files."""

import contextlib
import errno
import io
import json
import pathlib
import tempfile
import unittest
from unittest import mock

import core_needs
import doctor
from machine import Machine

CPU = "sys/devices/system/cpu"
LIMITS = """Limit                     Soft Limit           Hard Limit           Units
Max processes             {processes}               96365                processes
Max open files            {files}                20000                files
"""
STAT = "cpu  {user} 0 100 {idle} 0 0 0 {steal} 0 0\ncpu0 1 2 3\n"

# A machine without fault: four processors on bare metal, quiet.
QUIET = {
    f"{CPU}/online": "0-3",
    f"{CPU}/isolated": "",
    f"{CPU}/smt/active": "0",
    f"{CPU}/cpu0/cpufreq/scaling_governor": "performance",
    f"{CPU}/cpu0/topology/thread_siblings_list": "0",
    f"{CPU}/intel_pstate/no_turbo": "1",
    "proc/self/status": "Name:\tdoctor\nCpus_allowed_list:\t0-3",
    "proc/self/limits": LIMITS.format(processes=96365, files=20000),
    "proc/self/cgroup": "0::/work",
    "sys/fs/cgroup/work/cpu.max": "max 100000",
    "sys/fs/cgroup/work/cpu.stat": "nr_periods 0\nnr_throttled 0",
    "sys/fs/cgroup/work/memory.max": "max",
    "sys/fs/cgroup/work/pids.max": "max",
    "proc/meminfo": "MemTotal:       16777216 kB",
    "proc/mounts": "tmpfs /dev/shm tmpfs rw,nosuid,nodev,size=8388608k 0 0",
    "proc/stat": STAT.format(user=1000, idle=100000, steal=0),
    "proc/7/stat": "7 (a (strange) name) S 1 1 1 0 -1 0 0 0 0 0 50 50 0 0 20 0 1 0 1 1",
    "proc/vmstat": "pswpin 3\npswpout 4",
    "proc/swaps": "Filename Type Size Used Priority",
    "proc/loadavg": "0.01 0.02 0.00 1/100 1234",
    "proc/cpuinfo": "processor : 0\nflags\t\t: fpu tsc constant_tsc",
    "proc/sys/kernel/randomize_va_space": "0",
    "proc/sys/kernel/perf_event_paranoid": "1",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc",
    "sys/bus/event_source/devices/cpu/type": "4",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never",
}
# What else --core looks at.
CORE = {
    "proc/self/limits": "\n".join(f"Max {name}   unlimited   unlimited   units" for name in (
        "open files", "file size", "address space", "processes", "locked memory", "core file size")),
    "proc/self/stat": "7 (doctor) S 1",
    "proc/self/status": "Seccomp:\t0\nNoNewPrivs:\t0",
    "proc/sys/kernel/osrelease": "6.1.0-18-amd64",
    "proc/sys/kernel/core_pattern": "core",
    "proc/sys/vm/overcommit_memory": "0",
    "dev/null": "",
}
NAMES = {call: name for name, call in core_needs.CALLS.items()}
# In the second of looking.
LATER = {"proc/stat": STAT.format(user=1002, idle=100398, steal=0)}


class DoctorTest(unittest.TestCase):

    def machine(self, changes=None):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = pathlib.Path(folder.name)
        self.put(root, {**QUIET, **(changes or {})})
        return root

    @staticmethod
    def put(root, files):
        for name, text in files.items():
            if text is not None:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text + "\n", encoding="utf-8")

    def examine(self, changes=None, later=None, build="opt"):
        root = self.machine(changes)
        return doctor.examine(Machine(str(root)), lambda: self.put(root, {**LATER, **(later or {})}), build)

    def only(self, changes=None, later=None, build="opt"):
        """The one finding that isn't fine."""
        found = [finding for finding in self.examine(changes, later, build) if finding.severity != "ok"]
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].seen)
        if found[0].severity in ("bad", "warn"):
            self.assertTrue(found[0].spoils and found[0].remedy)
        return found[0]

    def expect(self, identity, severity, seen, changes=None, later=None, build="opt"):
        finding = self.only(changes, later, build)
        self.assertEqual((finding.id, finding.severity), (identity, severity))
        self.assertIn(seen, finding.seen)
        return finding

    def test_a_quiet_machine_is_fine(self):
        self.assertEqual({finding.severity for finding in self.examine()}, {"ok"})

    def test_a_machine_that_shows_nothing_is_mostly_unknown_and_never_an_error(self):
        empty = doctor.examine(Machine(str(self.machine(dict.fromkeys(QUIET)))), lambda: None, None)
        by_id = {finding.id: finding.severity for finding in empty}
        for name in ("processors", "governor", "turbo", "smt", "foreign_cpu", "aslr", "clock_source", "huge_pages", "open_files", "build"):
            self.assertEqual(by_id[name], "unknown", name)
        self.assertEqual(len(by_id), len(empty))
        self.assertEqual(set(by_id), {finding.id for finding in self.examine()})

    def test_frequency(self):
        self.expect("governor", "bad", "powersave", {f"{CPU}/cpu1/cpufreq/scaling_governor": "powersave"})
        finding = self.expect("turbo", "warn", "on", {f"{CPU}/intel_pstate/no_turbo": "0"})
        self.assertIn("echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo", finding.remedy)
        finding = self.expect("turbo", "warn", "on", {f"{CPU}/intel_pstate/no_turbo": None, f"{CPU}/cpufreq/boost": "1"})
        self.assertIn("echo 0 |", finding.remedy)

    def test_processors_that_share_a_core(self):
        self.expect("smt", "warn", "share", {f"{CPU}/smt/active": "1"})
        self.expect("smt", "warn", "share", {f"{CPU}/smt/active": None, f"{CPU}/cpu0/topology/thread_siblings_list": "0,2"})

    def test_neighbours(self):
        finding = self.expect("foreign_cpu", "bad", "50 %", later={
            "proc/stat": STAT.format(user=1200, idle=100200, steal=0),
            "proc/7/stat": "7 (a (strange) name) S 1 1 1 0 -1 0 0 0 0 0 150 150 0 0 20 0 1 0 1 1"})
        self.assertIn("a (strange) name (7)", finding.seen)
        self.expect("steal", "bad", "10.0 %", later={"proc/stat": STAT.format(user=1000, idle=100360, steal=40)})
        self.expect("steal", "warn", "since boot", {"proc/stat": STAT.format(user=1000, idle=100000, steal=9000)},
                    {"proc/stat": STAT.format(user=1002, idle=100398, steal=9000)})
        self.expect("load", "warn", "3.50", {"proc/loadavg": "3.50 1.00 1.00 1/100 1234"})

    def test_swap(self):
        used = {"proc/swaps": "Filename Type Size Used Priority\n/swap file 2097152 1048576 -2"}
        self.expect("swap", "warn", "1.0 GiB", used)
        self.expect("swap", "bad", "now", used, {"proc/vmstat": "pswpin 4\npswpout 4"})

    def test_limits_of_control_groups_and_of_those_around_them(self):
        group = "sys/fs/cgroup/work"
        self.expect("cpu_quota", "bad", "1.5 processors", {f"{group}/cpu.max": "150000 100000"})
        self.expect("cpu_quota", "bad", "throttled 7", {f"{group}/cpu.max": "800000 100000", f"{group}/cpu.stat": "nr_throttled 7"})
        self.expect("cpu_quota", "warn", "8 processors", {"sys/fs/cgroup/cpu.max": "800000 100000"})
        self.expect("memory_limit", "bad", "512 MiB", {f"{group}/memory.max": str(512 << 20)})
        self.expect("memory_limit", "warn", "2.0 GiB", {"sys/fs/cgroup/memory.max": str(2 << 30)})
        self.expect("pids_limit", "warn", "1000", {f"{group}/pids.max": "1000"})

    def test_control_groups_of_the_first_version(self):
        first = {"proc/self/cgroup": "4:memory:/work\n3:cpu,cpuacct:/work"}
        self.expect("memory_limit", "bad", "256 MiB", {**first, "sys/fs/cgroup/memory/work/memory.limit_in_bytes": str(256 << 20)})
        self.expect("cpu_quota", "bad", "0.5 processors", {
            **first, "sys/fs/cgroup/cpu/work/cpu.cfs_quota_us": "50000", "sys/fs/cgroup/cpu/work/cpu.cfs_period_us": "100000"})
        unlimited = {"sys/fs/cgroup/cpu/work/cpu.cfs_quota_us": "-1", "sys/fs/cgroup/cpu/work/cpu.cfs_period_us": "100000",
                     "sys/fs/cgroup/memory/work/memory.limit_in_bytes": "9223372036854771712"}
        self.assertEqual({finding.severity for finding in self.examine({**first, **unlimited})}, {"ok"})

    def test_processors_that_may_be_used(self):
        self.expect("cpuset", "warn", "2 of 4", {"proc/self/status": "Cpus_allowed_list:\t1,3"})
        self.expect("processors", "bad", "one", {"proc/self/status": "Cpus_allowed_list:\t0", f"{CPU}/online": "0"})
        self.expect("isolation", "bad", "[2, 3]", {f"{CPU}/isolated": "2-3"})

    def test_limits_of_the_shell(self):
        self.expect("open_files", "warn", "1024", {"proc/self/limits": LIMITS.format(processes=96365, files=1024)})
        self.expect("user_processes", "warn", "500", {"proc/self/limits": LIMITS.format(processes=500, files="unlimited")})

    def test_shared_memory(self):
        self.expect("shared_memory", "warn", "64 MiB", {"proc/mounts": "shm /dev/shm tmpfs rw,size=65536k 0 0"})
        self.expect("shared_memory", "warn", "no /dev/shm", {"proc/mounts": "proc /proc proc rw 0 0"})

    def test_the_kernel(self):
        self.expect("aslr", "warn", "ASLR", {"proc/sys/kernel/randomize_va_space": "2"})
        self.expect("clock_source", "bad", "hpet", {"sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet"})
        self.expect("virtual_machine", "warn", "virtual", {"proc/cpuinfo": "flags\t\t: fpu hypervisor tsc"})
        self.expect("hardware_counters", "warn", "no counters", {"sys/bus/event_source/devices/cpu/type": None})
        self.expect("perf_event_paranoid", "warn", "4", {"proc/sys/kernel/perf_event_paranoid": "4"})
        self.expect("huge_pages", "warn", "everybody", {"sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never"})

    def test_how_programs_are_built(self):
        self.expect("build", "bad", "dbg", build="dbg")
        self.expect("build", "unknown", "not told", build=None)

    def examine_core(self, changes=None, refused=None):
        """`refused`: {call: what refuses it}."""
        refused = refused or {}
        root = self.machine({**CORE, **(changes or {})})
        return core_needs.examine(Machine(str(root)), lambda call: refused.get(NAMES[call], 0))

    def expect_core(self, identity, severity, seen, changes=None, refused=None):
        found = [finding for finding in self.examine_core(changes, refused) if finding.severity != "ok"]
        self.assertEqual([(finding.id, finding.severity) for finding in found], [(identity, severity)])
        self.assertIn(seen, found[0].seen)
        if severity in ("bad", "warn"):
            self.assertTrue(found[0].spoils and found[0].remedy)
        return found[0]

    def test_the_core_lacks_nothing_on_a_machine_without_fault(self):
        found = self.examine_core()
        self.assertEqual([finding for finding in found if finding.severity != "ok"], [])
        self.assertEqual(len({finding.id for finding in found}), len(found))
        self.assertLessEqual(set(core_needs.CALLS), {finding.id for finding in found})

    def test_the_core_on_a_machine_that_shows_nothing(self):
        empty = core_needs.examine(Machine(str(self.machine(dict.fromkeys(QUIET)))), lambda call: None)
        by_id = {finding.id: finding.severity for finding in empty}
        for name in ("kernel", "open_files", "file_size", "locked_memory", "overcommit", "core_pattern", "seccomp", "no_new_privs"):
            self.assertEqual(by_id[name], "unknown", name)
        self.assertEqual((by_id["proc"], by_id["dev_null"]), ("bad", "warn"))
        self.assertEqual(set(by_id), {finding.id for finding in self.examine_core()})

    def test_calls_that_are_refused(self):
        for name, call in core_needs.CALLS.items():
            found = [finding for finding in self.examine_core(refused={name: errno.EPERM}) if finding.severity != "ok"]
            expected = "bad" if call.is_needed else "warn"
            self.assertEqual([(finding.id, finding.severity) for finding in found], [(name, expected)] if call.effect else [])
        finding = self.expect_core("pidfd_open", "bad", "ENOSYS", refused={"pidfd_open": errno.ENOSYS})
        self.assertIn("Linux 5.3", finding.remedy)
        self.expect_core("clone3", "bad", "EPERM", refused={"clone3": errno.EPERM})
        self.assertEqual([f for f in self.examine_core(refused={"clone3": errno.ENOSYS}) if f.severity != "ok"], [])
        self.expect_core("membarrier", "bad", "on pain of death", refused={"membarrier": -31})
        self.expect_core("poll", "unknown", "signal 9", refused={"poll": -9})

    def test_the_version_of_the_kernel(self):
        self.expect_core("kernel", "bad", "4.19", {"proc/sys/kernel/osrelease": "4.19.0-27-amd64"})
        self.expect_core("kernel", "warn", "5.10", {"proc/sys/kernel/osrelease": "5.10.0-32-amd64"})

    def test_limits_that_the_core_runs_into(self):
        limits = CORE["proc/self/limits"]
        for identity, name in (("open_files", "Max open files"), ("file_size", "Max file size"), ("address_space", "Max address space"),
                               ("user_processes", "Max processes")):
            self.expect_core(identity, "warn", "at most 63", {"proc/self/limits": limits.replace(f"{name} ", f"{name} 63 63 ", 1)})
        # The core raises the soft limit of descriptors to the hard one.
        soft = {"proc/self/limits": limits.replace("Max open files ", "Max open files 16 4096 ", 1)}
        self.assertEqual([finding for finding in self.examine_core(soft) if finding.severity != "ok"], [])
        self.expect_core("memory_limit", "bad", "512 MiB", {"sys/fs/cgroup/work/memory.max": str(512 << 20)})
        self.expect_core("pids_limit", "bad", "64", {"sys/fs/cgroup/work/pids.max": "64"})
        self.expect_core("overcommit", "warn", "2", {"proc/sys/vm/overcommit_memory": "2"})

    def test_folders_of_the_system(self):
        self.expect_core("dev_null", "warn", "/dev/null", {"dev/null": None})
        hidden = self.examine_core({"proc/mounts": "proc /proc proc rw,hidepid=invisible 0 0"})
        self.assertIn("hidepid", next(finding.seen for finding in hidden if finding.id == "proc"))

    def test_what_is_no_lack(self):
        for change, identity, seen in (({"proc/self/status": "Seccomp:\t2\nNoNewPrivs:\t1"}, "seccomp", "filter is on"),
                                       ({"proc/self/status": "Seccomp:\t2\nNoNewPrivs:\t1"}, "no_new_privs", "is 1"),
                                       ({"proc/sys/kernel/yama/ptrace_scope": "1"}, "ptrace", "ptrace_scope 1"),
                                       ({"proc/sys/kernel/core_pattern": "|/usr/lib/handler"}, "core_pattern", "|/usr/lib/handler")):
            finding = next(finding for finding in self.examine_core(change) if finding.id == identity)
            self.assertEqual(finding.severity, "ok")
            self.assertIn(seen, finding.seen)

    def run_main(self, *arguments):
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()), mock.patch("time.sleep"):
            try:
                code = doctor.main(list(arguments))
            except SystemExit as end:
                code = end.code
        return code, out.getvalue()

    def test_the_json_has_its_schema_and_the_text_80_columns(self):
        root = str(self.machine({f"{CPU}/cpu1/cpufreq/scaling_governor": "powersave", "proc/cpuinfo": "flags : hypervisor"}))
        code, text = self.run_main("--json", f"--root={root}", "--build=opt")
        document = json.loads(text)
        self.assertEqual((code, document["schema"], document["version"]), (0, "regatta.doctor", 1))
        for finding in document["findings"]:
            self.assertEqual(list(finding), ["id", "severity", "seen", "spoils", "remedy"])
            self.assertIn(finding["severity"], doctor.ORDER)
        self.assertEqual(document["findings"][0]["id"], "governor")
        code, text = self.run_main("--core", "--json", f"--root={root}")
        self.assertEqual(json.loads(text)["schema"], "regatta.doctor")
        self.assertIn("pidfd_open", [finding["id"] for finding in json.loads(text)["findings"]])
        code, text = self.run_main("--core", f"--root={root}")
        self.assertLessEqual(max(map(len, text.splitlines())), 80)
        code, text = self.run_main(f"--root={root}")
        self.assertLessEqual(max(map(len, text.splitlines())), 80)
        self.assertTrue(text.startswith("BAD      governor: governor performance, powersave\n"), text)

    def test_exit_codes(self):
        root = str(self.machine({f"{CPU}/cpu1/cpufreq/scaling_governor": "powersave"}))
        self.assertEqual(self.run_main(f"--root={root}")[0], 0)
        self.assertEqual(self.run_main("--strict", f"--root={root}")[0], 1)
        self.assertEqual(self.run_main("--strict", f"--root={self.machine()}", "--build=opt")[0], 0)
        self.assertEqual(self.run_main("--sudo")[0], 2)


if __name__ == "__main__":
    unittest.main()
