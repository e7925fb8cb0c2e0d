#!/usr/bin/env python3
"""The doctor has a line for each system call that core/os makes, and calls bad what the core can't do without."""

import errno
import pathlib
import re
import sys
import unittest

sys.path.insert(0, "tools/doctor")
import core_needs  # pylint: disable=wrong-import-position
import refused_calls_test
import refusing

ARM = "/usr/include/asm-generic/unistd.h"


class DoctorKnowsCallsTest(unittest.TestCase):

    def setUp(self):
        self.known = refusing.numbers()
        self.calls = set(refused_calls_test.calls_of_sources(pathlib.Path("core/os"), self.known))

    def test_the_list_is_that_of_the_sources(self):
        self.assertEqual(set(core_needs.CALLS), self.calls)

    def test_needed_is_what_the_core_refuses_to_work_without(self):
        needed = {name for name, call in core_needs.CALLS.items() if call.is_needed}
        self.assertEqual(needed, (set(refused_calls_test.NEEDED) | refused_calls_test.EVERY_PROGRAM))

    def test_the_numbers_are_the_kernels(self):
        text = pathlib.Path(ARM).read_text(encoding="utf-8")
        arm = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", text)}
        arm["newfstatat"] = arm["fstatat"]  # Both are the name of one number there.
        for name, call in core_needs.CALLS.items():
            self.assertIn(call.number, (None, self.known[name]), name)
            self.assertIn(call.arm, (None, arm.get(name)), name)

    def test_what_refuses_nothing_is_seen_to_refuse_nothing(self):
        # This test runs where the core's tests run: each of its calls is there.
        for name, call in core_needs.CALLS.items():
            self.assertIn(core_needs.attempt(call), (None, 0), name)

    def test_a_call_that_is_not_there_is_seen(self):
        self.assertEqual(core_needs.attempt(core_needs.Call(4095, 4095, (), "")), errno.ENOSYS)


if __name__ == "__main__":
    unittest.main()
