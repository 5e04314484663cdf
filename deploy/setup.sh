#!/usr/bin/env bash
# deploy/setup.sh WHAT...: installs the Debian packages of deploy/packages.txt for each WHAT (build, test, node) that are missing.
# Asks apt only when something is missing, so that a second run is instant and needs no network.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
missing=()
for what in "$@"; do
  for package in $(sed -n "s/^$what //p" "$here/packages.txt"); do
    dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
  done
done
[ ${#missing[@]} -eq 0 ] && exit 0
sudo=; [ "$(id -u)" -eq 0 ] || sudo=sudo
echo "installing: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -q >/dev/null
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
