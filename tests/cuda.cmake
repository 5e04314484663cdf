# Tests of cuda. Without a GPU the kernels run on the CPU (tests/emu); label emu. With one: tests/gpu/run.sh.
enable_language(CXX)
include(emu/emu.cmake)
