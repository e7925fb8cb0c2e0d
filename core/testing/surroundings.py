"""Runs the tour (tour.cc) in surroundings, and judges what each of its parts came to.

A part works, or it refuses in words that the case allows. Anything else is a failure: a wrong result, a signal, a hang, a process that
is left behind, and a refusal in other words.
"""

import concurrent.futures
import dataclasses
import fcntl
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from typing import Callable, List, Optional, Tuple

PARTS = ["alone", "lock", "event", "queue_fork", "queue_spawn", "queue_forkserver", "pool_fork", "pool_forkserver"]
WATCHDOG = 60.0  # Seconds. The tour takes less than one.


@dataclasses.dataclass
class Case:
    name: str
    # A regular expression that a refusal matches, in its status or, where a child ended with an exit code, on stderr. Empty: all works.
    refusal: str = ""
    arguments: Tuple[str, ...] = ()  # Before the parts.
    parts: Tuple[str, ...] = tuple(PARTS)
    command: Tuple[str, ...] = ()  # In front of the tour.
    prepare: Optional[Callable[[], None]] = None  # In the new process, before it becomes the tour.


def place_for_all(tour: str) -> str:
    """A copy of the tour that each user may run. The folder is for the caller to remove."""
    folder = tempfile.mkdtemp(prefix="tour-", dir="/tmp")
    os.chmod(folder, 0o755)
    for file in (tour, os.path.join(os.path.dirname(os.path.abspath(__file__)), "refusing.py")):
        copy = os.path.join(folder, os.path.basename(file))
        shutil.copy(file, copy)
        os.chmod(copy, 0o755)
    os.mkdir(f"{folder}/empty", 0o755)
    return f"{folder}/tour"


def of_session(session: int) -> List[int]:
    """The processes of the session that have not ended."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] not in "ZX":
            found.append(int(entry.name))
    return found


def pipe_with_room() -> Tuple[int, int]:
    ends = os.pipe()
    fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, 1 << 20)
    return ends


def problems_of(case: Case, tour: str) -> List[str]:
    """What is wrong with the case; nothing if all is well."""
    problems: List[str] = []
    # Pipes: a limit on the size of files must not hit the reports.
    report, fd = pipe_with_room()
    errors, stderr = pipe_with_room()
    with open(report, encoding="utf-8") as report_file, open(errors, encoding="utf-8", errors="replace") as errors_file:
        command = [*case.command, tour, *[a for a in case.arguments if a.startswith("--refuse")], f"--report={fd}",
                   *[a for a in case.arguments if not a.startswith("--refuse")], *case.parts]
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, start_new_session=True,
                                 preexec_fn=case.prepare, pass_fds=(fd,), cwd="/tmp")
        os.close(fd)
        os.close(stderr)
        code = 0
        try:
            code = child.wait(WATCHDOG)
            if code != 0:
                problems.append(f"the tour ended with {code}")
        except subprocess.TimeoutExpired:
            problems.append("the tour hangs")
        patience = time.monotonic() + (10 if not problems else 0)
        left = of_session(child.pid)
        while left and time.monotonic() < patience:
            time.sleep(0.01)
            left = of_session(child.pid)
        if left and not problems:
            problems.append(f"left behind: {left}")
        while left:
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.01)
            left = of_session(child.pid)
        child.wait()
        said = errors_file.read()
        outcomes = re.findall(r"^(\w+): (.*)$", report_file.read(), re.MULTILINE)

    for part, outcome in outcomes:
        if outcome == "works":
            continue
        words = outcome + (said if "exit code" in outcome else "")
        if not outcome.startswith("refused: ") or not case.refusal or not re.search(case.refusal, words):
            problems.append(f"{part}: {outcome}")
    if problems == [f"the tour ended with {code}"] and code > 0 and not outcomes and case.refusal and re.search(case.refusal, said):
        return []  # The loader could not start it.
    if not problems and [part for part, _ in outcomes] != list(case.parts):
        problems.append(f"the tour reported {outcomes}")
    if problems and said:
        problems.append(f"it said: {said[-1000:]}")
    return problems


def write(suite: xml.etree.ElementTree.Element) -> None:
    if "XML_OUTPUT_FILE" in os.environ:
        xml.etree.ElementTree.ElementTree(suite).write(os.environ["XML_OUTPUT_FILE"])


def skip(name: str, why: str) -> int:
    """For a test that can't run here: it counts as one skipped."""
    print(f"SKIPPED: {why}")
    suite = xml.etree.ElementTree.Element("testsuite", name=name)
    case = xml.etree.ElementTree.SubElement(suite, "testcase", name="all", classname=name)
    xml.etree.ElementTree.SubElement(case, "skipped", message=why)
    write(suite)
    return 0


def run(name: str, cases: List[Case], tour: str) -> int:
    """Runs them all, writes the test's XML, and returns the exit code."""
    suite = xml.etree.ElementTree.Element("testsuite", name=name)
    chosen = [case for case in cases if not sys.argv[2:] or any(word in case.name for word in sys.argv[2:])]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for case, problems in zip(chosen, pool.map(lambda case: problems_of(case, tour), chosen)):
            element = xml.etree.ElementTree.SubElement(suite, "testcase", name=case.name, classname=name)
            if problems:
                failed += 1
                text = "\n    ".join(problems)
                print(f"FAILED {case.name}\n    {text}", flush=True)
                xml.etree.ElementTree.SubElement(element, "failure").text = text
    shutil.rmtree(os.path.dirname(tour))
    write(suite)
    print(f"{len(chosen) - failed} of {len(chosen)} cases hold")
    return 1 if failed or not chosen else 0
