#!/usr/bin/env bash
# cmake/format.sh [--check]: lays out every C, C++ and CUDA file by .clang-format; with --check only says which differ.
# clang-format 14 (Debian 12's): other versions lay out some places differently.
set -euo pipefail
cd "$(dirname "$0")/.."
format=$(command -v clang-format-14 || command -v clang-format) || { echo "no clang-format"; exit 77; }
how=(-i)
[ "${1:-}" != --check ] || how=(--dry-run -Werror)
git ls-files -z '*.c' '*.h' '*.cu' '*.cuh' '*.cpp' | xargs -0 -n 40 -P "$(nproc)" "$format" "${how[@]}"
