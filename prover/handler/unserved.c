#include "unserved.h"

#include "log.h"
#include "visible.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES = 1024, WHY_BYTES = 512 };

static bool grow(struct unserved *u)
{
    if (u->n < u->room) return true;
    size_t room = u->room ? 2 * u->room : 16;
    struct unserved_file *more = realloc(u->files, room * sizeof *more);
    if (!more) return false;
    u->files = more;
    u->room = room;
    return true;
}

void unserved_add(struct unserved *u, const char *file, const char *why)
{
    char shown[FILE_BYTES], reason[WHY_BYTES];
    if (!grow(u)) return;
    struct unserved_file f = { strdup(visible_text(shown, sizeof shown, file)),
                               strdup(visible_text(reason, sizeof reason, why)) };
    if (f.file && f.why) {
        u->files[u->n++] = f;
        return;
    }
    free(f.file);
    free(f.why);
}

static int by_file(const void *a, const void *b)
{
    const struct unserved_file *x = a, *y = b;
    int order = strcmp(x->file, y->file);
    return order ? order : strcmp(x->why, y->why);
}

bool unserved_say(struct unserved *u, const struct unserved *before)
{
    bool differ = u->n != before->n;
    if (u->n) qsort(u->files, u->n, sizeof *u->files, by_file);
    for (size_t i = 0, at = 0; i < u->n; i++) {
        int order = 1;
        while (at < before->n && (order = by_file(&u->files[i], &before->files[at])) > 0) at++;
        if (at < before->n && !order) continue;
        differ = true;
        LOG_WARN("key.unusable", "file=%s text=%s", u->files[i].file, u->files[i].why);
    }
    return differ;
}

void unserved_clear(struct unserved *u)
{
    for (size_t i = 0; i < u->n; i++) {
        free(u->files[i].file);
        free(u->files[i].why);
    }
    free(u->files);
    *u = (struct unserved){ 0 };
}
