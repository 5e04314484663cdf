#!/usr/bin/env bash
# tests/run.sh: installs what is missing, builds, runs every test. One command, any fresh Debian 12.
set -euo pipefail
cd "$(dirname "$0")/.."
bash deploy/setup.sh build test
cmake --preset dev >/dev/null
cmake --build --preset dev
ctest --preset dev
