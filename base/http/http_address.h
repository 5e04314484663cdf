/** Addresses to serve on, and the names by which one may be asked for it.
 */
#ifndef PV_HTTP_ADDRESS_H
#define PV_HTTP_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

union http_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/** "127.0.0.1:80", "localhost:80", "[::1]:80". False: it is none. */
bool http_address_of(union http_address *to, const char *text);
/** Whether only this machine reaches it: 127.0.0.0/8, ::1. */
bool http_address_is_local(const union http_address *a);
size_t http_address_bytes(const union http_address *a);

/** The address as text without the port. Returns to. */
const char *http_address_text(char *to, size_t bytes, const struct sockaddr *from);

/** Whether a request may name this host ("name", "name:port", "[v6]:port"). A web page of a stranger can make a browser ask us under
 *  the stranger's own name (DNS rebinding), but not under an address or "localhost": those are always allowed, a name only if it is
 *  among names, which has commas between them. Case does not count. */
bool http_host_allowed(const char *host, const char *names);

#endif
