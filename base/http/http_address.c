#include "http_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HOST_BYTES = 256 };

bool http_address_of(union http_address *to, const char *text)
{
    char host[64], *end;
    const char *colon = strrchr(text, ':');
    bool six = text[0] == '[' && colon && colon > text && colon[-1] == ']';
    size_t n = colon ? (size_t)(colon - text) - 2 * six : sizeof host;
    if (n >= sizeof host) return false;
    memcpy(host, text + six, n);
    host[n] = 0;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (*end || end == colon + 1 || port > 65535) return false;
    if (six) {
        to->v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
        return inet_pton(AF_INET6, host, &to->v6.sin6_addr) == 1;
    }
    to->v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    return inet_pton(AF_INET, strcmp(host, "localhost") ? host : "127.0.0.1", &to->v4.sin_addr) == 1;
}

bool http_address_is_local(const union http_address *a)
{
    if (a->any.sa_family == AF_INET6) return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
    return ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
}

size_t http_address_bytes(const union http_address *a)
{
    return a->any.sa_family == AF_INET6 ? sizeof a->v6 : sizeof a->v4;
}

const char *http_address_text(char *to, size_t bytes, const struct sockaddr *from)
{
    const void *at = from->sa_family == AF_INET6
                         ? (const void *)&((const struct sockaddr_in6 *)(const void *)from)->sin6_addr
                         : (const void *)&((const struct sockaddr_in *)(const void *)from)->sin_addr;
    bool known = from->sa_family == AF_INET || from->sa_family == AF_INET6;
    if (!known || !inet_ntop(from->sa_family, at, to, (socklen_t)bytes)) snprintf(to, bytes, "?");
    return to;
}

static bool digits(const char *s)
{
    return *s && strspn(s, "0123456789") == strlen(s);
}

/* The name or address without brackets and port. False: it is neither. */
static bool host_name(char to[HOST_BYTES], const char *host, bool *six)
{
    const char *end = host + strcspn(host, ":");
    *six = host[0] == '[';
    if (*six) end = strchr(host, ']');
    size_t n = end ? (size_t)(end - host) - *six : HOST_BYTES;
    if (n >= HOST_BYTES) return false;
    memcpy(to, host + *six, n);
    to[n] = 0;
    end += *six;
    return !*end || (*end == ':' && digits(end + 1));
}

static bool listed(const char *name, const char *names)
{
    size_t n = strlen(name);
    for (const char *at = names; *at; at += strspn(at, ", ")) {
        size_t k = strcspn(at, ", ");
        if (k == n && !strncasecmp(at, name, n)) return true;
        at += k;
    }
    return false;
}

bool http_host_allowed(const char *host, const char *names)
{
    char name[HOST_BYTES];
    unsigned char unused[16];
    bool six;
    if (!host_name(name, host, &six) || !name[0]) return false;
    if (six) return inet_pton(AF_INET6, name, unused) == 1;
    return inet_pton(AF_INET, name, unused) == 1 || !strcasecmp(name, "localhost") || listed(name, names);
}
