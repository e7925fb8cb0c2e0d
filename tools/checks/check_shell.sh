#!/bin/bash
# Every shell script that git tracks or could track, through shellcheck.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

git ls-files --cached --others --exclude-standard | while read -r file; do
  if [[ -f $file ]] && head -1 "$file" | grep -aqE '^#!.*\b(ba)?sh\b'; then
    printf '%s\n' "$file"
  fi
done | xargs shellcheck -x
