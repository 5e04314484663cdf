/** `provost-prover status`: what the node that runs with a state folder says of itself, for people or as JSON.
 */
#ifndef PV_STATUS_SHOW_H
#define PV_STATUS_SHOW_H

#include "status_socket.h"

#include <stdbool.h>
#include <stdio.h>

/** Reads and prints it. The statuses are those of status_socket_read; PV_BAD_JSON: it is no status. */
pv_status status_show(FILE *to, const char *state, bool json, char why[STATUS_WHY_BYTES]);

#endif
