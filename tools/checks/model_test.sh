#!/bin/bash
# Checks a model with spin: whole, in each of some configurations, it must have no error; broken in each of some ways, it must have one.
#   model_test.sh MODEL.pml "-DSIZE=2 ..." ... -- "-DNO_REPAIR ..." ...
set -uo pipefail
model=$(readlink -f "$1")
shift

for tool in spin gcc; do
  if ! command -v "$tool" >/dev/null; then
    echo "$tool is not installed: start Bazel with ./tools/bazel, which installs what is missing" >&2
    exit 1
  fi
done
folder=$(mktemp -d "${TEST_TMPDIR:-/tmp}/model.XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
cp "$model" model.pml

wrong=0
expected=0
for configuration; do
  if [[ $configuration == -- ]]; then
    expected=1
    continue
  fi
  read -ra flags <<<"$configuration"
  spin -a "${flags[@]}" model.pml >spin.log || {
    cat spin.log
    exit 1
  }
  gcc -O2 -w -DSAFETY -DCOLLAPSE -o pan pan.c || exit 1
  ./pan -m500000 -w25 >pan.log
  errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log)
  states=$(sed -n 's/ *\([0-9.e+]*\) states, stored$/\1/p' pan.log)
  said=$(sed -n 's/^pan:1: //p' pan.log)
  printf '%-44s %12s states  %s\n' "${configuration:-as it is}" "${states:-?}" "${said:-no error}"
  # A search that was cut short has proved nothing.
  if [[ $errors != "$expected" ]] || grep -q 'max search depth too small\|out of memory' pan.log; then
    wrong=1
    echo "  WRONG: expected ${expected} errors, found ${errors:-none: it did not finish}"
    ((expected == 1)) || spin -t -p "${flags[@]}" model.pml | tail -120
  fi
done
exit $wrong
