#include "keyfolder.h"

#include "ids.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file that is not known as a key: it is changing, or is none. */
struct sight {
    char name[WIRE_NAME_MAX + 1];
    struct file_stamp stamp;
    bool refused, seen;
};

struct keyfolder {
    char *folder;
    struct sight *sights;
    size_t n, room;
};

pv_status keyfolder_new(struct keyfolder **f_p, const char *folder)
{
    struct keyfolder *f = calloc(1, sizeof *f);
    if (!f || !(f->folder = strdup(folder))) {
        free(f);
        return PV_NO_MEMORY;
    }
    *f_p = f;
    return PV_OK;
}

void keyfolder_destroy(struct keyfolder **f_p)
{
    struct keyfolder *f = *f_p;
    if (!f) return;
    free(f->folder);
    free(f->sights);
    free(f);
    *f_p = NULL;
}

/* NAME.zkey or NAME/circuit.zkey: the circuit's name and the file's path, or false. */
static bool entry_names(const char *folder, const char *entry, char name[WIRE_NAME_MAX + 1], char *path,
                        size_t path_bytes)
{
    static const char suffix[] = ".zkey";
    size_t n = strlen(entry), tail = sizeof suffix - 1;
    bool file = n > tail && !strcmp(entry + n - tail, suffix);
    size_t name_bytes = file ? n - tail : n;
    if (*entry == '.' || !wire_name_valid(entry, name_bytes)) return false;
    snprintf(name, WIRE_NAME_MAX + 1, "%.*s", (int)name_bytes, entry);
    int used = snprintf(path, path_bytes, file ? "%s/%s" : "%s/%s/circuit.zkey", folder, entry);
    return used > 0 && (size_t)used < path_bytes;
}

/* Of NAME.zkey and NAME/circuit.zkey the first counts: they would replace each other at every look. */
static bool hidden(const char *folder, const char *entry)
{
    char path[4096];
    struct file_stamp stamp;
    int used = snprintf(path, sizeof path, "%s/%s.zkey", folder, entry);
    return used > 0 && (size_t)used < sizeof path && file_stamp_of(&stamp, path);
}

static struct sight *sight_find(struct keyfolder *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->sights[i].name, name)) return &f->sights[i];
    return NULL;
}

static struct sight *sight_add(struct keyfolder *f, const char *name)
{
    if (f->n == f->room) {
        size_t room = f->room ? 2 * f->room : 16;
        struct sight *more = realloc(f->sights, room * sizeof *more);
        if (!more) return NULL;
        f->sights = more;
        f->room = room;
    }
    struct sight *s = &f->sights[f->n++];
    *s = (struct sight){ .refused = false };
    snprintf(s->name, sizeof s->name, "%s", name);
    return s;
}

/* A file that the reader does not know. It stays in sight until it is read and good. */
static bool unknown(struct keyfolder *f, const char *name, const char *path, const struct file_stamp *stamp,
                    enum keyfolder_when when, const struct keyfolder_reader *reader)
{
    struct sight *s = sight_find(f, name);
    bool same = s && file_stamp_same(&s->stamp, stamp);
    if (!s && !(s = sight_add(f, name))) return false;
    s->seen = true;
    if (when == KEYFOLDER_QUIET && same && s->refused) return true;
    s->stamp = *stamp;
    s->refused = false;
    if (when == KEYFOLDER_NOW || same)
        s->refused = !reader->found(reader->ctx, name, path, stamp);
    else
        reader->changing(reader->ctx, name);
    return true;
}

/* Good keys and files that are gone need no sight. */
static void forget(struct keyfolder *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->n; i++) {
        if (!f->sights[i].seen) continue;
        f->sights[kept] = f->sights[i];
        f->sights[kept++].seen = false;
    }
    f->n = kept;
}

pv_status keyfolder_walk(struct keyfolder *f, enum keyfolder_when when, const struct keyfolder_reader *reader,
                         struct prove_error *err)
{
    DIR *folder = opendir(f->folder);
    if (!folder) return prove_error_set(err, PV_IO, "%s: %s", f->folder, strerror(errno));
    bool kept = true;
    for (struct dirent *e; kept && (e = readdir(folder));) {
        char name[WIRE_NAME_MAX + 1], path[4096];
        struct file_stamp stamp;
        if (!entry_names(f->folder, e->d_name, name, path, sizeof path) || !file_stamp_of(&stamp, path)) continue;
        if (!strcmp(e->d_name, name) && hidden(f->folder, name)) continue;
        if (!reader->known(reader->ctx, name, path, &stamp)) kept = unknown(f, name, path, &stamp, when, reader);
    }
    closedir(folder);
    forget(f);
    return kept ? PV_OK : prove_error_set(err, PV_NO_MEMORY, "out of memory");
}
