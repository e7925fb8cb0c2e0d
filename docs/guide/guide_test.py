#!/usr/bin/env python3
"""The guide shows its programs as they are, and their output as they print it."""

import pathlib
import re
import subprocess
import unittest

FOLDER = pathlib.Path("docs/guide")
GUIDE = (FOLDER / "README.md").read_text(encoding="utf-8")


class GuideTest(unittest.TestCase):

    def test_it_shows_each_program_whole_and_what_it_prints(self):
        # A section names its program, shows it, and then shows its output.
        sections = re.findall(r"\[(\w+)\.cc\]\(\1\.cc\).*?^```cpp\n(.*?)^```$.*?^```text\n(.*?)^```$", GUIDE, re.M | re.S)
        self.assertEqual({name for name, _, _ in sections}, {path.stem for path in FOLDER.glob("*.cc")})
        self.assertEqual(len(sections), GUIDE.count("```cpp\n"))
        self.assertEqual(len(sections), 5)
        for name, source, output in sections:
            with self.subTest(name):
                self.assertEqual(source, (FOLDER / f"{name}.cc").read_text(encoding="utf-8"))
                run = subprocess.run([FOLDER.resolve() / name], capture_output=True, text=True, timeout=60, check=False)
                self.assertEqual((run.stdout, run.stderr, run.returncode), (output, "", 0))


if __name__ == "__main__":
    unittest.main()
