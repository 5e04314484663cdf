#include "http_token.h"

#include "keyfile.h"
#include "sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pv_status refuse(char *why, size_t bytes, const char *setting, const char *path, const char *what)
{
    snprintf(why, bytes, "%s: %.120s: %s", setting, path, what);
    return PV_BAD_CONFIG;
}

/* What is wrong with the file, or NULL. */
static const char *fault_of(int fd, const char *path)
{
    struct stat s;
    if (fd < 0 || fstat(fd, &s)) return strerror(errno);
    if (!S_ISREG(s.st_mode)) return "is not a file";
    return keyfile_is_private(path, &s) ? NULL : "others than its owner may read it: chmod 600";
}

static bool visible(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] <= 0x20 || s[i] >= 0x7f) return false;
    return true;
}

static pv_status token_of(struct http_token *to, const char *text, ssize_t got)
{
    size_t n = got < 0 ? 0 : (size_t)got;
    while (n && strchr(" \t\r\n", text[n - 1])) n--;
    if (n < HTTP_TOKEN_LEAST || n > HTTP_TOKEN_MOST || !visible(text, n)) return PV_BAD_CONFIG;
    TRY(sha256_of(&to->digest, text, n));
    to->there = true;
    return PV_OK;
}

pv_status http_token_read(struct http_token *to, const char *path, const char *setting, char *why, size_t why_bytes)
{
    char text[HTTP_TOKEN_MOST + 8];
    *to = (struct http_token){ .there = false };
    if (!path[0]) return PV_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const char *fault = fault_of(fd, path);
    ssize_t got = fault ? -1 : read(fd, text, sizeof text);
    if (fd >= 0) close(fd);
    if (fault) return refuse(why, why_bytes, setting, path, fault);
    pv_status st = token_of(to, text, got);
    explicit_bzero(text, sizeof text);
    if (st == PV_OK) return PV_OK;
    return refuse(why, why_bytes, setting, path, "a token is one line of 16 to 256 visible ASCII characters");
}

bool http_token_equals(const struct http_token *t, const char *text, size_t n)
{
    wire_hash got = { { 0 } };
    bool hashed = sha256_of(&got, text, n) == PV_OK;
    return (CRYPTO_memcmp(got.bytes, t->digest.bytes, sizeof got.bytes) == 0) & hashed & t->there;
}
