#!/usr/bin/env python3
"""The core works, or says why not, as another user, without /proc, at limits, in namespaces and with odd things inherited.

Run it as root, outside Bazel's sandbox: it changes users, roots and namespaces of the processes that it starts, and nothing of others.

  hostile_surroundings_test.py TOUR [WORD...]    only the cases whose name has one of the words in it
"""

import os
import resource
import signal
import sys
from typing import Callable, List

import surroundings
from surroundings import Case

NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
# What the core says of each limit.
NO_DESCRIPTORS = r"RESOURCE_EXHAUSTED|Too many open files|error while loading shared libraries"
NO_MEMORY = r"RESOURCE_EXHAUSTED|Cannot allocate memory|error while loading shared libraries|bad_alloc"
NO_PROCESSES = r"RESOURCE_EXHAUSTED|Resource temporarily unavailable"
NO_FILES = r"RESOURCE_EXHAUSTED|File too large"
NO_PROC = r"/proc"


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


def lost_folder():
    os.mkdir(f"/tmp/lost-{os.getpid()}")
    os.chdir(f"/tmp/lost-{os.getpid()}")
    os.rmdir(f"/tmp/lost-{os.getpid()}")


def all_signals_blocked():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def cases(empty: str) -> List[Case]:
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
        Case("pending_signals_0", prepare=limit(resource.RLIMIT_SIGPENDING, 0)),
    ]
    for taken in ([0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]):
        found.append(Case("without_descriptors_" + "_".join(map(str, taken)), prepare=closed(*taken)))
    for count in (3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 24, 32, 64):
        found.append(Case(f"descriptors_{count}", prepare=limit(resource.RLIMIT_NOFILE, count), refusal=NO_DESCRIPTORS))
    for mebibytes in (16, 32, 64, 128, 256, 512, 1024, 4096):
        found.append(Case(f"address_space_{mebibytes}_MiB", prepare=limit(resource.RLIMIT_AS, mebibytes << 20), refusal=NO_MEMORY))
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
