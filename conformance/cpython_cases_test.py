#!/usr/bin/env python3
"""Each of CPython's own test cases has its answer in catalogue/cpython_cases.json, and each answer names what exists.

A row has one of three answers:
  held_by         tests and scenarios of ours that hold the same rule; `note` says where ours differs
  not_applicable  one of NOT_APPLICABLE, and `why`
  open            the area that is to hold it, of AREAS, and perhaps `why`
"""

import collections
import json
import pathlib
import re
import unittest

CATALOGUE = pathlib.Path("conformance/catalogue")
ANSWERS = {"held_by": ({"note"}, set()), "not_applicable": (set(), {"why"}), "open": ({"why"}, set())}
NOT_APPLICABLE = {
    "windows",  # It runs on Windows only, or is about it.
    "threads",  # It is about a pool of threads.
    "python",  # It is about the interpreter or its objects.
    "design",  # The core leaves it out, or does it otherwise, on purpose.
}
AREAS = {"sync", "ipc", "subprocess", "process", "pool", "manager"}

ROWS = json.loads((CATALOGUE / "cpython_cases.json").read_text(encoding="utf-8"))


def answer_of(row):
    return [answer for answer in ANSWERS if answer in row]


def our_tests():
    """Suite.Test of every GoogleTest in core, Class.test of every Python test there, and the id of every scenario."""
    found = set()
    for path in pathlib.Path("core").rglob("*"):
        if path.suffix in (".cc", ".h"):
            for suite, test in re.findall(r"^(?:TYPED_)?TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", path.read_text("utf-8"), re.M):
                found.add(f"{suite}.{test}")
        elif path.suffix == ".py":
            for name, body in re.findall(r"^class (\w+)\(.*?\n(.*?)(?=^\S|\Z)", path.read_text("utf-8"), re.M | re.S):
                found.update(f"{name}.{test}" for test in re.findall(r"^    def (test_\w+)\(", body, re.M))
    for path in CATALOGUE.glob("*.json"):
        found.update(row["id"] for row in json.loads(path.read_text("utf-8")) if "id" in row)
    return found


class CpythonCasesTest(unittest.TestCase):

    def test_each_case_has_one_row_in_the_order_of_the_list(self):
        cases = (CATALOGUE / "cpython_cases.txt").read_text(encoding="utf-8").split()
        self.assertEqual(len(cases), 535)
        self.assertEqual(len(set(cases)), len(cases))
        self.assertEqual([row["case"] for row in ROWS], cases)

    def test_each_row_has_one_answer(self):
        for row in ROWS:
            with self.subTest(row["case"]):
                self.assertEqual(len(answer_of(row)), 1)
                answer = answer_of(row)[0]
                may, must = ANSWERS[answer]
                keys = set(row) - {"case", answer}
                self.assertLessEqual(keys, may | must)
                self.assertLessEqual(must, keys)
                self.assertTrue(all(row.values()), "an empty value")
                self.assertIn(row.get("not_applicable", "python"), NOT_APPLICABLE)
                self.assertIn(row.get("open", "pool"), AREAS)

    def test_the_tests_and_scenarios_that_hold_a_case_exist(self):
        ours = our_tests()
        self.assertIn("queue/full", ours)
        self.assertIn("LockTest.IsAcquiredAndReleased", ours)
        for row in ROWS:
            with self.subTest(row["case"]):
                self.assertEqual([name for name in row.get("held_by", []) if name not in ours], [])

    @classmethod
    def tearDownClass(cls):
        parts = [f"{len(ROWS)} cases of CPython: {sum('held_by' in row for row in ROWS)} held"]
        for answer in ("not_applicable", "open"):
            kinds = collections.Counter(row[answer] for row in ROWS if answer in row)
            each = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
            parts.append(f"{sum(kinds.values())} {answer.replace('_', ' ')} ({each})")
        print("; ".join(parts))


if __name__ == "__main__":
    unittest.main()
