# shellcheck shell=bash disable=SC2034
# Debian's packages that this project uses, and how to install the missing ones. Sourced by tools/bazel and .ci/run.
#
# REGATTA_INSTALL=no in the environment: install nothing, only say what is missing.

# What the build and the tests need, besides Bazel.
BUILD_PACKAGES=(g++ python3 bazel-skylib pkg-config libboost-dev libhwloc-dev nlohmann-json3-dev zip file patch spin valgrind)
# What the benchmarks race the core against; each may be absent, and is then reported absent.
PEER_PACKAGES=(libzmq3-dev libtbb-dev)
# What only tests need, besides: a browser, with which one looks at the report, and what reads the workflows' files.
TEST_PACKAGES=(chromium-headless-shell python3-yaml)
# What contributors' checks need.
CHECK_PACKAGES=(git clang libclang-rt-14-dev clang-format clang-tidy shellcheck)

declare -A installed=()

say() { printf 'regatta: %s\n' "$*" >&2; }

# Fills `installed`, {package: version}, for those of the packages that are.
look_for() {
  local status package version
  installed=()
  while read -r status package version; do
    [[ $status != installed ]] || installed[$package]=$version
  done < <(dpkg-query -W -f='${db:Status-Status} ${Package} ${Version}\n' "$@" 2>/dev/null)
}

# Installs those of the packages that look_for did not find, asking nothing. Returns non-zero, having said why, where
# that can't be done.
install_missing() {
  local package missing=() as_root=(env DEBIAN_FRONTEND=noninteractive)
  for package; do
    [[ -n ${installed[$package]:-} ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0

  local by_hand="As root: apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  if [[ ${REGATTA_INSTALL:-yes} == no ]]; then
    say "missing, and not installed as REGATTA_INSTALL=no: ${missing[*]}. $by_hand"
    return 1
  elif ((EUID != 0)) && ! command -v sudo >/dev/null; then
    say "missing, and not installed as you are not root and sudo is absent: ${missing[*]}. $by_hand"
    return 1
  elif ((EUID != 0)); then
    as_root=(sudo "${as_root[@]}")
  fi

  say "installing Debian's packages ${missing[*]}, and what they depend on"
  local apt=("${as_root[@]}" apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
  local install=("${apt[@]}" install --no-install-recommends "${missing[@]}")
  # The machine's package lists may be absent, or too old to fetch by.
  if apt-get -qq --print-uris install --no-install-recommends "${missing[@]}" >/dev/null 2>&1 &&
    "${install[@]}" </dev/null >&2; then
    return 0
  fi
  "${apt[@]}" update </dev/null >&2 && "${install[@]}" </dev/null >&2 && return 0
  say "could not install ${missing[*]}: apt says above why. Is there a network? $by_hand"
  return 1
}
