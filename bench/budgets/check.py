#!/usr/bin/env python3
"""Measures what the core's operations cost, exactly, and holds it against the written budgets.

  check.py BUDGETS.json CHANGELOG.md INSTRUCTION_PATHS OTHER_PATHS...

Wrong is: a cost over its budget; a budget far above the cost, which would let it creep up; a cost without budget, a budget without cost;
and a budget that was raised without a line of its own in the changelog. Exit code 1 where anything is wrong.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Dict, Iterator, List, Tuple

# Whose instructions they are: the core's own are the same on every machine, the libraries' follow the processor.
OWN = "instructions"
LIBRARIES = "instructions in libraries"
STEPS = "steps"  # Instructions of both, one by one.
ABSENT = "absent"  # The unit of a path that this machine can't take.
FUNCTIONS = ["encode_block", "decode_block", "encode_record", "decode_record", "queue_put_get", "lock_unlock", "board_task"]
TIMES = 1000  # As kTimes in instruction_paths.cc.

# A budget this much above the cost is stale; the libraries' may differ this much either way.
STALE = 1.1
TOLERANCE = {LIBRARIES: 1.15, STEPS: 1.05}

Key = Tuple[str, str]  # (path, unit)


def read_counts(text: str) -> Tuple[Dict[Key, float], Dict[Key, str]]:
    """What a program of paths printed: the costs, and of which calls they are."""
    costs, made_of = {}, {}
    for line in text.splitlines():
        path, unit, value, which = line.split("\t")
        if unit == ABSENT:
            print(f"{path}: absent, {which}")
        costs[path, unit] = float(value)
        made_of[path, unit] = which
    return costs, made_of


def instructions(dump: str, program: str, objects: Dict[str, str]) -> Tuple[int, int]:
    """The instructions of one of callgrind's dumps: (in the program itself, in libraries). A name is written once in all dumps of a run,
    which `objects` keeps for the next."""
    current, skip = "", False
    own = others = 0
    for line in dump.splitlines():
        match = re.match(r"(c?ob)=\((\d+)\)(?: (.*))?$", line)
        if match:
            kind, number, name = match.groups()
            if name is not None:
                objects[number] = name
            if kind == "ob":
                current = objects[number]
        elif line.startswith("calls="):
            skip = True  # The next line is what the callee cost, which has lines of its own.
        elif re.match(r"[+\-*\d]\S* \d+$", line):
            if not skip:
                cost = int(line.split()[1])
                if os.path.basename(current) == program:
                    own += cost
                else:
                    others += cost
            skip = False
    summary = re.search(r"^(?:summary|totals): (\d+)", dump, re.M)
    if not summary or int(summary.group(1)) != own + others:
        sys.exit(f"check: callgrind's dump does not add up: {own} + {others} instructions read, {summary and summary.group(1)} told")
    return own, others


def read_dumps(dumps: List[str], program: str) -> Dict[Key, float]:
    """The costs of the functions' last runs."""
    costs: Dict[Key, float] = {}
    objects: Dict[str, str] = {}
    for dump in dumps:
        own, others = instructions(dump, program, objects)
        trigger = re.search(r"^desc: Trigger: --dump-after=budget_(\w+)", dump, re.M)
        if trigger:
            costs[trigger.group(1), OWN] = round(own / TIMES, 2)
            costs[trigger.group(1), LIBRARIES] = round(others / TIMES, 2)
    return costs


