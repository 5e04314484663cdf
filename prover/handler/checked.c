#include "checked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void remember(struct checked *c, wire_hash digest)
{
    if (c->n == c->room) {
        size_t room = c->room ? 2 * c->room : 16;
        wire_hash *more = realloc(c->digests, room * sizeof *more);
        if (!more) return; /* costs one check */
        c->digests = more;
        c->room = room;
    }
    c->digests[c->n++] = digest;
}

static void read_file(struct checked *c)
{
    char line[128];
    FILE *in = c->file ? fopen(c->file, "re") : NULL;
    while (in && fgets(line, sizeof line, in)) {
        wire_hash digest;
        line[strcspn(line, "\n")] = 0;
        if (wire_hash_of_text(&digest, line)) remember(c, digest);
    }
    if (in) fclose(in);
}

bool checked_init(struct checked *c, const char *file)
{
    *c = (struct checked){ .file = file ? strdup(file) : NULL };
    if (file && !c->file) return false;
    read_file(c);
    return true;
}

void checked_clear(struct checked *c)
{
    free(c->file);
    free(c->digests);
    *c = (struct checked){ 0 };
}

bool checked_has(const struct checked *c, wire_hash digest)
{
    for (size_t i = 0; i < c->n; i++)
        if (wire_hash_equal(c->digests[i], digest)) return true;
    return false;
}

/* A lost line costs one check, so the file is not synced. */
void checked_add(struct checked *c, wire_hash digest)
{
    char text[WIRE_HASH_TEXT];
    remember(c, digest);
    FILE *out = c->file ? fopen(c->file, "ae") : NULL;
    if (!out) return;
    fprintf(out, "%s\n", wire_hash_text(text, digest));
    fclose(out);
}
