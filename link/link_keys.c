#include "link_keys.h"

#include <string.h>

/* One item of the list: the key itself, or a file with it. */
static pv_status server_load(char out[KEYFILE_TEXT], const char *item, size_t bytes)
{
    char path[4096];
    if (bytes == 0 || bytes >= sizeof path) return PV_BAD_KEY_FILE;
    memcpy(path, item, bytes);
    path[bytes] = '\0';
    if (!keyfile_is_key(path)) return keyfile_public_read(out, path);
    memcpy(out, path, KEYFILE_TEXT);
    return PV_OK;
}

static pv_status load(struct client_keys *k, const char *key_file, const char *server_keys)
{
    TRY(keyfile_pair_read(&k->own, key_file));
    for (const char *p = server_keys, *end;; p = end + 1) {
        end = strchrnul(p, ',');
        if (k->servers == KEY_SERVERS_MAX) return PV_BAD_KEY_FILE;
        TRY(server_load(k->server_key[k->servers++], p, (size_t)(end - p)));
        if (!*end) break;
    }
    k->have = true;
    return PV_OK;
}

pv_status client_keys_load(struct client_keys *k, const char *key_file, const char *server_keys)
{
    struct client_keys mine = { .have = false };
    pv_status s = load(&mine, key_file, server_keys);
    if (s == PV_OK) *k = mine;
    client_keys_clear(&mine);
    return s;
}

const char *client_keys_server(const struct client_keys *k, size_t i)
{
    return k->server_key[k->servers == 1 ? 0 : i];
}

void client_keys_clear(struct client_keys *k)
{
    explicit_bzero(k, sizeof *k);
}
