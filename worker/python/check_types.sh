#!/usr/bin/env bash
# mypy --strict over the package, its tests and its benchmark. Exits 77 where mypy or pyzmq are not to be had (Debian: mypy, python3-zmq).
set -euo pipefail
cd "$(dirname "$0")"
command -v mypy >/dev/null && /usr/bin/python3 -c 'import zmq' || { echo "skipped: mypy or pyzmq is missing"; exit 77; }
exec mypy --strict --python-executable /usr/bin/python3 --cache-dir "${TMPDIR:-/tmp}/provost-mypy-$(id -u)"
