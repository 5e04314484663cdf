# Tests of crypto. Sources lie in tests/<kind>/; the label is the kind.

# Twice, once per path of the inline arithmetic: NAME_portable and NAME_adx.
function(pv_test_paths name)
  pv_test(${name}_portable ${ARGN})
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    pv_test(${name}_adx ${ARGN})
    target_compile_definitions(${name}_adx PRIVATE BN254_BUILD_ADX)
  endif()
endfunction()

pv_test_paths(crypto_prime_field LABEL prop SOURCES prop/prime_field_test.c LIBS pv_crypto)
# The sums that x86-64 does not use, because it has intrinsics for them.
pv_test(crypto_prime_field_c LABEL prop SOURCES prop/prime_field_test.c LIBS pv_crypto)
target_compile_definitions(crypto_prime_field_c PRIVATE BN254_BUILD_C)
pv_test_paths(crypto_curve LABEL prop SOURCES prop/curve_test.c LIBS pv_crypto)
pv_test_paths(crypto_pairing LABEL prop SOURCES prop/pairing_test.c LIBS pv_crypto)
pv_test(crypto_groth16 LABEL unit SOURCES unit/groth16_test.c LIBS pv_crypto)

foreach(half vkey proof public)
  pv_fuzz(fuzz_${half} SOURCES fuzz/fuzz_${half}.c LIBS pv_crypto
    CORPUS fuzz/corpus/${half} data/hidden/${half}.json data/member/${half}.json)
endforeach()

add_executable(bench_field bench/bench_field.c bench/field_cost_portable.c)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_sources(bench_field PRIVATE bench/field_cost_adx.c)
endif()
target_link_libraries(bench_field PRIVATE pv_crypto pv_flags)

include(${CMAKE_CURRENT_LIST_DIR}/arithmetic.cmake)
