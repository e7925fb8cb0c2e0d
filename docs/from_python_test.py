#!/usr/bin/env python3
"""from-python.md has every public name of Python's modules, and the names that it gives for ours exist."""

import importlib
import pathlib
import re
import sys
import unittest

PAGE = pathlib.Path("docs/from-python.md").read_text(encoding="utf-8")
HEADERS = "\n".join(path.read_text(encoding="utf-8") for path in sorted(pathlib.Path("core").rglob("*.h")))


def public_names(section):
    """What Python itself has under a section's heading: a module, or a class of one."""
    if section == "multiprocessing.Queue":  # There it is a function that makes one.
        section = "multiprocessing.queues.Queue"
    try:
        return set(importlib.import_module(section).__all__)
    except ImportError:
        module, _, name = section.rpartition(".")
        return {name for name in dir(getattr(importlib.import_module(module), name)) if not name.startswith("_")}


def tables():
    """(heading, {Python's name: the middle column}) for each section with a table."""
    for section in PAGE.split("\n## ")[1:]:
        rows = re.findall(r"^\| (\w+) \| ([^|]+) \|", section, re.M)
        if rows:
            yield section.splitlines()[0], rows


class FromPythonTest(unittest.TestCase):

    def test_each_name_of_python_stands_there_once(self):
        sections = dict(tables())
        self.assertEqual(len(sections), 11)
        for section, rows in sections.items():
            with self.subTest(section):
                names = [name for name, _ in rows if name != "Python"]
                self.assertEqual(len(names), len(set(names)))
                if section == "joblib.Parallel":
                    continue  # Need not be installed.
                self.assertEqual(public_names(section) - set(names), set(), "not on the page")
                if sys.version_info[:2] == (3, 11):
                    self.assertEqual(set(names) - public_names(section), set(), "not in Python")

    def test_each_answer_is_a_name_of_ours_or_says_that_there_is_none(self):
        answers = [answer for _, rows in tables() for name, answer in rows if name != "Python"]
        self.assertGreater(sum(answer.startswith("`") for answer in answers), 40)
        for answer in answers:
            with self.subTest(answer):
                self.assertRegex(answer, r"^(`[\w:]+`|not yet|none)$")

    def test_the_names_of_ours_exist(self):
        rows = "\n".join(line for line in PAGE.splitlines() if line.startswith("| "))
        names = {name for name in re.findall(r"`([A-Za-z_]\w+(?:::\w+)*)(?:\(.*?\))?(?: - 1)?`", rows)}
        for name in names - {"absl::Status"}:
            with self.subTest(name):
                for part in name.split("::"):
                    self.assertTrue(re.search(rf"\b{part}\b", HEADERS), f"no header of core has {part}")


if __name__ == "__main__":
    unittest.main()
