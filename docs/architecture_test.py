#!/usr/bin/env python3
"""What architecture.md says of the sources is true of them: each name that it mentions exists, and its layers are all of them."""

import pathlib
import re
import sys
import unittest

sys.path.insert(0, "tools/checks")
import check_layers  # noqa: E402

PAGE = pathlib.Path("docs/architecture.md").read_text(encoding="utf-8")
LAYERS = [layer for layer in check_layers.LAYERS if pathlib.Path("core", layer).is_dir()]


def is_named(name, path):
    """Whether the file at `path` declares or defines `name`, which is 'Function', 'Class' or 'Class::Function'."""
    text = path.read_text(encoding="utf-8")
    owner, _, member = name.rpartition("::")
    if owner and path.suffix == ".cc":
        return f" {owner}::{member}(" in text
    if owner:
        begin = re.search(rf"\b(class|struct)\b[^;{{]*\b{owner}\b", text)
        return begin is not None and re.search(rf"\b{member}\(", text[begin.end():]) is not None
    return re.search(rf"\b(class|struct)\b[^;{{]*\b{member}\b|\b{member}\(", text) is not None


class ArchitectureTest(unittest.TestCase):

    def test_names_exist_in_the_files_that_it_gives(self):
        references = re.findall(r"`(core/[\w/]+\.\w+)(?:: ([\w:]+))?`", PAGE)
        self.assertGreater(len(references), 40)
        for path, name in references:
            with self.subTest(path=path, name=name):
                self.assertTrue(pathlib.Path(path).is_file(), "no such file")
                self.assertTrue(not name or is_named(name, pathlib.Path(path)), "the file has no such name")

    def test_its_table_and_its_picture_have_every_layer_in_order(self):
        self.assertIn("pool", LAYERS)
        self.assertEqual(re.findall(r"^\| `core/(\w+)` \|", PAGE, re.M), LAYERS)
        picture = pathlib.Path("docs/pictures/layers.svg").read_text(encoding="utf-8")
        self.assertEqual(re.findall(r'class="layer"[^>]*>(\w+)<', picture), LAYERS)
        self.assertIn(", ".join(LAYERS), picture)


if __name__ == "__main__":
    unittest.main()
