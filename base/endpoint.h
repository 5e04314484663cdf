/** Where an endpoint leads, judged by its text alone: nothing is looked up, as a name may lead elsewhere tomorrow. */
#ifndef PV_ENDPOINT_H
#define PV_ENDPOINT_H

#include <stdbool.h>

/** "tcp://127.x.y.z:port", "tcp://[::1]:port", "tcp://localhost:port" and "ipc://..." stay on this machine. A name that only
 *  begins like one of them, as in tcp://127.0.0.1.example.org:7070, does not. */
bool wire_endpoint_is_local(const char *endpoint);

#endif
