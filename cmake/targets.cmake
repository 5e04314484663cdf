# What people type beside `all`: cmake --build --preset dev --target NAME (CONTRIBUTING.md).
set(scripts ${CMAKE_SOURCE_DIR}/cmake)
add_custom_target(format COMMAND ${scripts}/format.sh)
add_custom_target(format-check COMMAND ${scripts}/format.sh --check)
add_custom_target(lint COMMAND ${scripts}/lint.sh ${CMAKE_BINARY_DIR} USES_TERMINAL)

if(PV_TESTS)
  # The default tests of this build folder.
  add_custom_target(check COMMAND ${CMAKE_CTEST_COMMAND} -LE "soak|bench|gpu" --output-on-failure USES_TERMINAL)
  add_custom_target(build-first COMMAND ${CMAKE_COMMAND} --build ${CMAKE_BINARY_DIR})
  add_dependencies(check build-first)
  # Writes anew what is printed by a program; the tree must be the same afterwards.
  set(field ${CMAKE_SOURCE_DIR}/crypto/bn254/field)
  add_custom_target(vectors_bn254 COMMAND sh -c "set -e; python3 constants.py >constants.new; clang-format --assume-filename=constants.h <constants.new >constants.h; rm constants.new"
    WORKING_DIRECTORY ${field} VERBATIM)
  add_custom_target(vectors)
  add_dependencies(vectors vectors_wire vectors_bn254)
  # Programs to call by hand: tests/bench/RESULTS.md.
  add_custom_target(bench)
  add_dependencies(bench bench_field bench_ntt bench_msm bench_store bench_broker bench_program bench_resident)
endif()
