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
pv_security(security_test wrong_key no_key revoked_key wrong_role wrong_principal wrong_queue quota replayed_session
  stolen_routing_id before_hello no_hello)
