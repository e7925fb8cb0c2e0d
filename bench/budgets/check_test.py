#!/usr/bin/env python3
"""Tests of check.py."""

import unittest

import check

DUMP = """# callgrind format
version: 1
desc: Trigger: --dump-after=budget_{function}

positions: line
events: Ir
summary: 1230

ob=(5) /somewhere/paths
fl=(139) ???
fn=(590) budget_{function}
0 1000
cob=(3) /usr/lib/libc.so.6
cfi=(146) malloc.c
cfn=(546) malloc
calls=10 3281
0 200
0 20

ob=(3)
fl=(146)
fn=(546)
+3 200
ob=(5)
fn=(591) other
* 10
"""


def entry(**other):
    return {"path": "queue/alone", "unit": "calls", "budget": 4, "lowest": 4, "why": "one to wake", **other}


def sentences(cost, **other):
    return list(check.compare({("queue/alone", other.get("unit", "calls")): cost}, [entry(**other)], "# Changelog\n"))


class Compare(unittest.TestCase):

    def test_a_cost_at_its_budget_is_fine(self):
        self.assertEqual(sentences(4), [])

    def test_a_cost_over_its_budget_is_told_with_both(self):
        self.assertEqual(sentences(5), ["queue/alone calls: costs 5, over its budget of 4"])

    def test_a_budget_far_above_its_cost_is_stale(self):
        self.assertIn("lower its budget of 4", sentences(3)[0])
        self.assertIn("lower its budget of 1", sentences(0, budget=1, lowest=1)[0])
        self.assertEqual(sentences(100, budget=109, lowest=109), [])

    def test_instructions_of_libraries_may_differ_a_little_and_own_ones_not(self):
        self.assertEqual(sentences(110, unit=check.LIBRARIES, budget=100, lowest=100), [])
        self.assertEqual(len(sentences(120, unit=check.LIBRARIES, budget=100, lowest=100)), 1)
        self.assertEqual(len(sentences(100.1, unit=check.OWN, budget=100, lowest=100)), 1)

    def test_what_has_no_budget_and_what_was_not_measured_is_told(self):
        wrong = list(check.compare({("new", "calls"): 0}, [entry()], ""))
        self.assertEqual(wrong, ["queue/alone calls: has a budget, and was not measured", "new calls: costs 0, and has no budget"])

    def test_a_path_that_this_machine_cannot_take_has_no_cost(self):
        self.assertEqual(list(check.compare({("queue/alone", check.ABSENT): 0}, [entry()], "")), [])

    def test_a_budget_is_raised_by_a_line_of_the_changelog_only(self):
        raised = entry(budget=5, lowest=4)
        costs = {("queue/alone", "calls"): 5}
        self.assertIn("CHANGELOG.md needs a line", list(check.compare(costs, [raised], "- Budgets."))[0])
        self.assertEqual(list(check.compare(costs, [raised], "- Budget `queue/alone calls`: 4 to 5, for safety.")), [])
        self.assertEqual(len(list(check.compare(costs, [raised], "- Budget `queue/alone calls`: 4 to 6, for safety."))), 1)

    def test_the_lowest_follows_a_budget_that_was_lowered(self):
        self.assertIn("so is 'lowest'", sentences(3, budget=3, lowest=4)[0])

    def test_a_budget_says_why(self):
        self.assertEqual(len(sentences(4, why="")), 1)


class Callgrind(unittest.TestCase):

    def test_instructions_are_told_apart_by_whose_they_are_and_callees_count_once(self):
        self.assertEqual(check.instructions(DUMP.format(function="a"), "paths", {}), (1030, 200))

    def test_a_dump_that_does_not_add_up_is_refused(self):
        with self.assertRaisesRegex(SystemExit, "does not add up"):
            check.instructions(DUMP.replace("1230", "1231"), "paths", {})

    def test_the_last_run_of_a_function_counts_and_what_has_no_function_does_not(self):
        first = DUMP.format(function="lock").replace("0 1000", "0 5000").replace("1230", "5230")
        second = DUMP.format(function="lock").replace(" /somewhere/paths", "").replace(" /usr/lib/libc.so.6", "")
        rest = DUMP.format(function="lock").replace("--dump-after=budget_lock", "Program termination")
        self.assertEqual(check.read_dumps([first, second, rest], "paths"),
                         {("lock", check.OWN): 1.03, ("lock", check.LIBRARIES): 0.2})


if __name__ == "__main__":
    unittest.main()
