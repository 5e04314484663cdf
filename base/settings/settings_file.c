#include "settings_file.h"

#include "yaml_file.h"

#include <stdlib.h>
#include <string.h>

/* The file as libcyaml fills it: every scalar as text, so that one reader serves file, environment and flags. */
struct data {
    char **items; /* item k's value i is items[k * item_n + i] */
    unsigned items_n;
    char *values[];
};

struct settings_file {
    const char *path;
    const struct settings_table *table;
    struct data *data;
    cyaml_schema_value_t schema, item_schema;
    cyaml_schema_field_t *fields, *item_fields;
};

/* --- the schema, made from the table --- */

static cyaml_schema_field_t scalar(const char *key, size_t offset)
{
    return (cyaml_schema_field_t){
        .key = key,
        .data_offset = (uint32_t)offset,
        .value = { CYAML_VALUE_STRING(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, char *, 0, CYAML_UNLIMITED) },
    };
}

static cyaml_schema_field_t list(const struct settings_file *f)
{
    cyaml_schema_field_t field = {
        .key = f->table->list,
        .data_offset = offsetof(struct data, items),
        .count_offset = offsetof(struct data, items_n),
        .count_size = sizeof f->data->items_n,
        .value = { CYAML_VALUE_SEQUENCE(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, char *, &f->item_schema, 0,
                                        f->table->items_most) },
    };
    field.value.data_size = f->item_schema.data_size;
    return field;
}

/* calloc: the field behind the last has no key, which ends the list. */
static bool schema_make(struct settings_file *f)
{
    const struct settings_table *t = f->table;
    f->fields = calloc(t->n + 2, sizeof *f->fields);
    f->item_fields = calloc(t->item_n + 1, sizeof *f->item_fields);
    if (!f->fields || !f->item_fields) return false;
    for (size_t i = 0; i < t->item_n; i++) f->item_fields[i] = scalar(t->item_rows[i].name, i * sizeof(char *));
    f->item_schema = (cyaml_schema_value_t){ CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, char *, f->item_fields) };
    f->item_schema.data_size = (uint32_t)(t->item_n * sizeof(char *));
    for (size_t i = 0; i < t->n; i++)
        f->fields[i] = scalar(t->rows[i].name, offsetof(struct data, values) + i * sizeof(char *));
    if (t->list) f->fields[t->n] = list(f);
    f->schema = (cyaml_schema_value_t){ CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct data, f->fields) };
    f->schema.data_size = (uint32_t)(sizeof *f->data + t->n * sizeof(char *));
    return true;
}

/* --- the file --- */

pv_status settings_file_read(struct settings_file **file, const char *path, const struct settings_table *table,
                             char why[SETTINGS_WHY_BYTES])
{
    struct settings_file *f = calloc(1, sizeof *f);
    if (!f) return PV_NO_MEMORY;
    f->path = path;
    f->table = table;
    void *data = NULL;
    pv_status s = schema_make(f) ? yaml_file_load(&data, path, &f->schema, why, SETTINGS_WHY_BYTES) : PV_NO_MEMORY;
    f->data = data;
    if (s == PV_OK)
        *file = f;
    else
        settings_file_destroy(&f);
    return s;
}

void settings_file_destroy(struct settings_file **file)
{
    struct settings_file *f = *file;
    if (!f) return;
    yaml_file_free(f->data, &f->schema);
    free(f->fields);
    free(f->item_fields);
    free(f);
    *file = NULL;
}

static const char *file_value(const struct settings_file *f, size_t i)
{
    return f && f->data ? f->data->values[i] : NULL;
}

static pv_status file_refuse(const struct settings_file *f, const struct setting *s, const char *text,
                             const char *reason, char *why)
{
    char place[32] = "";
    unsigned long line = yaml_file_line(f->path, 1, s->name, text);
    if (line) snprintf(place, sizeof place, " (line: %lu)", line);
    return settings_refuse(why, "%.150s: %s: %.250s%s", f->path, s->name, reason, place);
}

static pv_status file_setting(const struct settings_file *f, const struct setting *s, void *base, const char *text,
                              char *why)
{
    char reason[SETTINGS_WHY_BYTES];
    return setting_read(s, base, text, reason) ? PV_OK : file_refuse(f, s, text, reason, why);
}

size_t settings_file_items(const struct settings_file *file)
{
    return file && file->data ? file->data->items_n : 0;
}

pv_status settings_file_item(const struct settings_file *file, size_t k, void *base, char why[SETTINGS_WHY_BYTES])
{
    const struct settings_table *t = file->table;
    char *const *values = file->data->items + k * t->item_n;
    for (size_t i = 0; i < t->item_n; i++)
        if (values[i]) TRY(file_setting(file, &t->item_rows[i], base, values[i], why));
    return PV_OK;
}

/* --- all sources --- */

static const char *value_of(const struct settings_table *t, const char *variable)
{
    const char *value = getenv(variable);
    return value && (*value || t->empty_variables) ? value : NULL;
}

/* The program's own variable, else the one that all read; name tells which it was. */
static const char *variable_value(const struct settings_table *t, const struct setting *s,
                                  char name[SETTING_NAME_BYTES])
{
    const char *own = t->program ? value_of(t, setting_variable(name, t->program, s->name)) : NULL;
    return own ? own : value_of(t, setting_variable(name, NULL, s->name));
}

static pv_status gather_one(const struct settings_table *t, size_t i, const struct settings_target *to,
                            const char *flag, const struct settings_file *file, char *why)
{
    const struct setting *s = &t->rows[i];
    char variable[SETTING_NAME_BYTES];
    const char *texts[SETTING_ORIGINS] = { s->fallback, file_value(file, i), variable_value(t, s, variable), flag };
    size_t from = SETTING_FLAG;
    while (from > SETTING_DEFAULT && !texts[from]) from--;
    to->origin[i] = (enum setting_origin)from;
    if (to->text) to->text[i] = texts[from];
    switch (from) {
    case SETTING_FLAG: return setting_of_flag(s, to->base, flag, why);
    case SETTING_ENVIRONMENT: return setting_of_variable(s, to->base, variable, texts[from], why);
    case SETTING_FILE: return file_setting(file, s, to->base, texts[from], why);
    default: settings_default(s, 1, to->base); return PV_OK;
    }
}

pv_status settings_gather(const struct settings_table *table, const struct settings_target *to,
                          const char *const *flags, const struct settings_file *file, char why[SETTINGS_WHY_BYTES])
{
    for (size_t i = 0; i < table->n; i++) TRY(gather_one(table, i, to, flags[i], file, why));
    return PV_OK;
}

static bool is_identity(const struct settings_table *t, const char *name)
{
    for (const char *const *n = t->identity; n && *n; n++)
        if (!strcmp(*n, name)) return true;
    return false;
}

void settings_shared(const struct settings_table *table, const enum setting_origin *origin,
                     void (*told)(const char *variable, const char *own))
{
    char used[SETTING_NAME_BYTES], own[SETTING_NAME_BYTES];
    for (size_t i = 0; i < table->n; i++) {
        const struct setting *s = &table->rows[i];
        if (origin[i] != SETTING_ENVIRONMENT || !is_identity(table, s->name)) continue;
        const char *value = variable_value(table, s, used);
        if (value && *value && strcmp(used, setting_variable(own, table->program, s->name))) told(used, own);
    }
}
