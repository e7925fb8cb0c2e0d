#!/usr/bin/env python3
"""Counts the test cases of Bazel's runs, and judges them more strictly than Bazel does.

  tools/checks/count_tests.py SKIPPED EVENTS...

EVENTS are the files that `bazel test --build_event_json_file` wrote; the counts come from the test.xml files that they
name. SKIPPED is a file with the number of test cases that are expected to be skipped.

The last line printed is 'N passed, N failed, N skipped'. Exit code 1 where a test failed or wasn't built, where a target
or a run ran no test, or where another number was skipped. To Bazel, a target without a test passes.
"""

import collections
import json
import pathlib
import re
import sys
import urllib.parse
import xml.etree.ElementTree
from typing import Dict, List

Counts = collections.Counter  # Of "passed", "failed" and "skipped".


def count_xml(path: pathlib.Path) -> Counts:
    """The test cases of one test.xml."""
    counts = Counts()
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            counts["failed"] += 1
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            counts["skipped"] += 1
        else:
            counts["passed"] += 1
    return counts


def count_run(events: pathlib.Path, problems: List[str]) -> Counts:
    """The test cases of one run; appends what is wrong to `problems`."""
    targets = set()
    statuses: Dict[str, str] = {}
    last_attempts = {}  # {(label, run, shard): (attempt, its test.xml or None)}
    for line in events.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        for kind, key in event.get("id", {}).items():
            if kind == "targetConfigured" and event.get("configured", {}).get("targetKind", "").endswith("_test rule"):
                targets.add(key["label"])
            elif kind == "testSummary" and "testSummary" in event:
                statuses[key["label"]] = event["testSummary"]["overallStatus"]
            elif kind == "testResult" and "testResult" in event:
                uris = [out["uri"] for out in event["testResult"].get("testActionOutput", []) if out["name"] == "test.xml"]
                slot = (key["label"], key.get("run"), key.get("shard"))
                attempt = (key.get("attempt", 1), uris[0] if uris else None)
                last_attempts[slot] = max(last_attempts.get(slot, (0, None)), attempt)

    counts = {label: Counts() for label in targets}
    for (label, _, _), (_, uri) in last_attempts.items():
        if uri:
            path = pathlib.Path(urllib.parse.unquote(urllib.parse.urlparse(uri).path))
            counts.setdefault(label, Counts()).update(count_xml(path))

    total = Counts()
    for label, count in sorted(counts.items()):
        status = statuses.get(label, "NOT BUILT")
        if status != "PASSED":
            problems.append(f"{label}: {status}")
            count["failed"] = max(count["failed"], 1)  # It may have ended badly after its last test.
        if count["passed"] + count["failed"] == 0:
            problems.append(f"{label}: ran no test")
        total.update(count)
    if not counts:
        problems.append(f"{events.stem}: the run had no test target")
    return total


def main(arguments: List[str]) -> int:
    if len(arguments) < 2:
        sys.exit(__doc__)
    problems: List[str] = []
    total = Counts()
    for name in arguments[1:]:
        events = pathlib.Path(name)
        if not events.exists():
            problems.append(f"{events.stem}: Bazel wrote no events")
            continue
        run = count_run(events, problems)
        print(f"{events.stem}: {run['passed']} passed, {run['failed']} failed, {run['skipped']} skipped in this run")
        total.update(run)

    expected = int(re.sub(r"#.*", "", pathlib.Path(arguments[0]).read_text(encoding="utf-8")))
    if total["skipped"] != expected:
        problems.append(f"{total['skipped']} test cases were skipped, and {arguments[0]} says {expected}")
    for problem in problems:
        print(f"count_tests: {problem}")
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 1 if problems or total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
