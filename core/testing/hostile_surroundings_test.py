#!/usr/bin/env python3
"""The core works, or says why not, as another user, without /proc, at limits, in namespaces and with odd things inherited.

Run it as root, outside Bazel's sandbox: it changes users, roots and namespaces of the processes that it starts, and nothing of others.

  hostile_surroundings_test.py TOUR [WORD...]    only the cases whose name has one of the words in it
"""

import atexit
import os
import platform
import resource
import signal
import sys
from typing import Callable, List, Optional

import surroundings
from surroundings import Case

NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
# What the core says of each limit.
NO_DESCRIPTORS = r"RESOURCE_EXHAUSTED|Too many open files|error while loading shared libraries"
NO_MEMORY = r"RESOURCE_EXHAUSTED|Cannot allocate memory|error while loading shared libraries|bad_alloc"
NO_PROCESSES = r"RESOURCE_EXHAUSTED|Resource temporarily unavailable"
NO_FILES = r"RESOURCE_EXHAUSTED|File too large"
NO_PROC = r"a fresh process needs /proc"
# Runs a copy that has no name.
FROM_MEMORY = ("import os, sys; f = os.memfd_create('program', 0); os.write(f, open(sys.argv[1], 'rb').read()); "
               "os.execve(f, sys.argv[1:], os.environ)")
LOCKED = r"ulimit -l|MCL_FUTURE"
LOADER = {"x86_64": "/lib64/ld-linux-x86-64.so.2", "aarch64": "/lib/ld-linux-aarch64.so.1"}.get(platform.machine(), "ld.so")


