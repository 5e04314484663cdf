#!/usr/bin/env bash
# tests/run.sh: installs what is missing, builds, runs every test. One command, any fresh Debian 12.
#
# First everything, then what parses foreign bytes or juggles memory once more under AddressSanitizer and UBSan.
# Labels: unit prop sim interop fault fuzz emu e2e run here; soak, bench and gpu have to be asked for (ctest -L soak).
set -euo pipefail
cd "$(dirname "$0")/.."
bash deploy/setup.sh build test
command -v npm >/dev/null || bash deploy/setup.sh node # from Debian; Node 20 then comes from npm (worker/typescript/node20.sh)
launcher=(); command -v ccache >/dev/null && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
for preset in dev asan; do
  cmake --preset $preset "${launcher[@]}" >/dev/null
  cmake --build --preset $preset
done
ctest --preset asan -L 'unit|prop|fuzz' -LE 'soak|bench' -j2 --output-on-failure
# Drills and whole chains promise times, so CTest runs each of them alone (RUN_SERIAL).
ctest --preset dev -LE 'soak|bench|gpu' -j2 --output-on-failure
