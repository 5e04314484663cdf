# Tests of the scheduling core.
# The core: tests/support/sched_rig.h has the words.
add_library(sched_rig STATIC support/sched_rig.c)
target_include_directories(sched_rig PUBLIC support)
target_link_libraries(sched_rig PUBLIC pv_core PRIVATE pv_flags PkgConfig::CMOCKA)
foreach(test moves submit lease order setting tables)
  pv_test(sched_${test}_test LABEL unit SOURCES unit/sched_${test}_test.c LIBS sched_rig pv_core)
endforeach()

# The simulation looks into the core, so it has its private headers too. PV_SIM_STEPS: moves, PV_SIM_SEED: of the first run.
pv_test(sched_sim LABEL sim SOURCES sim/sched_sim.c sim/sim_world.c sim/sim_check.c
  sim/model_events.c sim/model_moves.c sim/model_match.c sim/model_compare.c LIBS pv_core TIMEOUT 300)

# The demonstrations of the delivery semantics, in the core alone: one CTest each. (The same promises end to end, with
# processes killed and wires cut, have tests of their own.)
add_executable(sched_semantics_test unit/sched_semantics_test.c)
target_link_libraries(sched_semantics_test PRIVATE sched_rig pv_core pv_flags PkgConfig::CMOCKA)
foreach(demonstration
    01-broker-killed 02-dead-prover 03-stopped 04-old-fail 05-broker-away 06-worker-restarts 07-purge 08-poison
    09-a-prover-that-fails 10-two-provers 11-four-circuits 16-a-hundred-thousand 17-heavy 18-demand)
  string(REPLACE - _ test ${demonstration})
  add_test(NAME semantics-${demonstration}-core COMMAND sched_semantics_test semantics_${test})
  set_tests_properties(semantics-${demonstration}-core PROPERTIES LABELS "sim;semantics" TIMEOUT 60)
endforeach()

# A long one from a seed of the moment; only when asked for.
add_test(NAME sched_sim_soak COMMAND sched_sim soak)
set_tests_properties(sched_sim_soak PROPERTIES LABELS soak TIMEOUT 7200)
