#include "keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_FILE_MAX = 16 * 1024, PATH_BYTES = 4096 };

bool keyfile_is_private(const char *path, const struct stat *state)
{
    const char *folder = secure_getenv("CREDENTIALS_DIRECTORY");
    mode_t others = state->st_mode & (S_IRWXG | S_IRWXO);
    if (!others || !folder || !*folder) return !others;
    size_t bytes = strlen(folder);
    bool inside = !strncmp(path, folder, bytes) && path[bytes] == '/' && !strchr(path + bytes + 1, '/');
    return inside && others == S_IRGRP && !state->st_uid;
}

/* The whole file into text (KEY_FILE_MAX + 1 bytes), NUL-terminated. */
static pv_status slurp_into(char *text, const char *path, bool secret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return PV_BAD_KEY_FILE;
    struct stat st;
    bool good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= KEY_FILE_MAX;
    if (good && secret) good = keyfile_is_private(path, &st);
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

static void forget(char *text)
{
    if (text) explicit_bzero(text, KEY_FILE_MAX + 1);
    free(text);
}

/* Sets *text to the whole file, for forget. On the heap: a caller's thread may have little stack. */
static pv_status slurp(char **text, const char *path, bool secret)
{
    char *t = malloc(KEY_FILE_MAX + 1);
    pv_status s = t ? slurp_into(t, path, secret) : PV_NO_MEMORY;
    if (s == PV_OK)
        *text = t;
    else
        forget(t);
    return s;
}

static bool z85_text(const char *s, size_t n)
{
    static const char z85[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    if (n != KEYFILE_TEXT - 1) return false;
    for (size_t i = 0; i < n; i++) {
        if (!s[i] || !strchr(z85, s[i])) return false;
    }
    return true;
}

/* The value of `name = "value"` on a line of its own. */
static pv_status key_of(char out[KEYFILE_TEXT], const char *text, const char *name)
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
        memcpy(out, p, KEYFILE_TEXT - 1);
        out[KEYFILE_TEXT - 1] = '\0';
        return PV_OK;
    }
    return PV_BAD_KEY_FILE;
}

bool keyfile_is_key(const char *text)
{
    return z85_text(text, strlen(text));
}

/* path_secret when there is one, else path. False: too long to be opened. */
static bool secret_path(char to[PATH_BYTES], const char *path)
{
    int n = snprintf(to, PATH_BYTES, "%s_secret", path);
    if (n < 0 || n >= PATH_BYTES) return false;
    if (access(to, F_OK)) to[n - (int)strlen("_secret")] = '\0';
    return true;
}

static pv_status pair_of(struct keyfile_pair *pair, const char *path)
{
    char *text;
    TRY(slurp(&text, path, true));
    pv_status s = key_of(pair->public_key, text, "public-key");
    if (s == PV_OK) s = key_of(pair->secret_key, text, "secret-key");
    forget(text);
    return s;
}

pv_status keyfile_pair_read(struct keyfile_pair *pair, const char *path)
{
    char file[PATH_BYTES];
    struct keyfile_pair read = { "", "" };
    if (!secret_path(file, path)) return PV_BAD_KEY_FILE;
    pv_status s = pair_of(&read, file);
    if (s == PV_OK) *pair = read;
    keyfile_pair_clear(&read);
    return s;
}

void keyfile_pair_clear(struct keyfile_pair *pair)
{
    explicit_bzero(pair, sizeof *pair);
}

pv_status keyfile_public_read(char out[KEYFILE_TEXT], const char *path)
{
    char *text;
    TRY(slurp(&text, path, false));
    pv_status s = key_of(out, text, "public-key");
    forget(text);
    return s;
}
