# Tests of prover. Sources lie in tests/<kind>/; the label is the kind.
pv_test(spool_test LABEL unit SOURCES unit/spool_test.c LIBS pv_node)
pv_test(handler_echo_test LABEL unit SOURCES unit/handler_echo_test.c LIBS pv_node)
