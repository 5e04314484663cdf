# Who may do what: each case of a program is an entry of its own, security-<case> (label fault).
function(pv_security program)
  add_executable(${program} fault/${program}.c)
  target_include_directories(${program} PRIVATE support)
  target_link_libraries(${program} PRIVATE pv_wire pv_flags PkgConfig::ZMQ PkgConfig::CMOCKA Threads::Threads)
  target_compile_definitions(${program} PRIVATE PV_BROKER_PATH="$<TARGET_FILE:provost-broker>")
  add_dependencies(${program} provost-broker)
  foreach(case ${ARGN})
    string(REPLACE _ - name ${case})
    add_test(NAME security-${name} COMMAND ${program} ${case})
    set_tests_properties(security-${name} PROPERTIES LABELS "fault;security" TIMEOUT 120)
  endforeach()
endfunction()

pv_test(endpoint_test LABEL unit SOURCES unit/endpoint_test.c LIBS pv_wire)
# The same with the programs as a user meets them: a test of security.bats each.
function(pv_security_bats name title)
  if(PV_BATS)
    add_test(NAME security-${name} COMMAND ${PV_BATS} --filter ${title} ${CMAKE_CURRENT_SOURCE_DIR}/e2e/security.bats)
    set_tests_properties(security-${name} PROPERTIES LABELS "e2e;security" TIMEOUT 200 RUN_SERIAL ON
      ENVIRONMENT "PV_BUILD=${CMAKE_BINARY_DIR}")
  endif()
endfunction()
find_program(PV_BATS bats)
pv_security_bats(server-key-rotation "a server key is rotated")
pv_security_bats(server-keys-and-endpoints "as many server keys")
pv_security_bats(refused-prover-recovers "a refused prover")
pv_security_bats(plaintext-refused-outside-loopback "without keys nothing")
pv_security_bats(readable-secret-key "a secret key that others")
pv_security_bats(secrets-at-rest "secrets stay in")

pv_security(security_test wrong_key no_key revoked_key wrong_role wrong_principal wrong_queue quota replayed_session
  stolen_routing_id before_hello no_hello)
