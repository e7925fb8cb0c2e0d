#!/bin/bash
# clang-format over every C++ file that git tracks or could track: says what differs, or with --fix puts it right.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

mode=(--dry-run -Werror)
[[ ${1:-} != --fix ]] || mode=(-i)

# A file that was deleted but not yet staged is still listed.
git ls-files -z --cached --others --exclude-standard -- '*.h' '*.cc' |
  while read -rd '' file; do [[ ! -f $file ]] || printf '%s\0' "$file"; done |
  xargs -0 --no-run-if-empty clang-format --style=file "${mode[@]}"
