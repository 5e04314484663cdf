#include "keyfolder.h"

#include "keyfile_name.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A file that is not known as a key: it is changing, or is none. */
struct sight {
    char *entry; /* of the folder */
    struct file_stamp stamp;
    bool refused;
    char why[KEYFOLDER_WHY_BYTES]; /* when refused */
};

struct sights {
    struct sight *all; /* in the order of their entries */
    size_t n, room;
};

struct keyfolder {
    char *folder;
    struct sights sights; /* of the last walk */
};

/* A walk keeps the sights that it comes upon; the others' files are gone, or are keys. */
struct walk {
    struct keyfolder *f;
    const struct keyfolder_reader *reader;
    enum keyfolder_when when;
    struct sights kept;
    size_t at; /* sights of the last walk that the walk has passed */
    struct keyfile_name file;
};

static void sights_clear(struct sights *s)
{
    for (size_t i = 0; i < s->n; i++) free(s->all[i].entry);
    free(s->all);
    *s = (struct sights){ 0 };
}

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
    sights_clear(&f->sights);
    free(f->folder);
    free(f);
    *f_p = NULL;
}

/* What the last walk saw of the entry, or NULL. Both walks go in one order. */
static const struct sight *seen_last(struct walk *w, const char *entry)
{
    const struct sights *last = &w->f->sights;
    while (w->at < last->n && strcmp(last->all[w->at].entry, entry) < 0) w->at++;
    return w->at < last->n && !strcmp(last->all[w->at].entry, entry) ? &last->all[w->at] : NULL;
}

static struct sight *sight_add(struct sights *s, const char *entry)
{
    if (s->n == s->room) {
        size_t room = s->room ? 2 * s->room : 16;
        struct sight *more = realloc(s->all, room * sizeof *more);
        if (!more) return NULL;
        s->all = more;
        s->room = room;
    }
    char *copy = strdup(entry);
    if (!copy) return NULL;
    s->all[s->n] = (struct sight){ .entry = copy };
    return &s->all[s->n++];
}

static void read_now(struct walk *w, struct sight *s)
{
    const struct keyfile_name *file = &w->file;
    enum keyfolder_read read = w->reader->found(w->reader->ctx, file->name, file->path, &file->stamp, s->why);
    s->refused = read == KEYFOLDER_NO_KEY;
    if (read != KEYFOLDER_KEY) return;
    free(s->entry); /* the last one that was added: good keys need no sight */
    w->kept.n--;
}

/* A file that the reader does not know. It stays in sight until it is read and good. False: out of memory. */
static bool unknown(struct walk *w, const char *entry)
{
    const struct sight *last = seen_last(w, entry);
    bool same = last && file_stamp_same(&last->stamp, &w->file.stamp);
    struct sight *s = sight_add(&w->kept, entry);
    if (!s) return false;
    s->stamp = w->file.stamp;
    if (w->when == KEYFOLDER_QUIET && same && last->refused) {
        s->refused = true;
        memcpy(s->why, last->why, sizeof s->why);
    } else if (w->when == KEYFOLDER_NOW || same) {
        read_now(w, s);
        return true; /* s may be gone */
    } else {
        w->reader->changing(w->reader->ctx, w->file.name);
    }
    return true;
}

static bool look_at(struct walk *w, const struct dirent *entry)
{
    const struct keyfolder_reader *r = w->reader;
    struct keyfile_name *file = &w->file;
    enum keyfile_kind kind = keyfile_name_of(file, w->f->folder, entry);
    if (kind == KEYFILE_FAULT) r->unserved(r->ctx, file->file, file->why);
    if (kind != KEYFILE_KEY || r->known(r->ctx, file->name, file->path, &file->stamp)) return true;
    size_t before = w->kept.n;
    if (!unknown(w, entry->d_name)) return false;
    const struct sight *s = w->kept.n > before ? &w->kept.all[before] : NULL;
    if (s && s->refused) r->unserved(r->ctx, file->file, s->why);
    return true;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

pv_status keyfolder_walk(struct keyfolder *f, enum keyfolder_when when, const struct keyfolder_reader *reader,
                         struct prove_error *err)
{
    struct dirent **entries;
    struct walk w = { .f = f, .reader = reader, .when = when };
    int n = scandir(f->folder, &entries, NULL, by_bytes);
    if (n < 0)
        return prove_error_set(err, errno == ENOMEM ? PV_NO_MEMORY : PV_IO, "%s: %s", f->folder, strerror(errno));
    bool kept = true;
    for (int i = 0; i < n; i++) {
        kept = kept && look_at(&w, entries[i]);
        free(entries[i]);
    }
    free(entries);
    sights_clear(&f->sights);
    f->sights = w.kept;
    return kept ? PV_OK : prove_error_set(err, PV_NO_MEMORY, "out of memory");
}
