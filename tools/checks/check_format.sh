#!/bin/bash
# clang-format over every C++ file that git tracks or could track: says what differs, or with --fix puts it right. Also says which lines
# of comments are over the limit of 120 columns: clang-format leaves those alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

mode=(--dry-run -Werror)
[[ ${1:-} != --fix ]] || mode=(-i)

# A file that was deleted but not yet staged is still listed.
sources() {
  git ls-files -z --cached --others --exclude-standard -- '*.h' '*.cc' |
    while read -rd '' file; do [[ ! -f $file ]] || printf '%s\0' "$file"; done
}

sources | xargs -0 --no-run-if-empty clang-format --style=file "${mode[@]}"
if sources | LC_ALL=C.UTF-8 xargs -0 --no-run-if-empty grep -HnP '^(?=.{121})\s*//'; then
  echo "check_format: these lines are over 120 columns" >&2
  exit 1
fi
