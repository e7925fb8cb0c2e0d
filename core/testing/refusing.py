#!/usr/bin/env python3
"""Runs a program under a seccomp filter that refuses what a well-known one refuses.

  refusing.py docker PROGRAM ARGUMENT...     Docker's default profile, of a container without additional capabilities
  refusing.py service PROGRAM ARGUMENT...    systemd's SystemCallFilter=@system-service

Each of the two names the calls that it allows. The lists below are the other calls of x86-64, those that it refuses.
"""

import ctypes
import errno
import os
import pathlib
import re
import struct
import sys
from typing import Dict

# Both with EPERM.
DOCKER = """
    acct add_key bpf clock_settime create_module delete_module fanotify_init finit_module fsconfig fsmount fsopen fspick get_kernel_syms
    get_mempolicy init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl
    lookup_dcookie mbind migrate_pages mount mount_setattr move_mount move_pages nfsservctl open_by_handle_at open_tree perf_event_open
    pidfd_getfd pivot_root process_madvise query_module quotactl quotactl_fd reboot request_key set_mempolicy set_mempolicy_home_node
    setdomainname sethostname setns settimeofday swapoff swapon sysfs syslog umount2 unshare uselib userfaultfd ustat vhangup
"""
SERVICE = """
    _sysctl acct adjtimex afs_syscall bpf chroot clock_adjtime clock_settime create_module delete_module fanotify_init fanotify_mark
    finit_module fsconfig fsmount fsopen fspick get_kernel_syms getpmsg init_module ioperm iopl kexec_file_load kexec_load
    landlock_add_rule landlock_create_ruleset landlock_restrict_self lookup_dcookie memfd_secret mincore modify_ldt mount mount_setattr
    move_mount nfsservctl open_by_handle_at open_tree perf_event_open pidfd_getfd pivot_root pkey_alloc pkey_free pkey_mprotect
    process_mrelease ptrace putpmsg query_module quotactl quotactl_fd reboot seccomp security setdomainname sethostname settimeofday
    swapoff swapon sysfs syslog tuxcall umount2 uselib ustat vhangup vserver
"""
NEW_NAMESPACES = 0x7E020000  # The flags of clone that Docker's profile refuses.

LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000


def numbers() -> Dict[str, int]:
    """The kernel's calls: {name: number}."""
    for folder in ("/usr/include/x86_64-linux-gnu", "/usr/include"):
        header = pathlib.Path(folder, "asm/unistd_64.h")
        if header.exists():
            return {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", header.read_text())}
    sys.exit("no asm/unistd_64.h: install linux-libc-dev")


def refuse(errors: Dict[int, int]) -> None:
    """From now on, here and in all children: {number of a call: its error}, and clone with new namespaces."""
    program = [(LOAD, 0, 0, 0)]
    for number, error in errors.items():
        program += [(EQUAL, 0, 1, number), (RETURN, 0, 0, ERRNO | error)]
    program += [(EQUAL, 0, 3, numbers()["clone"]), (LOAD, 0, 0, 16), (ANY_BIT, 0, 1, NEW_NAMESPACES),
                (RETURN, 0, 0, ERRNO | errno.EPERM), (RETURN, 0, 0, ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in program))
    filter_ = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    library = ctypes.CDLL(None, use_errno=True)
    for arguments in ((38, 1, 0, 0, 0), (22, 2, filter_, 0, 0)):  # No new privileges; the filter.
        if library.prctl(*arguments) != 0:
            sys.exit(f"refusing.py: prctl: {os.strerror(ctypes.get_errno())}")


def main() -> None:
    known = numbers()
    names = {"docker": DOCKER, "service": SERVICE}[sys.argv[1]].split()
    errors = {known[name]: errno.EPERM for name in names if name in known}
    if sys.argv[1] == "docker":
        errors[known["clone3"]] = errno.ENOSYS
    refuse(errors)
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
