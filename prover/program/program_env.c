#include "program_env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OWN = 4 };

static bool same_name(const char *entry, const char *name, size_t n)
{
    return !strncmp(entry, name, n) && entry[n] == '=';
}

/* Puts "NAME=value" behind the texts, in place of an entry of the same name. */
static void put(char **env, size_t *n, char **text, const char *name, size_t name_bytes, const char *value)
{
    size_t at = 0;
    while (at < *n && !same_name(env[at], name, name_bytes)) at++;
    env[at] = *text;
    if (at == *n) ++*n;
    *text += sprintf(*text, "%.*s=%s", (int)name_bytes, name, value) + 1;
}

static const char *value_of(const char *entry, size_t *name_bytes)
{
    *name_bytes = strcspn(entry, "=");
    return entry[*name_bytes] ? entry + *name_bytes + 1 : getenv(entry);
}

char **program_env(const struct program *p, const char *folder)
{
    const char *own[OWN][2] = {
        { "PATH", "/usr/local/bin:/usr/bin:/bin" }, { "LANG", "C.UTF-8" }, { "HOME", folder }, { "TMPDIR", folder }
    };
    size_t count = OWN, bytes = 2 * strlen(folder) + 128, name_bytes, n = 0;
    for (char **e = p->environment; e && *e; e++, count++) {
        const char *value = value_of(*e, &name_bytes);
        bytes += name_bytes + (value ? strlen(value) : 0) + 2;
    }
    char **env = calloc(1, (count + 1) * sizeof *env + bytes);
    if (!env) return NULL;
    char *text = (char *)(env + count + 1);
    for (size_t i = 0; i < OWN; i++) put(env, &n, &text, own[i][0], strlen(own[i][0]), own[i][1]);
    for (char **e = p->environment; e && *e; e++) {
        const char *value = value_of(*e, &name_bytes);
        if (value) put(env, &n, &text, *e, name_bytes, value);
    }
    return env;
}
