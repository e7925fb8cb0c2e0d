#!/bin/bash
# Downloads the source archives of Debian source packages into the current directory:
#   debian_archives.sh SOURCE...
#
# Needs no root and changes nothing of the machine's apt: the package lists go to a private folder, with deb-src entries
# for whatever Debian archives the machine already uses. apt checks the signatures.
set -euo pipefail

mkdir -p apt/state/lists/partial apt/cache/archives/partial

debian=()
if apt-get indextargets 'Created-By: Packages' 'Origin: Debian' | grep -q .; then
  debian=('Origin: Debian')  # Leave out third parties' archives; without lists apt can't tell whose they are.
fi
# shellcheck disable=SC2016  # The dollars are apt's.
apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' "${debian[@]}" |
  sort -u >apt/sources.list
if [[ ! -s apt/sources.list ]]; then
  echo "apt knows no package archive: add Debian's to /etc/apt/sources.list and run 'apt-get update'." >&2
  exit 1
fi

private_apt() {
  apt-get -qq -o Dir::State="$PWD/apt/state" -o Dir::Cache="$PWD/apt/cache" \
    -o Dir::Etc::sourcelist="$PWD/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

private_apt update
private_apt source --download-only "$@"
rm -r apt
