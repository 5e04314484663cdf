# Tests of broker. Sources lie in tests/<kind>/; the label is the kind.

# The pure core has a list of its own.
include(${CMAKE_CURRENT_LIST_DIR}/sched.cmake)

pv_test(store_test LABEL fault SOURCES fault/store_test.c LIBS pv_store PkgConfig::SQLITE)
pv_test(config_test LABEL unit SOURCES unit/config_test.c LIBS pv_broker)
pv_test(events_test LABEL unit SOURCES unit/events_test.c LIBS pv_broker)
pv_test(peers_test LABEL unit SOURCES unit/peers_test.c LIBS pv_broker)
pv_test(transfers_test LABEL unit SOURCES unit/transfers_test.c LIBS pv_broker)
pv_test(outbox_test LABEL unit SOURCES unit/outbox_test.c LIBS pv_broker)
pv_test(strangers_test LABEL unit SOURCES unit/strangers_test.c LIBS pv_broker)
pv_test(http_test LABEL unit SOURCES unit/http_test.c LIBS pv_broker)

pv_fuzz(fuzz_broker_config SOURCES fuzz/fuzz_broker_config.c LIBS pv_broker CORPUS fuzz/corpus/broker_config)
pv_fuzz(fuzz_authorized_keys SOURCES fuzz/fuzz_authorized_keys.c LIBS pv_broker CORPUS fuzz/corpus/authorized_keys)
pv_fuzz(fuzz_http SOURCES fuzz/fuzz_http.c LIBS pv_broker CORPUS fuzz/corpus/http)

# Tests that start the broker as a process.
foreach(name broker_test broker_keys_test broker_sync_test)
  pv_test(${name} LABEL fault SOURCES fault/${name}.c LIBS pv_wire PkgConfig::ZMQ)
  target_compile_definitions(${name} PRIVATE PV_BROKER_PATH="$<TARGET_FILE:provost-broker>")
  add_dependencies(${name} provost-broker)
endforeach()

# One of them holds its syncs.
add_library(held_disk MODULE support/held_disk.c)
target_link_libraries(held_disk PRIVATE pv_flags ${CMAKE_DL_LIBS})
target_compile_definitions(broker_sync_test PRIVATE PV_HELD_DISK_PATH="$<TARGET_FILE:held_disk>")
add_dependencies(broker_sync_test held_disk)

# By hand: what the broker does in a second.
add_executable(bench_broker bench/bench_broker.c)
target_include_directories(bench_broker PRIVATE support)
target_link_libraries(bench_broker PRIVATE pv_wire PkgConfig::ZMQ Threads::Threads pv_flags)
target_compile_definitions(bench_broker PRIVATE PV_BROKER_PATH="$<TARGET_FILE:provost-broker>")
add_dependencies(bench_broker provost-broker)
add_executable(bench_store bench/bench_store.c)
target_include_directories(bench_store PRIVATE support)
target_link_libraries(bench_store PRIVATE pv_store pv_flags)
