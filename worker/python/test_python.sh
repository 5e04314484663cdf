#!/usr/bin/env bash
# Runs tests of the Python client: test_python.sh BUILD_DIR FILES...      FILES are names of tests/test_*.py without test_ and the ending.
# PV_TEST_NAME: a pattern of names. PROVOST_SOAK=1: 50 times PV_ROUNDS rounds of kill and hostile instead of 3. Exits 77 where pyzmq or msgpack are not to be had (Debian: python3-zmq, python3-msgpack).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PROVOST_BUILD=$(realpath "$1")
export PROVOST_BUILD PYTHONPATH=$here:$here/tests PYTHONDONTWRITEBYTECODE=1
shift
python=${PV_PYTHON:-/usr/bin/python3}
"$python" -c 'import sys, zmq, msgpack; sys.exit(sys.version_info < (3, 11))' || { echo "skipped: Python 3.11 with pyzmq and msgpack is missing"; exit 77; }
exec "$python" -m unittest -v ${PV_TEST_NAME:+-k "$PV_TEST_NAME"} "${@/#/test_}"