def compare(costs: Dict[Key, float], budgets: List[dict], changelog: str) -> Iterator[str]:
    """What is wrong, a sentence each."""
    absent = {path for path, unit in costs if unit == ABSENT}
    known = {(path, ABSENT) for path in absent}
    for entry in budgets:
        path, unit, budget, lowest = entry["path"], entry["unit"], entry["budget"], entry["lowest"]
        known.add((path, unit))
        name = f"{path} {unit}"
        if not entry["why"]:
            yield f"{name}: the budget does not say why it is what it is"
        if lowest > budget:
            yield f"{name}: the budget was lowered to {budget:g}: so is 'lowest'"
        if lowest < budget and f"`{name}`: {lowest:g} to {budget:g}" not in changelog:
            yield (f"{name}: the budget was raised; CHANGELOG.md needs a line that has '`{name}`: {lowest:g} to {budget:g}' "
                   "and says what is bought with it")
        cost = costs.get((path, unit))
        if cost is None and path in absent:
            continue
        if cost is None:
            yield f"{name}: has a budget, and was not measured"
            continue
        tolerance = TOLERANCE.get(unit, 1.0)
        if cost > budget * tolerance:
            yield f"{name}: costs {cost:g}, over its budget of {budget:g}"
        elif budget > cost * STALE * tolerance:
            yield f"{name}: costs {cost:g}: lower its budget of {budget:g}, and 'lowest', to that"
    for path, unit in sorted(set(costs) - known):
        yield f"{path} {unit}: costs {costs[path, unit]:g}, and has no budget"


def run_callgrind(program: str, folder: str) -> Tuple[str, List[str]]:
    """What the program said, and callgrind's dumps in their order."""
    if not shutil.which("valgrind"):
        sys.exit("check: valgrind is not installed: start Bazel with ./tools/bazel, which installs what is missing")
    command = ["valgrind", "-q", "--tool=callgrind", "--collect-atstart=no", "--combine-dumps=no",
               f"--callgrind-out-file={folder}/%p", "--toggle-collect=budget_*"]
    command += [f"--dump-after=budget_{function}" for function in FUNCTIONS]
    # Functions of libraries are found at the start, not at their first call.
    with subprocess.Popen(command + [program], env={**os.environ, "LD_BIND_NOW": "1"}, stdout=subprocess.PIPE, text=True) as run:
        said = run.communicate()[0]
    if run.returncode != 0:
        sys.exit(f"check: {' '.join(command)} {program} failed with exit code {run.returncode}:\n{said}")
    files = sorted(glob.glob(f"{folder}/{run.pid}.*"), key=lambda name: int(name.rsplit(".", 1)[1]))
    dumps = []
    for name in files:
        with open(name, encoding="utf-8") as file:
            dumps.append(file.read())
    return said, dumps


def main(budgets_file: str, changelog_file: str, counted_instructions: str, *programs: str) -> int:
    with open(budgets_file, encoding="utf-8") as file:
        written = json.load(file)
    with open(changelog_file, encoding="utf-8") as file:
        changelog = file.read()
    budgets = written["budgets"]

    costs, made_of = {}, {}
    for program in programs:
        run = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=False)
        if run.returncode != 0:
            sys.exit(f"check: {program} failed with exit code {run.returncode}")
        counted, calls = read_counts(run.stdout)
        costs.update(counted)
        made_of.update(calls)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as folder:
        said, dumps = run_callgrind(os.path.abspath(counted_instructions), folder)
    compiler = dict(line.split("\t") for line in said.splitlines()).get("compiler")
    if compiler == written["compiler"]:
        costs.update(read_dumps(dumps, os.path.basename(counted_instructions)))
    else:
        print(f"Instructions are not compared: the budgets are of {written['compiler']} -O2, and this was built otherwise ({compiler}).")
        budgets = [entry for entry in budgets if entry["unit"] not in (OWN, LIBRARIES, STEPS)]
        costs = {key: cost for key, cost in costs.items() if key[1] != STEPS}

    by_key = {(entry["path"], entry["unit"]): entry["budget"] for entry in budgets}
    for key, cost in costs.items():
        budget = by_key.get(key)
        print(f"{key[0]:<36} {key[1]:<26} {cost:>10g}  of {'no budget' if budget is None else f'{budget:g}':<10} "
              f"{made_of.get(key, '')}".rstrip())
    wrong = list(compare(costs, budgets, changelog))
    for sentence in wrong:
        print(f"WRONG: {sentence}")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
