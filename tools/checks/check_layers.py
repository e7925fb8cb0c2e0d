#!/usr/bin/env python3
"""Checks who may include whom, and that nothing is called a dumping ground.

  tools/checks/check_layers.py           every file that git tracks or could track
  tools/checks/check_layers.py FILE...   those, by path from the repository's root

Visibility in BUILD files already keeps dependencies downward between packages; this also sees system headers, and says
which rule is broken. Exit code 1 where one is.
"""

import pathlib
import re
import subprocess
import sys
from typing import Iterator, List, Optional, Tuple

# From top to bottom: a layer includes itself and what stands below it.
LAYERS = ["testing", "manager", "pool", "subprocess", "process", "ipc", "sync", "shm", "codec", "topology", "os"]

# What a top-level folder may include of the others.
MAY_INCLUDE = {
    "core": {"core"},
    "bench": {"bench", "core", "tools"},
    "conformance": {"conformance", "core", "tools"},
    "reports": {"reports", "tools"},
    "tools": {"tools"},
}
# Reports read the files that the benchmarks write, and are drawn from the table of benchmarks.
MAY_INCLUDE_FOLDER = {("reports", "bench/table"), ("reports", "bench/results")}

# Of the core, only these include core/testing.
TESTS = ("_test.cc", "_fuzz.cc")

DUMPING_GROUNDS = {"util", "utils", "common", "helper", "helpers", "misc"}

FAULT_POINT = re.compile(r"inline constexpr FaultPoint (k\w+)\(")
INCLUDE = re.compile(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def forbidden_include(path: str, included: str) -> Optional[str]:
    """Why the file at `path` may not include `included`, or None if it may."""
    parts = path.split("/")
    top = parts[0]
    layer = parts[1] if top == "core" and len(parts) > 2 else None
    other = included.split("/")

    if other[0] in ("sys", "linux") and top == "core" and layer not in ("os", "testing"):
        return "only core/os includes <sys/...> and <linux/...>: use, or add, an owned call there"
    if re.match(r"hwloc(\.h$|/)", included) and layer != "topology":
        return "only core/topology includes hwloc: use, or add, a question about the machine there"
    if other[0] not in MAY_INCLUDE:
        return None

    allowed = MAY_INCLUDE.get(top, set(MAY_INCLUDE))
    if other[0] not in allowed and (top, "/".join(other[:2])) not in MAY_INCLUDE_FOLDER:
        return f"{top} includes nothing of {other[0]}"
    if layer is None or len(other) < 3:
        return None
    if other[1] == "testing" and layer != "testing":
        return None if path.endswith(TESTS) else "only tests include core/testing: what others need belongs to a layer"
    for name in (layer, other[1]):
        if name not in LAYERS:
            return f"core/{name} has no place in the order of layers (LAYERS in tools/checks/check_layers.py)"
    if LAYERS.index(other[1]) < LAYERS.index(layer):
        return f"core/{layer} stands below core/{other[1]}, and dependencies only go down"
    return None


def dumping_ground(path: str) -> Optional[str]:
    """Why a file may not be called so, or None if it may."""
    for part in pathlib.PurePosixPath(path).parts:
        if part.split(".")[0].split("_")[-1] in DUMPING_GROUNDS:
            return f"'{part}' says nothing of what is in it: name it after that"
    return None


def violations(path: str, text: str) -> Iterator[Tuple[int, str]]:
    """(line, what is wrong) for each broken rule; line 0 is the name itself."""
    why = dumping_ground(path)
    if why:
        yield 0, why
    if not path.endswith((".h", ".cc", ".inc")):
        return
    if path.endswith("/fault_points.h"):
        for number, line in enumerate(text.splitlines(), start=1):
            match = FAULT_POINT.match(line)
            if match and not re.search(rf"\bfault::{match.group(1)}\b", text):
                yield number, f"{match.group(1)} is missing in the layer's array of fault points, so no test asks for it"
    for number, line in enumerate(text.splitlines(), start=1):
        match = INCLUDE.match(line)
        if match:
            included = match.group(1) or match.group(2)
            why = forbidden_include(path, included)
            if why:
                yield number, f"includes {included}: {why}"


def files_of_repository() -> List[str]:
    listing = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                             check=True, capture_output=True, text=True)
    return [path for path in listing.stdout.split("\0") if path and pathlib.Path(path).is_file()]


def main(paths: List[str]) -> int:
    paths = paths or files_of_repository()
    if not paths:
        sys.exit("check_layers: no file to check; run it in the repository's root")
    found = 0
    for path in paths:
        for line, why in violations(path, pathlib.Path(path).read_text(encoding="utf-8", errors="replace")):
            print(f"{path}:{line}: {why}")
            found += 1
    print(f"check_layers: {len(paths)} files, {found} violations", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
