#include "keys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_FILE_MAX = 16 * 1024 };

/* The whole file into text (KEY_FILE_MAX + 1 bytes), NUL-terminated. */
static pv_status slurp(char *text, const char *path, bool secret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return PV_BAD_KEY_FILE;
    struct stat st;
    bool good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= KEY_FILE_MAX;
    if (good && secret) good = (st.st_mode & (S_IRWXG | S_IRWXO)) == 0;
    size_t have = 0;
    while (good && have < KEY_FILE_MAX) {
        ssize_t n = read(fd, text + have, KEY_FILE_MAX - have);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) good = false;
        if (n <= 0) break;
        have += (size_t)n;
    }
    close(fd);
    text[have] = '\0';
    return good ? PV_OK : PV_BAD_KEY_FILE;
}

static bool z85_text(const char *s, size_t n)
{
    static const char z85[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    if (n != KEY_TEXT - 1) return false;
    for (size_t i = 0; i < n; i++) {
        if (!s[i] || !strchr(z85, s[i])) return false;
    }
    return true;
}

/* The value of `name = "value"` on a line of its own. */
static pv_status key_of(char out[KEY_TEXT], const char *text, const char *name)
{
    size_t name_bytes = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += strspn(line, "\r\n \t");
        if (strncmp(line, name, name_bytes) != 0) continue;
        const char *p = line + name_bytes;
        p += strspn(p, " \t");
        if (*p++ != '=') continue;
        p += strspn(p, " \t");
        char quote = *p++;
        const char *end = quote == '"' || quote == '\'' ? strchr(p, quote) : NULL;
        if (!end || !z85_text(p, (size_t)(end - p))) return PV_BAD_KEY_FILE;
        memcpy(out, p, KEY_TEXT - 1);
        out[KEY_TEXT - 1] = '\0';
        return PV_OK;
    }
    return PV_BAD_KEY_FILE;
}

/* One item of the list: the key itself, or a file with it. */
static pv_status server_load(char out[KEY_TEXT], char *text, const char *item, size_t bytes)
{
    char path[4096];
    if (bytes == 0 || bytes >= sizeof path) return PV_BAD_KEY_FILE;
    memcpy(path, item, bytes);
    path[bytes] = '\0';
    if (z85_text(path, bytes)) {
        memcpy(out, path, KEY_TEXT);
        return PV_OK;
    }
    TRY(slurp(text, path, false));
    return key_of(out, text, "public-key");
}

static pv_status load(struct client_keys *k, char *text, const char *key_file, const char *server_keys)
{
    TRY(slurp(text, key_file, true));
    TRY(key_of(k->public_key, text, "public-key"));
    TRY(key_of(k->secret_key, text, "secret-key"));
    for (const char *p = server_keys, *end;; p = end + 1) {
        end = strchrnul(p, ',');
        if (k->servers == KEY_SERVERS_MAX) return PV_BAD_KEY_FILE;
        TRY(server_load(k->server_key[k->servers++], text, p, (size_t)(end - p)));
        if (!*end) break;
    }
    k->have = true;
    return PV_OK;
}

pv_status client_keys_load(struct client_keys *k, const char *key_file, const char *server_keys)
{
    char text[KEY_FILE_MAX + 1];
    struct client_keys mine = { 0 };
    pv_status s = load(&mine, text, key_file, server_keys);
    explicit_bzero(text, sizeof text);
    if (s == PV_OK) *k = mine;
    client_keys_clear(&mine);
    return s;
}

const char *client_keys_server(const struct client_keys *k, size_t i)
{
    return k->server_key[k->servers == 1 ? 0 : i];
}

pv_status client_key_public(char out[KEY_TEXT], const char *path)
{
    char text[KEY_FILE_MAX + 1];
    pv_status s = slurp(text, path, false);
    if (s == PV_OK) s = key_of(out, text, "public-key");
    explicit_bzero(text, sizeof text);
    return s;
}

void client_keys_clear(struct client_keys *k)
{
    explicit_bzero(k, sizeof *k);
}
