# What the node needs beside the proving itself: handlers, the spool of finished results, the protocol, the keys.
pv_room(pv_node
  SOURCES handler.c handler_echo.c spool.c dial.c runner.c agent.c agent_link.c agent_session.c agent_attempts.c agent_results.c
          keycache.c node_config.c handler_groth16.c
  LIBS pv_wire pv_prove PkgConfig::CZMQ PkgConfig::ZMQ
  PRIVATE PkgConfig::JANSSON PkgConfig::CYAML)
