# Tests of wire. Sources lie in tests/<kind>/; the label is the kind.
add_library(pv_wire_samples STATIC support/wire_samples.c)
target_include_directories(pv_wire_samples PUBLIC support)
target_link_libraries(pv_wire_samples PUBLIC pv_wire PRIVATE pv_flags PkgConfig::MSGPACK)

pv_test(wire_test LABEL unit SOURCES unit/wire_test.c LIBS pv_wire_samples)
pv_test(wire_malformed_test LABEL unit SOURCES unit/wire_malformed_test.c LIBS pv_wire_samples)
pv_test(wire_fault_test LABEL fault SOURCES fault/wire_fault_test.c LIBS pv_wire_samples)
target_link_options(wire_fault_test PRIVATE -Wl,--wrap=malloc,--wrap=realloc)
pv_fuzz(fuzz_wire SOURCES fuzz/fuzz_wire.c LIBS pv_wire_samples CORPUS vectors/wire fuzz/corpus/wire)
pv_fuzz(fuzz_body SOURCES fuzz/fuzz_body.c LIBS pv_wire_samples CORPUS fuzz/corpus/body)

# After a change of the lists: writes the golden frames and PROTOCOL.md's tables anew; git diff shows what changed on the wire.
add_executable(wire_vectors support/wire_vectors.c)
target_link_libraries(wire_vectors PRIVATE pv_wire_samples pv_flags)
add_custom_target(vectors_wire
  COMMAND wire_vectors write ${CMAKE_CURRENT_SOURCE_DIR}/vectors/wire
  COMMAND wire_vectors tables ${CMAKE_SOURCE_DIR}/wire/PROTOCOL.md)
