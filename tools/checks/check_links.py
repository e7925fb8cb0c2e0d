#!/usr/bin/env python3
"""Checks that the links of Markdown files to files of this repository, and to headings in them, lead somewhere.

  tools/checks/check_links.py           every .md file that git tracks or could track
  tools/checks/check_links.py FILE...   those, by path from the repository's root

Links with a scheme (https:) are not followed. Exit code 1 where a link is broken.
"""

import pathlib
import re
import subprocess
import sys
from typing import Iterator, List, Set, Tuple

LINK = re.compile(r"\]\(([^()\s]+)\)")
FENCE = re.compile(r"^\s*```")


def text_lines(text: str) -> Iterator[Tuple[int, str]]:
    """(number, line) of each line outside of code blocks."""
    in_code = False
    for number, line in enumerate(text.splitlines(), start=1):
        if FENCE.match(line):
            in_code = not in_code
        elif not in_code:
            yield number, line


def anchors(text: str) -> Set[str]:
    """The anchors that GitHub gives the headings of a page."""
    found: Set[str] = set()
    for _, line in text_lines(text):
        heading = re.match(r"#{1,6} +(.*?)\s*$", line)
        if heading:
            words = re.sub(r"[^\w\- ]", "", heading.group(1).lower())
            found.add(words.replace(" ", "-"))
    return found


def broken_links(path: pathlib.Path) -> Iterator[Tuple[int, str]]:
    """(line, what is wrong) for each broken link of a page."""
    for number, line in text_lines(path.read_text(encoding="utf-8")):
        for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            file = path.parent / name if name else path
            if not file.exists():
                yield number, f"{target}: there is no such file"
            elif anchor and (file.suffix != ".md" or anchor not in anchors(file.read_text(encoding="utf-8"))):
                yield number, f"{target}: the page has no such heading"


def main(names: List[str]) -> int:
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.md"]
    names = names or subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split("\0")
    paths = [pathlib.Path(name) for name in names if name and pathlib.Path(name).is_file()]
    if not paths:
        sys.exit("check_links: no page to check; run it in the repository's root")
    found = 0
    for path in paths:
        for line, why in broken_links(path):
            print(f"{path}:{line}: {why}")
            found += 1
    print(f"check_links: {len(paths)} pages, {found} broken links", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
