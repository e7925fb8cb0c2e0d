#!/bin/bash
# Builds examples/ as what it is, a project of its own that depends on this one, runs its program, and reads what it says.
#   tools/checks/check_example.sh [BAZEL'S OPTIONS...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../examples"

said=$(../tools/bazel run "$@" //:squares)
../tools/bazel shutdown
expected=$'1\n4\n9\n16\n25'
if [[ $said != "$expected" ]]; then
  printf 'examples: squares said\n%s\ninstead of\n%s\n' "$said" "$expected" >&2
  exit 1
fi
echo "examples: squares says what it should"
