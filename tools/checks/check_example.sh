#!/bin/bash
# Builds examples/ as what it is, a project of its own that depends on this one, runs its programs, and reads what they say.
#   tools/checks/check_example.sh [BAZEL'S OPTIONS...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../examples"

check() {
  local program=$1 expected=$2 said
  shift 2
  said=$(../tools/bazel run "$@" "$program")
  if [[ $said != "$expected" ]]; then
    printf 'examples: %s said\n%s\ninstead of\n%s\n' "$program" "$said" "$expected" >&2
    exit 1
  fi
  echo "examples: $program says what it should"
}
trap '../tools/bazel shutdown' EXIT
check //:squares $'1\n4\n9\n16\n25' "$@"
check //container:job 32835000 "$@"
