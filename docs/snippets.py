#!/usr/bin/env python3
"""Makes a test of a page's C++: each ```cpp block is the body of a test case, a function that returns absl::Status.

  docs/snippets.py PAGE SUITE > TEST.cc
"""

import pathlib
import re
import sys

page, suite = sys.argv[1:]
for header in ("algorithm", "iostream", "ranges", "string", "vector"):
    print(f"#include <{header}>")
for header in ("core/ipc/array.h", "core/ipc/queue.h", "core/ipc/value.h", "core/os/error.h", "core/pool/pool.h",
               "core/process/process.h", "core/sync/event.h", "core/sync/lock.h", "core/topology/usable_cpus.h",
               "gtest/gtest.h"):
    print(f'#include "{header}"')
blocks = re.findall(r"^```cpp\n(.*?)^```$", pathlib.Path(page).read_text(encoding="utf-8"), re.M | re.S)
for number, block in enumerate(blocks, start=1):
    print(f"TEST({suite}, Snippet{number}) {{")
    print(f"  const absl::Status status = []() -> absl::Status {{\n{block}  return absl::OkStatus();\n  }}();")
    print("  EXPECT_TRUE(status.ok()) << status;\n}")
