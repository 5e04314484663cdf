/** The handler that answers what it is told to: for drills, benches, and new deployments that want to see tasks move.
 *  */
#ifndef PV_HANDLER_ECHO_H
#define PV_HANDLER_ECHO_H

#include "handler.h"

/** The echo handler. Its input is one JSON object, every member optional:
 *    {"sleep_ms": 0, "bytes": 0, "fail": "", "text": ""}
 *  sleep_ms  how long to work (stoppable), at most one hour
 *  bytes     size of the result, at most 512 MiB: a fill that depends on the input alone; 0: the input itself
 *  fail      "permanent", "retryable", "resource", or "crash": the process ends by SIGKILL, as with a poison task
 *  Input that is not a JSON object, or is larger than 64 KiB, is echoed as it is, so any bytes can be sent. */
struct handler handler_echo(void);

#endif
