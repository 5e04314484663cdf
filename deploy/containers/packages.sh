#!/usr/bin/env bash
# packages.sh FOLDER: which Debian packages the programs and libraries below FOLDER need; into FOLDER/usr/share/provost/packages.
set -euo pipefail
folder=$1
# Libraries of ours that lie in the folder are not looked for elsewhere.
libraries=$(find "$folder" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
mapfile -t programs < <(find "$folder" -type f \( -perm -u+x -o -name '*.so*' \))
mkdir -p "$folder/usr/share/provost"
LD_LIBRARY_PATH=$libraries ldd "${programs[@]}" 2>/dev/null | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | sort -u | while read -r file; do
    case $file in "$folder"/*) continue ;; esac
    # A merged /usr: the package may know the file by the other of its two names.
    owner=$(dpkg -S "$file" 2>/dev/null || dpkg -S "/usr$file" 2>/dev/null || dpkg -S "${file#/usr}" 2>/dev/null) || { echo "no package has $file" >&2; exit 1; }
    echo "${owner%%:*}"
done | sort -u >"$folder/usr/share/provost/packages"
[ -s "$folder/usr/share/provost/packages" ]
