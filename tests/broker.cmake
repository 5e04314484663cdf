# Tests of broker. Sources lie in tests/<kind>/; the label is the kind.
pv_test(store_test LABEL fault SOURCES fault/store_test.c LIBS pv_store PkgConfig::SQLITE)
pv_test(config_test LABEL unit SOURCES unit/config_test.c LIBS pv_broker_parts)
pv_test(peers_test LABEL unit SOURCES unit/peers_test.c LIBS pv_broker_parts)
pv_test(transfers_test LABEL unit SOURCES unit/transfers_test.c LIBS pv_broker_parts)

# The core: tests/support/sched_rig.h has the words.
add_library(sched_rig STATIC support/sched_rig.c)
target_include_directories(sched_rig PUBLIC support)
target_link_libraries(sched_rig PUBLIC pv_sched PRIVATE pv_flags PkgConfig::CMOCKA)
foreach(test moves)
  pv_test(sched_${test}_test LABEL unit SOURCES unit/sched_${test}_test.c LIBS sched_rig pv_sched)
endforeach()
