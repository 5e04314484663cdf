# What the node needs beside the proving itself: handlers, the spool of finished results.
pv_room(pv_node
  SOURCES handler.c handler_echo.c spool.c
  LIBS pv_wire
  PRIVATE PkgConfig::JANSSON)
