# Tests of prover. Sources lie in tests/<kind>/; the label is the kind.
pv_test(spool_test LABEL unit SOURCES unit/spool_test.c LIBS pv_node)
pv_test(handler_echo_test LABEL unit SOURCES unit/handler_echo_test.c LIBS pv_node)
pv_test(agent_test LABEL unit SOURCES unit/agent_test.c LIBS pv_node)
pv_test(node_config_test LABEL unit SOURCES unit/node_config_test.c LIBS pv_node)
pv_test(handler_groth16_test LABEL unit SOURCES unit/handler_groth16_test.c LIBS pv_node PkgConfig::JANSSON)
pv_test(keycache_test LABEL unit SOURCES unit/keycache_test.c LIBS pv_node)

# The one-shot prover: files, rows, whole proofs.
add_library(toy_circuits STATIC support/toy_setup.c support/toy_circuits.c support/r1cs_file.c)
target_include_directories(toy_circuits PUBLIC support)
target_link_libraries(toy_circuits PUBLIC pv_crypto PRIVATE pv_flags OpenMP::OpenMP_C)

pv_test(prover_files_test LABEL unit SOURCES unit/prover_files_test.c LIBS pv_prove_groth16)
pv_test(r1cs_file_test LABEL unit SOURCES unit/r1cs_file_test.c LIBS toy_circuits)
pv_test(numa_test LABEL unit SOURCES unit/numa_test.c LIBS pv_node OpenMP::OpenMP_C)
pv_test(large_zkey_test LABEL unit SOURCES unit/large_zkey_test.c LIBS pv_prove_groth16)
pv_test(keycheck_test LABEL unit SOURCES unit/keycheck_test.c LIBS pv_prove_groth16)
pv_test(prove_test LABEL unit SOURCES unit/prove_test.c LIBS pv_prove_groth16)
pv_test(prove_memory_test LABEL unit SOURCES unit/prove_memory_test.c LIBS pv_prove_groth16)
pv_test(secrets_wiped_test LABEL unit SOURCES unit/secrets_wiped_test.c LIBS pv_prove_groth16)
pv_test(qap_test LABEL prop SOURCES prop/qap_test.c LIBS pv_prove_groth16)
pv_test(random_circuits_test LABEL prop SOURCES prop/random_circuits_test.c LIBS pv_prove_groth16 toy_circuits)
pv_test(extreme_witnesses_test LABEL prop SOURCES prop/extreme_witnesses_test.c LIBS pv_prove_groth16 toy_circuits TIMEOUT 300)
pv_test(fixed_proofs_test LABEL interop SOURCES interop/fixed_proofs_test.c LIBS pv_prove_groth16 PkgConfig::JANSSON)
pv_fuzz(fuzz_zkey SOURCES fuzz/fuzz_zkey.c LIBS pv_prove_groth16
  CORPUS fuzz/corpus/zkey data/hidden/circuit.zkey data/chain-5/circuit.zkey data/chain-5/witness.wtns data/others)
pv_fuzz(fuzz_wtns SOURCES fuzz/fuzz_wtns.c LIBS pv_prove_groth16 CORPUS fuzz/corpus/wtns data/hidden data/chain-5 data/others)
pv_fuzz(fuzz_node_config SOURCES fuzz/fuzz_node_config.c LIBS pv_node CORPUS fuzz/corpus/node_config)

add_executable(measure bench/measure.c)
target_link_libraries(measure PRIVATE pv_flags)
add_executable(make_circuit bench/make_circuit.c)
target_link_libraries(make_circuit PRIVATE toy_circuits pv_flags)
add_executable(make_key bench/make_key.c)
target_link_libraries(make_key PRIVATE toy_circuits pv_flags)

find_package(Python3 REQUIRED COMPONENTS Interpreter)
# pv_program_test(NAME LABEL kind COMMAND ...): a test that is a script around the built programs.
function(pv_program_test name)
  cmake_parse_arguments(T "" "LABEL;TIMEOUT" "COMMAND" ${ARGN})
  add_test(NAME ${name} COMMAND ${T_COMMAND} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/tests)
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABEL}" TIMEOUT ${T_TIMEOUT} SKIP_RETURN_CODE 77)
endfunction()
pv_program_test(prover_selftest LABEL unit TIMEOUT 120 COMMAND provost-prover selftest)
pv_program_test(badfiles_test LABEL fault TIMEOUT 600
  COMMAND ${Python3_EXECUTABLE} fault/badfiles_test.py $<TARGET_FILE:provost-prover>)
pv_program_test(prove_cli_test LABEL fault TIMEOUT 300
  COMMAND ${Python3_EXECUTABLE} fault/prove_cli_test.py $<TARGET_FILE:provost-prover> $<TARGET_FILE:make_circuit>)
pv_program_test(snarkjs_test LABEL interop TIMEOUT 300 COMMAND bash interop/snarkjs_test.sh $<TARGET_FILE:provost-prover>)
