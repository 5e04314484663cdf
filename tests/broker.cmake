# Tests of broker. Sources lie in tests/<kind>/; the label is the kind.
pv_test(store_test LABEL fault SOURCES fault/store_test.c LIBS pv_store PkgConfig::SQLITE)
pv_test(config_test LABEL unit SOURCES unit/config_test.c LIBS pv_broker_parts)
pv_test(peers_test LABEL unit SOURCES unit/peers_test.c LIBS pv_broker_parts)
pv_test(transfers_test LABEL unit SOURCES unit/transfers_test.c LIBS pv_broker_parts)
