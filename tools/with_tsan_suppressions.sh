#!/bin/bash
# Runs a test under --config=tsan with the suppressions beside this script.
export TSAN_OPTIONS="${TSAN_OPTIONS:-}:suppressions=$TEST_SRCDIR/$TEST_WORKSPACE/tools/tsan_suppressions.txt"
exec "$@"
