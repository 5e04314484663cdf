#include "link_keys.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

static pv_status bad(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));
static pv_status bad(char *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (why) vsnprintf(why, LINK_KEYS_WHY_BYTES, format, args);
    va_end(args);
    return PV_BAD_KEY_FILE;
}

/* Says why the pair could not be read: keyfile_pair_read tells only that. It reads FILE_secret if that exists, else
 * FILE. */
static pv_status pair_bad(const char *file, char *why)
{
    char path[PATH_BYTES];
    struct stat st;
    snprintf(path, sizeof path, "%s_secret", file);
    if (stat(path, &st)) snprintf(path, sizeof path, "%s", file);
    if (stat(path, &st)) return bad(why, "%.200s: %s", path, strerror(errno));
    if (!keyfile_is_private(path, &st))
        return bad(why, "%.160s: others can read this secret key, so it is not used (chmod 600)", path);
    return bad(why, "%.200s: no usable key in it", file);
}

/* One item of the list: the key itself, or a file with it. */
static pv_status server_load(char out[KEYFILE_TEXT], const char *item, size_t bytes, char *why)
{
    char path[PATH_BYTES];
    if (bytes == 0) return bad(why, "the list of the brokers' keys has an empty item");
    if (bytes >= sizeof path) return bad(why, "the name of a broker's key file is too long");
    memcpy(path, item, bytes);
    path[bytes] = '\0';
    if (keyfile_is_key(path))
        memcpy(out, path, KEYFILE_TEXT);
    else if (keyfile_public_read(out, path) != PV_OK)
        return bad(why, "%.200s: no usable key in it", path);
    return PV_OK;
}

static bool is_file(const char *item, size_t bytes)
{
    char path[PATH_BYTES];
    if (bytes >= sizeof path) return false;
    memcpy(path, item, bytes);
    path[bytes] = '\0';
    return !access(path, F_OK);
}

/* Where the item ends. The name of a file may have blanks in it; otherwise blanks separate items too, as nodes have always
 * taken them. */
static size_t item_bytes(const char *item, size_t bytes)
{
    const char *blank = memchr(item, ' ', bytes);
    return blank && !is_file(item, bytes) ? (size_t)(blank - item) : bytes;
}

static pv_status servers_load(struct link_keys *k, const char *list, char *why)
{
    for (const char *p = list, *end;; p = end + 1) {
        end = strchrnul(p, ',');
        p += strspn(p, " ");
        size_t bytes = end > p ? (size_t)(end - p) : 0;
        while (bytes > 0 && p[bytes - 1] == ' ') bytes--;
        size_t first = item_bytes(p, bytes);
        if (first < bytes) end = p + (bytes = first);
        if (k->servers == LINK_KEYS_SERVERS_MAX) return bad(why, "more than %d keys of brokers", LINK_KEYS_SERVERS_MAX);
        TRY(server_load(k->server_key[k->servers++], p, bytes, why));
        if (!*end) return PV_OK;
    }
}

pv_status link_keys_load(struct link_keys *k, const char *key_file, const char *server_keys,
                         char why[LINK_KEYS_WHY_BYTES])
{
    struct link_keys mine = { .have = true };
    pv_status s = keyfile_pair_read(&mine.own, key_file);
    if (s != PV_OK) s = pair_bad(key_file, why);
    if (s == PV_OK) s = servers_load(&mine, server_keys, why);
    if (s == PV_OK) *k = mine;
    link_keys_clear(&mine);
    return s;
}

bool link_keys_fit(const struct link_keys *k, size_t endpoints)
{
    return k->servers == 1 || k->servers == endpoints;
}

const char *link_keys_server(const struct link_keys *k, size_t i)
{
    return k->server_key[k->servers == 1 ? 0 : i];
}

void link_keys_clear(struct link_keys *k)
{
    explicit_bzero(k, sizeof *k);
}
