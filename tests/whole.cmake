# Tests of whole. Sources lie in tests/<kind>/; the label is the kind.

# Key files are read by the library and by the broker, each with its own reader.
pv_fuzz(fuzz_key_file SOURCES fuzz/fuzz_key_file.c LIBS pv_client pv_broker PkgConfig::CZMQ PkgConfig::ZMQ
  CORPUS fuzz/corpus/key_file)

# Broker and node as processes, the caller's side spoken by the test.
pv_test(node_e2e_test LABEL e2e SOURCES e2e/node_e2e_test.c LIBS pv_wire PkgConfig::ZMQ)
target_compile_definitions(node_e2e_test PRIVATE PV_BROKER_PATH="$<TARGET_FILE:provost-broker>"
  PV_PROVER_PATH="$<TARGET_FILE:provost-prover>")
add_dependencies(node_e2e_test provost-broker provost-prover)
set_tests_properties(node_e2e_test PROPERTIES RUN_SERIAL ON)

# Who may do what.
include(${CMAKE_CURRENT_LIST_DIR}/security.cmake)

# Drills: real processes that are killed, frozen, cut off and started again (fault/drill.py). A long variant carries the
# label soak and is not in the default run.
add_executable(drill_load support/drill_load.c)
target_link_libraries(drill_load PRIVATE pv_client pv_flags Threads::Threads)
add_executable(drill_storm support/drill_storm.c)
target_link_libraries(drill_storm PRIVATE pv_wire pv_flags PkgConfig::ZMQ)
add_executable(drill_peer support/drill_peer.c)
target_link_libraries(drill_peer PRIVATE pv_wire pv_flags PkgConfig::ZMQ)

# pv_drill(NAME DRILL [FILE other_drills.py] [SOAK]): SOAK adds the long variant.
function(pv_drill name drill)
  cmake_parse_arguments(D "SOAK" "FILE" "" ${ARGN})
  if(NOT D_FILE)
    set(D_FILE semantics_drills.py)
  endif()
  add_test(NAME ${name} COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/fault/${D_FILE} ${drill})
  set_tests_properties(${name} PROPERTIES LABELS "fault;semantics" TIMEOUT 240 SKIP_RETURN_CODE 77 RUN_SERIAL ON
    ENVIRONMENT "PV_BUILD=${CMAKE_BINARY_DIR}")
  if(D_SOAK)
    add_test(NAME ${name}-soak COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/fault/${D_FILE} ${drill} --soak)
    set_tests_properties(${name}-soak PROPERTIES LABELS "soak;semantics" TIMEOUT 3600 ENVIRONMENT "PV_BUILD=${CMAKE_BINARY_DIR}")
  endif()
endfunction()

pv_drill(semantics-01-broker-killed-under-load 01_broker_killed_under_load SOAK)
pv_drill(semantics-02-prover-killed 02_prover_killed)
pv_drill(semantics-02-prover-killed-without-grace 02_prover_killed_without_grace)
pv_drill(semantics-02-prover-frozen 02_prover_frozen)
pv_drill(semantics-03-frozen-past-its-lease 03_frozen_past_its_lease)
pv_drill(semantics-04-fail-of-an-old-attempt 04_fail_of_an_old_attempt FILE fleet_drills.py)
pv_drill(semantics-05-broker-away-while-proving 05_broker_away_while_proving SOAK)
pv_drill(semantics-06-worker-restarts 06_worker_restarts)
pv_drill(semantics-07-purge-counts-leased 07_purge_counts_leased)
pv_drill(semantics-08-poison-task 08_poison_task)
pv_drill(semantics-09-a-prover-that-fails-at-once 09_a_prover_that_fails_at_once FILE fleet_drills.py)
pv_drill(semantics-10-two-provers-two-tasks 10_two_provers_two_tasks)
pv_drill(semantics-11-four-circuits-on-four-provers 11_four_circuits_on_four_provers FILE fleet_drills.py)
pv_drill(semantics-12-slow-link 12_slow_link FILE link_drills.py SOAK)
pv_drill(semantics-13-hostile-bytes 13_hostile_bytes SOAK)
pv_drill(semantics-13-hostile-bytes-with-keys 13_hostile_bytes_with_keys SOAK)
pv_drill(semantics-14-revoked-key 14_revoked_key)
pv_drill(semantics-15-many-cycles 15_many_cycles SOAK)
pv_drill(semantics-16-restart-with-a-backlog 16_restart_with_a_backlog SOAK)
pv_drill(semantics-17-a-heavy-client-beside-a-light-one 17_a_heavy_client_beside_a_light_one FILE fleet_drills.py)
pv_drill(semantics-18-demand 18_demand FILE fleet_drills.py)
pv_drill(kill-everyone kill_everyone SOAK)
pv_drill(cut-link cut_link FILE link_drills.py)

add_test(NAME asserts_are_listed COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/unit/asserts_are_listed.py)
set_tests_properties(asserts_are_listed PROPERTIES LABELS unit)

add_test(NAME proofs-survive-kills COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/e2e/proofs_survive.py)
set_tests_properties(proofs-survive-kills PROPERTIES LABELS e2e TIMEOUT 180 RUN_SERIAL ON ENVIRONMENT "PV_BUILD=${CMAKE_BINARY_DIR}")

# The arrows between the files of the product never form a circle.
add_test(NAME no_circles COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/unit/no_circles.py ${CMAKE_BINARY_DIR})
set_tests_properties(no_circles PROPERTIES LABELS unit)
