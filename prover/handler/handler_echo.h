/** The handler that answers whatever it is told to: for drills, benches and new deployments that want to see tasks move. */
#ifndef PV_HANDLER_ECHO_H
#define PV_HANDLER_ECHO_H

#include "handler.h"

/** The echo handler. Its input is one JSON object, every member optional:
 *    {"sleep_ms": 0, "bytes": 0, "fail": "", "text": ""}
 *  sleep_ms  how long to work (stoppable), at most one hour
 *  bytes     size of the result, 0: the input itself; otherwise a fill that is a function of the input alone, at most 512 MiB
 *  fail      "permanent", "retryable", "resource", or "crash": the process ends by SIGKILL, a poison task
 *  Input that is no JSON object, or above 64 KiB, is echoed as it is, so that any bytes can be sent around. */
struct handler handler_echo(void);

#endif
