#!/usr/bin/env python3
"""count_tests counts each kind of test case, and fails what Bazel lets pass."""

import contextlib
import io
import json
import pathlib
import tempfile
import unittest

import count_tests

PASSED = '<testcase name="a" status="run" result="completed"/>'
FAILED = '<testcase name="b" status="run"><failure message="no"/></testcase>'
ERROR = '<testcase name="c" status="run"><error message="exited with 1"/></testcase>'
SKIPPED = '<testcase name="d" status="run" result="skipped"><skipped message="one processor"/></testcase>'
DISABLED = '<testcase name="e" status="notrun" result="suppressed"/>'


class CountTestsTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.events = []

    def add_target(self, label, kind="cc_test rule"):
        self.events.append({"id": {"targetConfigured": {"label": label}}, "configured": {"targetKind": kind}})

    def add_result(self, label, cases, shard=1, attempt=1):
        path = self.folder / f"with a space {len(self.events)}.xml"
        path.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
        self.events.append({
            "id": {"testResult": {"label": label, "run": 1, "shard": shard, "attempt": attempt}},
            "testResult": {"testActionOutput": [{"name": "test.log", "uri": "file:///nowhere"},
                                                {"name": "test.xml", "uri": path.as_uri()}]},
        })

    def add_summary(self, label, status):
        self.events.append({"id": {"testSummary": {"label": label}}, "testSummary": {"overallStatus": status}})

    def add(self, label, cases, status="PASSED"):
        self.add_target(label)
        self.add_result(label, cases)
        self.add_summary(label, status)

    def count(self, skipped="0"):
        """(exit code, what was printed)"""
        (self.folder / "skipped").write_text(skipped)
        events = self.folder / "tests.json"
        events.write_text("".join(json.dumps(event) + "\n" for event in self.events))
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            code = count_tests.main([str(self.folder / "skipped"), str(events)])
        return code, printed.getvalue().splitlines()

    def test_all_passed(self):
        self.add("//a", [PASSED, PASSED])
        self.add("//b", [PASSED])
        code, lines = self.count()
        self.assertEqual((code, lines[-1]), (0, "3 passed, 0 failed, 0 skipped"))

    def test_each_kind_of_case(self):
        self.add("//a", [PASSED, FAILED, ERROR, SKIPPED, DISABLED], "FAILED")
        code, lines = self.count(skipped="2  # no second processor\n")
        self.assertEqual((code, lines[-1]), (1, "1 passed, 2 failed, 2 skipped"))

    def test_shards_are_added_and_the_last_attempt_counts(self):
        self.add_target("//a")
        self.add_result("//a", [PASSED], shard=1)
        self.add_result("//a", [PASSED, FAILED], shard=2, attempt=1)
        self.add_result("//a", [PASSED, PASSED], shard=2, attempt=2)
        self.add_summary("//a", "PASSED")
        code, lines = self.count()
        self.assertEqual((code, lines[-1]), (0, "3 passed, 0 failed, 0 skipped"))

    def test_a_flaky_target_fails(self):
        self.add("//a", [PASSED], "FLAKY")
        self.assertEqual(self.count()[0], 1)

    def test_a_target_without_a_test_fails(self):
        self.add("//a", [PASSED])
        self.add("//b", [])
        code, lines = self.count()
        self.assertEqual(code, 1)
        self.assertIn("count_tests: //b: ran no test", lines)

    def test_a_target_that_skipped_everything_ran_no_test(self):
        self.add("//a", [SKIPPED])
        code, lines = self.count(skipped="1")
        self.assertEqual(code, 1)
        self.assertIn("count_tests: //a: ran no test", lines)

    def test_another_number_skipped_fails(self):
        self.add("//a", [PASSED, SKIPPED])
        self.assertEqual(self.count(skipped="1")[0], 0)
        self.assertEqual(self.count(skipped="0")[0], 1)
        self.assertEqual(self.count(skipped="2")[0], 1)

    def test_a_target_that_was_not_built_fails(self):
        self.add("//a", [PASSED])
        self.add_target("//b")
        self.add_target("//c", kind="cc_library rule")
        code, lines = self.count()
        self.assertEqual((code, lines[-1]), (1, "1 passed, 1 failed, 0 skipped"))
        self.assertIn("count_tests: //b: NOT BUILT", lines)

    def test_a_bad_end_after_the_last_test_fails(self):
        self.add("//a", [PASSED], "FAILED")
        code, lines = self.count()
        self.assertEqual((code, lines[-1]), (1, "1 passed, 1 failed, 0 skipped"))

    def test_a_run_without_targets_or_events_fails(self):
        self.assertEqual(self.count()[0], 1)
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(count_tests.main([str(self.folder / "skipped"), str(self.folder / "absent.json")]), 1)


if __name__ == "__main__":
    unittest.main()