def limit(which: int, value: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(which, (value, value))


def closed(*descriptors: int) -> Callable[[], None]:
    def close():
        for descriptor in descriptors:
            os.close(descriptor)
    return close


def in_namespace(*words: str, options=("--mount",)) -> tuple:
    """A command that runs in namespaces of its own, once the shell's `words` are done there."""
    script = " && ".join([*words, 'exec "$0" "$@"'])
    return ("unshare", *options, "sh", "-c", script)


def refusing(profile: str, folder: str) -> tuple:
    return ("python3", f"{folder}/refusing.py", profile)


def control_group(controller: str, file: str, unified_file: str, value: int) -> Optional[str]:
    """A new control group with that limit. None: this machine lets nobody make one."""
    for base, name in ((f"/sys/fs/cgroup/{controller}", file), ("/sys/fs/cgroup", unified_file)):
        folder = f"{base}/regatta-{os.getpid()}-{controller}-{value}"
        try:
            os.mkdir(folder)
            atexit.register(os.rmdir, folder)
            descriptor = os.open(f"{folder}/{name}", os.O_WRONLY)
            os.write(descriptor, str(value).encode())
            os.close(descriptor)
            return folder
        except OSError:
            continue
    return None


def joins(folder: str) -> Callable[[], None]:
    def join():
        with open(f"{folder}/cgroup.procs", "w", encoding="ascii") as group:
            group.write(str(os.getpid()))
    return join


def all_signals_ignored():
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        if number < 32:
            signal.signal(number, signal.SIG_IGN)


def lost_folder():
    os.mkdir(f"/tmp/lost-{os.getpid()}")
    os.chdir(f"/tmp/lost-{os.getpid()}")
    os.rmdir(f"/tmp/lost-{os.getpid()}")


def open_a_thousand():
    for _ in range(1000):
        os.set_inheritable(os.open("/", os.O_PATH), True)


def all_signals_blocked():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def container(folder: str, profile: str, proc: str) -> tuple:
    """As Docker and Kubernetes run it: another user without capabilities and ways to get some, a filter of system calls, a root that
    is read-only, 64 MiB of /dev/shm, its own processes in /proc, no network."""
    return (*in_namespace("mount --make-rprivate /", "mkdir -p /dev/shm", "mount -t tmpfs -o size=64m,nosuid,nodev,noexec shm /dev/shm",
                          f"mount -t proc -o nosuid,nodev,noexec{proc} proc /proc", "mount -o remount,bind,ro /",
                          options=("--pid", "--fork", "--kill-child", "--mount", "--ipc", "--uts", "--net", "--cgroup")),
            *AS_NOBODY, "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", *refusing(profile, folder))


def cases(empty: str) -> List[Case]:
    folder = os.path.dirname(empty)
    pid_namespace = ("--pid", "--fork", "--mount", "--kill-child")
    found = [
        Case("nothing_special"),
        Case("another_user", command=AS_NOBODY),
        Case("drops_its_user_before", arguments=(f"--uid={NOBODY}",)),
        Case("chroot_without_proc", arguments=(f"--chroot={empty}",), refusal=NO_PROC),
        Case("proc_not_mounted", command=in_namespace("mount -t tmpfs none /proc"), refusal=NO_PROC),
        Case("hidepid", command=in_namespace("mount -t proc -o hidepid=2 proc /proc") + AS_NOBODY),
        Case("pid_namespace", command=in_namespace("mount -t proc proc /proc", options=pid_namespace)),
        Case("pid_namespace_with_the_outer_proc", command=in_namespace("true", options=pid_namespace), refusal=NO_PROC),
        Case("user_namespace", command=("unshare", "--user", "--map-root-user")),
        Case("network_namespace", command=("unshare", "--net")),
        Case("dev_shm_absent", command=in_namespace("umount -l /dev/shm || true", "rmdir /dev/shm || true")),
        Case("dev_absent", command=in_namespace("mount -t tmpfs none /dev"), refusal="/dev/null"),
        Case("sys_absent", command=in_namespace("mount -t tmpfs none /sys")),
        Case("tmp_read_only", command=in_namespace("mount --bind -o ro /tmp /tmp")),
        Case("folder_is_deleted", prepare=lost_folder),
        Case("no_environment", command=("env", "-i")),
        Case("children_are_reaped_by_the_kernel", prepare=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)),
        Case("all_signals_blocked", prepare=all_signals_blocked),
        Case("core_dumps", prepare=limit(resource.RLIMIT_CORE, resource.RLIM_INFINITY)),
        Case("file_size_0", prepare=limit(resource.RLIMIT_FSIZE, 0), refusal=NO_FILES),
        Case("file_size_1_MiB", prepare=limit(resource.RLIMIT_FSIZE, 1 << 20), refusal=NO_FILES),
        Case("locked_memory_0", prepare=limit(resource.RLIMIT_MEMLOCK, 0)),
        Case("stack_unlimited", prepare=limit(resource.RLIMIT_STACK, resource.RLIM_INFINITY)),
        Case("all_signals_ignored", prepare=all_signals_ignored),
        Case("memory_locked", arguments=("--lock-memory=all",)),
        Case("memory_locked_up_to_a_limit", command=AS_NOBODY, prepare=limit(resource.RLIMIT_MEMLOCK, 4 << 20),
             arguments=("--lock-memory=future",), refusal=LOCKED),
        Case("through_the_loader", command=(LOADER,), refusal="was run through the dynamic loader"),
        Case("valgrind", command=("valgrind", "-q", "--error-exitcode=99", "--trace-children=yes"), refusal="pidfd_open: "),
        Case("program_removed", command=("sh", "-c", 'cp "$0" "$0.removed" && exec "$0.removed" "$@"'), arguments=("--unlink=yes",)),
        Case("program_not_readable", command=("sh", "-c", f'cp "$0" "$0.hidden" && chmod 111 "$0.hidden" && exec {" ".join(AS_NOBODY)} '
                                              '"$0.hidden" "$@"')),
        Case("program_in_memory", command=("python3", "-c", FROM_MEMORY)),
        Case("a_thousand_descriptors_inherited", prepare=open_a_thousand),
        Case("memfds_must_not_be_run", command=in_namespace("mount -t proc proc /proc", "echo 2 > /proc/sys/vm/memfd_noexec || true",
                                                            options=pid_namespace)),
        Case("unusual_libc", command=("env", "LD_BIND_NOW=1", "MALLOC_PERTURB_=255", "MALLOC_ARENA_MAX=1",
                                      "GLIBC_TUNABLES=glibc.pthread.rseq=0:glibc.malloc.tcache_count=0")),
        Case("proc_of_those_that_may_be_traced", command=in_namespace("mount -t proc -o hidepid=ptraceable proc /proc") + AS_NOBODY),
        Case("proc_of_processes_only", command=in_namespace("mount -t proc -o subset=pid,hidepid=invisible proc /proc") + AS_NOBODY),
        Case("rootless_container", command=(*AS_NOBODY, "unshare", "--user", "--map-root-user", "--pid", "--mount-proc", "--fork",
                                            "--kill-child")),
        Case("real_time_priority", command=("chrt", "--fifo", "10")),
        Case("user_namespace_without_users", command=("unshare", "--user")),
        Case("time_namespace", command=("unshare", "--time", "--monotonic", "100000", "--boottime", "100000", "--fork", "--kill-child")),
        Case("umask_777", prepare=lambda: None if os.umask(0o777) else None),
        Case("one_processor", command=("taskset", "-c", "0")),
        Case("idle_priority", command=("chrt", "--idle", "0")),
        Case("addresses_not_random", command=("setarch", "-R")),
        Case("addresses_from_below", command=("setarch", "-L")),
        Case("memory_that_is_read_is_run", command=("setarch", "-X")),
        Case("container_with_dockers_profile", command=container(folder, "docker", "")),
        Case("service_with_systemds_filter", command=container(folder, "service", ",subset=pid,hidepid=invisible")),
        Case("pending_signals_0", prepare=limit(resource.RLIMIT_SIGPENDING, 0)),
    ]
    for taken in ([0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]):
        found.append(Case("without_descriptors_" + "_".join(map(str, taken)), prepare=closed(*taken)))
    for count in (3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 24, 32, 64):
        found.append(Case(f"descriptors_{count}", prepare=limit(resource.RLIMIT_NOFILE, count), refusal=NO_DESCRIPTORS))
    for mebibytes in (16, 32, 64, 128, 256, 512, 1024, 4096):
        found.append(Case(f"address_space_{mebibytes}_MiB", prepare=limit(resource.RLIMIT_AS, mebibytes << 20), refusal=NO_MEMORY))
    for mebibytes in (1, 4, 16, 64):
        found.append(Case(f"data_{mebibytes}_MiB", prepare=limit(resource.RLIMIT_DATA, mebibytes << 20), refusal=NO_MEMORY))
    for kibibytes in (64, 256, 1024):
        found.append(Case(f"stack_{kibibytes}_KiB", prepare=limit(resource.RLIMIT_STACK, kibibytes << 10)))
    for count in (1, 2, 3, 4, 6, 8, 32):
        if group := control_group("pids", "pids.max", "pids.max", count):
            found.append(Case(f"pids_cgroup_{count}", prepare=joins(group), refusal=NO_PROCESSES))
    for mebibytes in (8, 32, 64):
        if group := control_group("memory", "memory.limit_in_bytes", "memory.max", mebibytes << 20):
            found.append(Case(f"memory_cgroup_{mebibytes}_MiB", prepare=joins(group), refusal=NO_MEMORY))
    for count in (0, 1, 2, 3, 4, 6):
        found.append(Case(f"processes_{count}", command=AS_NOBODY[:1] + ("--reuid=65533", "--regid=65533", "--clear-groups"),
                          prepare=limit(resource.RLIMIT_NPROC, count), refusal=NO_PROCESSES))
    return found


def main() -> int:
    if os.geteuid() != 0:
        return surroundings.skip("HostileSurroundings", "only root may change the users and the namespaces of what it starts")
    tour = surroundings.place_for_all(sys.argv[1])
    return surroundings.run("HostileSurroundings", cases(os.path.join(os.path.dirname(tour), "empty")), tour)


if __name__ == "__main__":
    sys.exit(main())
