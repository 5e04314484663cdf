# Tests of worker. Sources lie in tests/<kind>/; the label is the kind.
add_library(pv_fake_broker STATIC support/fake_broker.c)
target_include_directories(pv_fake_broker PUBLIC support)
target_link_libraries(pv_fake_broker PUBLIC pv_wire PRIVATE pv_flags PkgConfig::ZMQ PkgConfig::CMOCKA)
pv_test(client_test LABEL unit SOURCES unit/client_test.c LIBS pv_client pv_fake_broker PkgConfig::ZMQ)
