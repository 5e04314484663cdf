#include "http_ground.h"

#include <errno.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

int http_ground_listen(const union http_address *at)
{
    int fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, off = 0;
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (at->any.sa_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off); /* IPv4 too */
    if (!bind(fd, &at->any, (socklen_t)http_address_bytes(at)) && !listen(fd, SOMAXCONN)) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

bool http_ground_usable(const union http_address *address)
{
    union http_address at = *address;
    *(at.any.sa_family == AF_INET6 ? &at.v6.sin6_port : &at.v4.sin_port) = 0;
    int fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound = fd >= 0 && !bind(fd, &at.any, (socklen_t)http_address_bytes(&at));
    int error = errno;
    if (fd >= 0) close(fd);
    errno = error;
    return bound;
}

static const char *header(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static enum MHD_Result header_count(void *context, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct http_asker *who = context;
    if (!strcasecmp(key, MHD_HTTP_HEADER_HOST)) who->hosts_n++;
    if (!strcasecmp(key, MHD_HTTP_HEADER_AUTHORIZATION)) who->authorizations_n++;
    return MHD_YES;
}

static const struct sockaddr *address_of(struct MHD_Connection *c)
{
    return MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
}

struct http_asker http_ground_asker(struct MHD_Connection *c)
{
    struct http_asker who = {
        .host = header(c, MHD_HTTP_HEADER_HOST),
        .origin = header(c, MHD_HTTP_HEADER_ORIGIN),
        .site = header(c, "Sec-Fetch-Site"),
        .authorization = header(c, MHD_HTTP_HEADER_AUTHORIZATION),
        .from = address_of(c),
    };
    MHD_get_connection_values(c, MHD_HEADER_KIND, header_count, &who);
    return who;
}
