#include "program_table.h"

#include "program_check.h"
#include "program_config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char ending[] = ".yaml";

static int is_file(const struct dirent *e)
{
    size_t n = strlen(e->d_name), end = sizeof ending - 1;
    return e->d_name[0] != '.' && n > end && !strcmp(e->d_name + n - end, ending);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void entry_read(struct program_entry *e, const char *file, const struct program_place *place)
{
    size_t n = strlen(file) - (sizeof ending - 1);
    snprintf(e->name, sizeof e->name, "%.*s", (int)n, file);
    e->serves.place = place;
    if (!e->path) {
        snprintf(e->why, sizeof e->why, "no memory");
    } else if (!wire_name_valid(file, n)) {
        snprintf(e->why, sizeof e->why, "%.150s: not a name: 1 to 64 of A-Z a-z 0-9 . _ -", e->path);
    } else if (!strcmp(e->name, "groth16") || !strcmp(e->name, "echo")) {
        snprintf(e->why, sizeof e->why, "%.150s: %s is a handler of the node's own", e->path, e->name);
    } else {
        pv_status s = program_config_read(&e->serves.program, e->name, e->path, e->why);
        if (s == PV_OK) s = program_check(&e->serves.program, e->why);
        if (s != PV_OK && !*e->why) snprintf(e->why, sizeof e->why, "%.150s: %s", e->path, pv_status_text(s));
    }
    e->handler = handler_program(&e->serves);
    e->handler.name = e->name;
}

pv_status program_table_read(struct program_table *t, const char *folder, const struct program_place *place,
                             struct prove_error *err)
{
    struct dirent **files = NULL;
    *t = (struct program_table){ 0 };
    int n = scandir(folder, &files, is_file, by_name);
    if (n < 0) return prove_error_set(err, PV_IO, "handlers: %.150s: %s", folder, strerror(errno));
    bool fits = n <= PROGRAM_TABLE_MOST;
    t->entries = fits ? calloc((size_t)n + 1, sizeof *t->entries) : NULL;
    for (int i = 0; i < n; i++) {
        if (t->entries && asprintf(&t->entries[i].path, "%s/%s", folder, files[i]->d_name) < 0)
            t->entries[i].path = NULL;
        if (t->entries) entry_read(&t->entries[i], files[i]->d_name, place);
        free(files[i]);
    }
    free(files);
    t->n = t->entries ? (size_t)n : 0;
    if (!fits) return prove_error_set(err, PV_BAD_CONFIG, "handlers: %.150s: more than %d", folder, PROGRAM_TABLE_MOST);
    return t->entries ? PV_OK : prove_error_set(err, PV_NO_MEMORY, "no memory");
}

void program_table_clear(struct program_table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        program_config_clear(&t->entries[i].serves.program);
        free(t->entries[i].path);
    }
    free(t->entries);
    *t = (struct program_table){ 0 };
}

struct program_entry *program_table_find(const struct program_table *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (!strcmp(t->entries[i].name, name)) return &t->entries[i];
    return NULL;
}
