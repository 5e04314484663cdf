#!/usr/bin/env bash
# make.sh BUILD: builds the packages there, and asks lintian: no error, and no warning that is not overridden with its reason.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:?the build folder of the preset deb}
command -v lintian >/dev/null || { echo "skipped: lintian is missing (apt install lintian)"; exit 77; }
cmake --preset deb >/dev/null
cmake --build --preset deb | tail -n 1
rm -f "$build"/packages/*.deb
cpack --preset deb | grep -c 'generated\.$'
for deb in "$build"/packages/*.deb; do
    printf '%s, %s KiB installed: %s\n' "$(basename "$deb")" "$(dpkg-deb -f "$deb" Installed-Size)" "$(dpkg-deb -f "$deb" Depends)"
done
lintian --allow-root --tag-display-limit 0 --fail-on error,warning "$build"/packages/*.deb
