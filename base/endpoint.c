#include "endpoint.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static bool starts(const char *text, size_t bytes, const char *with)
{
    size_t n = strlen(with);
    return bytes >= n && !memcmp(text, with, n);
}

/* Exactly four numbers that fit a byte: "127.0.0.1.example.org" and "127.999.0.1" are names, and names are asked of DNS. */
static bool is_127(const char *host, size_t bytes)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr address;
    if (bytes >= sizeof text) return false;
    memcpy(text, host, bytes);
    text[bytes] = 0;
    return inet_pton(AF_INET, text, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

static bool is_word(const char *host, size_t bytes, const char *word)
{
    return bytes == strlen(word) && !memcmp(host, word, bytes);
}

static bool is_local(const char *endpoint, size_t bytes)
{
    if (starts(endpoint, bytes, "ipc://") || starts(endpoint, bytes, "inproc://")) return true;
    if (!starts(endpoint, bytes, "tcp://") || memchr(endpoint, ';', bytes)) return false;
    const char *host = endpoint + strlen("tcp://"), *end = endpoint + bytes;
    const char *colon = memrchr(host, ':', (size_t)(end - host));
    if (!colon) return false;
    size_t n = (size_t)(colon - host);
    return is_127(host, n) || is_word(host, n, "localhost") || is_word(host, n, "[::1]");
}

bool endpoint_is_local(const char *endpoint)
{
    return is_local(endpoint, strlen(endpoint));
}

bool endpoints_are_local(const char *list)
{
    while (*list) {
        size_t n = strcspn(list, ",");
        if (n && !is_local(list, n)) return false;
        list += n + (list[n] != 0);
    }
    return true;
}

bool endpoint_port_fits(const char *endpoint, bool any)
{
    if (strncmp(endpoint, "tcp://", 6)) return true;
    const char *port = strrchr(endpoint + 6, ':');
    if (!port++ || !*port) return false;
    if (any && (!strcmp(port, "*") || !strcmp(port, "!"))) return true;
    size_t digits = strspn(port, "0123456789");
    if (port[digits] || digits > 5) return false;
    unsigned long number = strtoul(port, NULL, 10);
    return number <= 65535 && (number > 0 || any);
}
