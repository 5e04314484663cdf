/** Tells where an endpoint leads, from its text alone. No name is looked up: it may lead elsewhere tomorrow. */
#ifndef PV_ENDPOINT_H
#define PV_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

/** True for an endpoint that stays on this machine: "tcp://127.x.y.z:port", "tcp://[::1]:port", "tcp://localhost:port",
 *  "ipc://..." and "inproc://...". False for a name that only begins like one of them, as in
 *  tcp://127.0.0.1.example.org:7070, and for libzmq's "source;destination", which begins with an address of ours.
 *  Broker, prover and client all ask here whether they may go without keys. */
bool endpoint_is_local(const char *endpoint);

/** True when every endpoint of the list, which has commas between them, is local. True for an empty list. */
bool endpoints_are_local(const char *list);

/** False for "tcp://..." without a port from 1 to 65535; with any, "*", "!" and 0 are ports too, for a bind that takes whichever
 *  is free. libzmq reads 99999 as 34463. True for every other endpoint: only libzmq knows what that may be. */
bool endpoint_port_fits(const char *endpoint, bool any);

#endif
