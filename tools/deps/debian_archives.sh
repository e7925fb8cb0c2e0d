#!/bin/bash
# Downloads the source archives of Debian source packages into the current directory:
#   debian_archives.sh SOURCE...
#
# Needs no root and changes nothing of the machine's apt: the package lists go to a private folder, with deb-src entries
# for whatever Debian archives the machine already uses. apt checks the signatures.
set -euo pipefail

mkdir -p apt/state/lists/partial apt/cache/archives/partial
own_folders=(-o Dir::State="$PWD/apt/state" -o Dir::Cache="$PWD/apt/cache" -o APT::Sandbox::User="$(id -un)")

# Archives of others are left out; apt knows whose one is from its lists.
debian=(indextargets 'Created-By: Packages' 'Origin: Debian')
lists=()
if [[ -z $(apt-get "${debian[@]}") ]]; then
  lists=("${own_folders[@]}")
  apt-get -qq "${lists[@]}" update || true # Of several archives one may fail; what is there shows next.
fi
# shellcheck disable=SC2016  # The dollars are apt's.
apt-get "${lists[@]}" "${debian[@]}" --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' | sort -u >apt/sources.list
if [[ ! -s apt/sources.list ]]; then
  echo "apt knows none of Debian's archives: see to it that 'apt-get update' works." >&2
  exit 1
fi

private_apt() {
  apt-get -qq "${own_folders[@]}" -o Dir::Etc::sourcelist="$PWD/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

private_apt update
private_apt source --download-only "$@"
rm -r apt
