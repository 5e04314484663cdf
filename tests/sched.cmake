# Tests of the scheduling core.
# The core: tests/support/sched_rig.h has the words.
add_library(sched_rig STATIC support/sched_rig.c)
target_include_directories(sched_rig PUBLIC support)
target_link_libraries(sched_rig PUBLIC pv_sched PRIVATE pv_flags PkgConfig::CMOCKA)
foreach(test moves submit lease order)
  pv_test(sched_${test}_test LABEL unit SOURCES unit/sched_${test}_test.c LIBS sched_rig pv_sched)
endforeach()

# The simulation looks into the core, so it has its private headers too. PV_SIM_STEPS: moves, PV_SIM_SEED: of the first run.
pv_test(sched_sim LABEL sim SOURCES sim/sched_sim.c sim/sim_world.c sim/sim_check.c LIBS pv_sched TIMEOUT 300)
