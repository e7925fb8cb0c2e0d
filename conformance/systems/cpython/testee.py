"""The testee for CPython: testee.py SCENARIO METHOD, as conformance/README.md says of all testees.

A topic's scenarios are the functions of its module, found by their id: queue/put-timeout is put_timeout in queue_scenarios.
"""

import importlib
import multiprocessing
import sys

CANT_PLAY = 64


def find(scenario):
    """The function that plays it, or None."""
    topic, _, name = scenario.partition("/")
    try:
        module = importlib.import_module(topic + "_scenarios")
    except ModuleNotFoundError:
        return None
    return module.SCENARIOS.get(name.replace("-", "_"))


def main(arguments):
    if len(arguments) != 2:
        print("usage: REGATTA_TRACE=FILE testee.py SCENARIO METHOD", file=sys.stderr)
        return CANT_PLAY
    scenario, method = arguments
    play = find(scenario)
    if play is None or method not in multiprocessing.get_all_start_methods():
        print(f"testee.py: can't play {scenario} with {method}", file=sys.stderr)
        return CANT_PLAY
    multiprocessing.set_start_method(method)
    play()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
