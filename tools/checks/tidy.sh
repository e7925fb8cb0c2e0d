#!/bin/bash
# clang-tidy over C++ files:
#   tools/checks/tidy.sh             those changed since main
#   tools/checks/tidy.sh --core      the core's own sources, without its tests: what .ci/run checks
#   tools/checks/tidy.sh --all       all
#   tools/checks/tidy.sh FILE...     those
#
# Build first: it reads the libraries' headers where Bazel put them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

case ${1:-} in
  --core)
    mapfile -t files < <(git ls-files --cached --others --exclude-standard -- 'core/*.cc' |
      grep -vE '_(test|fuzz)\.cc$|^core/testing/')
    ;;
  --all) mapfile -t files < <(git ls-files --cached --others --exclude-standard -- '*.cc') ;;
  "") mapfile -t files < <(git diff --name-only --diff-filter=d main -- '*.cc'
    git ls-files --others --exclude-standard -- '*.cc') ;;
  *) files=("$@") ;;
esac
if ((${#files[@]} == 0)); then
  echo "tidy: no C++ source differs from main; --all checks everything"
  exit 0
fi

external=$(./tools/bazel info output_base 2>/dev/null)/external
flags=(-std=c++20 -I. "-I$(./tools/bazel info bazel-bin 2>/dev/null)" -Wno-unknown-warning-option
  -isystem "$external/com_google_absl"
  -isystem "$external/com_google_googletest/googletest/include"
  -isystem "$external/com_google_googletest/googlemock/include"
  -isystem "$external/com_github_google_benchmark/include"
  -DREGATTA_HAVE_BOOST_INTERPROCESS=1 -DREGATTA_HAVE_TBB=1 -DREGATTA_HAVE_ZEROMQ=1)

# Its counts of warnings in others' headers go to standard error, and are no findings.
printf '%s\0' "${files[@]}" |
  xargs -0 -P "$(nproc)" -I '{}' clang-tidy --quiet '{}' -- "${flags[@]}" 2>/dev/null || {
  echo "tidy: clang-tidy found something above, or could not read a source: build first"
  exit 1
}
echo "tidy: ${#files[@]} sources, no finding"
