# Tests of whole. Sources lie in tests/<kind>/; the label is the kind.

# Broker and node as processes, the caller's side spoken by the test.
pv_test(node_e2e_test LABEL e2e SOURCES e2e/node_e2e_test.c LIBS pv_wire PkgConfig::ZMQ)
target_compile_definitions(node_e2e_test PRIVATE PV_BROKER_PATH="$<TARGET_FILE:provost-broker>"
  PV_PROVER_PATH="$<TARGET_FILE:provost-prover>")
add_dependencies(node_e2e_test provost-broker provost-prover)
