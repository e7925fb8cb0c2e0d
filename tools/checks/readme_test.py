#!/usr/bin/env python3
"""What the README says of using this project is what the example does."""

import pathlib
import re
import unittest

README = pathlib.Path("README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)


class ReadmeTest(unittest.TestCase):

    def test_its_program_is_the_one_that_is_built_and_run(self):
        self.assertEqual(blocks("cpp"), [pathlib.Path("examples/squares.cc").read_text(encoding="utf-8")])

    def test_its_build_files_are_the_examples_but_for_the_path(self):
        module, workspace = blocks("starlark")
        for name, block in (("MODULE.bazel", module), ("WORKSPACE", workspace)):
            example = pathlib.Path("examples", name).read_text(encoding="utf-8")
            for line in block.splitlines():
                if not line.startswith("#"):
                    self.assertIn(line.replace("/path/to/regatta", "..") + "\n", example, name)

    def test_the_targets_that_it_names_are_the_examples(self):
        for label in re.findall(r"`(@regatta//[^`]+)`", README):
            self.assertIn(f'"{label}"', pathlib.Path("examples/BUILD").read_text(encoding="utf-8"))
        self.assertEqual(len(re.findall(r"`@regatta//[^`]+`", README)), 2)

    def test_the_flag_that_it_names_is_the_examples(self):
        self.assertIn("build --cxxopt=-std=c++20", pathlib.Path("examples/.bazelrc").read_text(encoding="utf-8"))
        self.assertIn("`build --cxxopt=-std=c++20", README)


if __name__ == "__main__":
    unittest.main()
