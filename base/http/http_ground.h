/** What every server of ours stands on: its socket, and what a request says of who sends it.
 */
#ifndef PV_HTTP_GROUND_H
#define PV_HTTP_GROUND_H

#include "http_access.h"
#include "http_address.h"

#include <microhttpd.h>

/** A socket that listens. -1: errno says why (libmicrohttpd does not say why it has none). */
int http_ground_listen(const union http_address *at);
/** Whether the address could be had; its port may be taken. The same of errno. */
bool http_ground_usable(const union http_address *at);
/** Borrowed from the connection. */
struct http_asker http_ground_asker(struct MHD_Connection *c);

#endif
