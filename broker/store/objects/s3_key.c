#include "s3_key.h"

#include "keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES = 8 * 1024 };

void s3_key_clear(struct s3_key *key)
{
    explicit_bzero(key, sizeof *key);
}

bool s3_key_equal(const struct s3_key *a, const struct s3_key *b)
{
    return !strcmp(a->id, b->id) && !strcmp(a->secret, b->secret);
}

/* ---- lines ---- */

struct line {
    const char *at;
    size_t n; /* without blanks around it */
};

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct line trimmed(const char *at, size_t n)
{
    while (n && blank(at[n - 1])) n--;
    while (n && blank(at[0])) at++, n--;
    return (struct line){ at, n };
}

/* The next line that has something on it and is no comment; moves on. */
static bool line_next(const char **text, struct line *line)
{
    while (**text) {
        size_t n = strcspn(*text, "\n");
        *line = trimmed(*text, n);
        *text += n + ((*text)[n] == '\n');
        if (line->n && line->at[0] != '#' && line->at[0] != ';') return true;
    }
    return false;
}

/* An id stands in a header between slashes and commas; a secret may have any visible character. */
static bool take(char to[S3_KEY_MAX + 1], struct line from, const char *but)
{
    if (!from.n || from.n > S3_KEY_MAX) return false;
    for (size_t i = 0; i < from.n; i++)
        if (from.at[i] <= 0x20 || from.at[i] >= 0x7f || strchr(but, from.at[i])) return false;
    memcpy(to, from.at, from.n);
    to[from.n] = 0;
    return true;
}

static bool is(struct line line, const char *text)
{
    return line.n == strlen(text) && !memcmp(line.at, text, line.n);
}

/* ---- the two forms ---- */

static const char not_a_key[] = "is neither two lines, a key's id and its secret, nor a file of AWS credentials";

static const char *setting_take(struct s3_key *key, struct line line)
{
    const char *equals = memchr(line.at, '=', line.n);
    if (!equals) return not_a_key;
    struct line name = trimmed(line.at, (size_t)(equals - line.at));
    struct line value = trimmed(equals + 1, line.n - (size_t)(equals + 1 - line.at));
    if (is(name, "aws_session_token"))
        return "has a key that ends by itself (aws_session_token): a broker needs one that stays";
    if (is(name, "aws_access_key_id") && !take(key->id, value, "/,=")) return "has an aws_access_key_id that is none";
    if (is(name, "aws_secret_access_key") && !take(key->secret, value, ""))
        return "has an aws_secret_access_key that is none";
    return NULL;
}

static const char *profile_take(struct s3_key *key, const char *text)
{
    struct line line;
    bool ours = false;
    while (line_next(&text, &line)) {
        const char *wrong = NULL;
        if (line.at[0] == '[')
            ours = is(line, "[default]");
        else if (ours)
            wrong = setting_take(key, line);
        if (wrong) return wrong;
    }
    return key->id[0] && key->secret[0] ? NULL : "has no key in its profile [default]";
}

const char *s3_key_of_text(struct s3_key *key, const char *text)
{
    struct line id, secret, more;
    const char *at = text;
    *key = (struct s3_key){ .id = "" };
    if (!line_next(&at, &id)) return "is empty";
    if (id.at[0] == '[') return profile_take(key, text);
    if (!line_next(&at, &secret) || line_next(&at, &more)) return not_a_key;
    return take(key->id, id, "/,=") && take(key->secret, secret, "") ? NULL : not_a_key;
}

/* ---- the file ---- */

static const char *text_read(int fd, const char *path, char text[FILE_BYTES + 1])
{
    struct stat s;
    size_t have = 0;
    if (fd < 0 || fstat(fd, &s)) return strerror(errno);
    if (!S_ISREG(s.st_mode)) return "is not a file";
    if (!keyfile_is_private(path, &s)) return "others than its owner may read it: chmod 600";
    if (s.st_size > FILE_BYTES) return not_a_key;
    for (ssize_t n; have < FILE_BYTES; have += (size_t)n) {
        n = read(fd, text + have, FILE_BYTES - have);
        if (n < 0 && errno == EINTR)
            n = 0;
        else if (n < 0)
            return strerror(errno);
        else if (!n)
            break;
    }
    text[have] = 0;
    return strlen(text) == have ? NULL : not_a_key;
}

pv_status s3_key_read(struct s3_key *key, const char *path, char why[S3_WHY_BYTES])
{
    char text[FILE_BYTES + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    const char *wrong = text_read(fd, path, text);
    if (fd >= 0) close(fd);
    if (!wrong) wrong = s3_key_of_text(key, text);
    explicit_bzero(text, sizeof text);
    if (!wrong) return PV_OK;
    s3_key_clear(key);
    snprintf(why, S3_WHY_BYTES, "s3_key_file %.200s: %s", path, wrong);
    return PV_BAD_KEY_FILE;
}
