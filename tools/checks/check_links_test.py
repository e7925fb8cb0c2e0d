#!/usr/bin/env python3
"""check_links finds links that lead nowhere, and lets pass those that lead somewhere."""

import pathlib
import tempfile
import unittest

import check_links


class CheckLinksTest(unittest.TestCase):

    def broken(self, text):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            page.write_text(text, encoding="utf-8")
            (page.parent / "folder").mkdir()
            (page.parent / "folder" / "other.md").write_text("# A `Title`, with 2 signs\n\n```sh\n# No title\n```\n")
            return [line for line, _ in check_links.broken_links(page)]

    def test_a_link_to_a_file_or_folder_must_lead_there(self):
        self.assertEqual(self.broken("[a](folder/other.md)\n[b](folder/) ![c](folder/other.md)\n"), [])
        self.assertEqual(self.broken("[a](folder/another.md)\n\n[b](folder/other.md) [c](elsewhere)\n"), [1, 3])

    def test_an_anchor_must_be_a_heading_of_its_page(self):
        self.assertEqual(self.broken("## Here\n[a](#here) [b](folder/other.md#a-title-with-2-signs)\n"), [])
        self.assertEqual(self.broken("## Here\n[a](#there)\n[b](folder/other.md#no-title)\n"), [2, 3])

    def test_links_elsewhere_and_code_are_left_alone(self):
        self.assertEqual(self.broken("[a](https://example.org/x) `[b](nothing)`\n```cpp\n[c](nothing)\n```\n"), [])


if __name__ == "__main__":
    unittest.main()
