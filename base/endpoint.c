#include "endpoint.h"

#include <stddef.h>
#include <string.h>

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* "127." and then three numbers with dots, the port behind them. */
static bool is_127(const char *address)
{
    if (!starts(address, "127.")) return false;
    const char *rest = address + strspn(address, "0123456789.");
    size_t dots = 0;
    for (const char *c = address; c < rest; c++) dots += *c == '.';
    return *rest == ':' && dots == 3;
}

bool wire_endpoint_is_local(const char *endpoint)
{
    if (starts(endpoint, "ipc://")) return true;
    if (!starts(endpoint, "tcp://")) return false;
    const char *address = endpoint + strlen("tcp://");
    return is_127(address) || starts(address, "localhost:") || starts(address, "[::1]:");
}
