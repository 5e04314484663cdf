#include "yaml_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct complaint {
    char *why;
    size_t bytes;
};

/* libcyaml says what is wrong first and then, innermost first, where: "in mapping (line: 3, column: 1)". The first lines
 * of both make our sentence. */
static void complain(cyaml_log_t level, void *context, const char *format, va_list args)
{
    struct complaint *c = context;
    char line[256];
    size_t used = strlen(c->why);
    (void)level;
    vsnprintf(line, sizeof line, format, args);
    line[strcspn(line, "\n")] = 0;
    const char *text = strncmp(line, "Load: ", 6) ? line : line + 6;
    if (strstr(text, "Backtrace") || strstr(c->why, "line:")) return;
    snprintf(c->why + used, c->bytes - used, "%s%s", used && c->why[used - 1] != ' ' ? ", " : "", text);
}

static cyaml_config_t config_of(struct complaint *c)
{
    return (cyaml_config_t){ .log_fn = c ? complain : NULL,
                             .log_ctx = c,
                             .log_level = CYAML_LOG_ERROR,
                             .mem_fn = cyaml_mem,
                             .flags = CYAML_CFG_DEFAULT };
}

unsigned long yaml_file_line(const char *path, unsigned long from, const char *key, const char *value)
{
    char line[1024];
    size_t key_bytes = strlen(key);
    unsigned long found = 0;
    FILE *f = fopen(path, "re");
    for (unsigned long n = 1; f && !found && fgets(line, sizeof line, f); n++) {
        const char *text = line + strspn(line, " \t-\"'");
        if (n < from || strncmp(text, key, key_bytes) || !text[key_bytes]) continue;
        if (strchr(" \t:\"'", text[key_bytes]) && strstr(text + key_bytes, value)) found = n;
    }
    if (f) fclose(f);
    return found;
}

/* libcyaml's and libyaml's words for what a value is, and a person's. */
static const char *plain_kind(const char *word)
{
    static const char *const kinds[][2] = { { "STRING", "text" },        { "SCALAR", "text" },
                                            { "SEQUENCE", "a list" },    { "SEQUENCE_START", "a list" },
                                            { "MAPPING", "key: value" }, { "MAPPING_START", "key: value" },
                                            { "ALIAS", "an alias" } };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(word, kinds[i][0], strlen(kinds[i][0])) == 0 && strchr(", (", word[strlen(kinds[i][0])]))
            return kinds[i][1];
    return "something else";
}

/* "bind", or "item 2" of a list, from "in mapping field 'bind'"; "" for the file as a whole. */
static void place_name(char to[64], const char *why)
{
    static const char field[] = "in mapping field '", entry[] = "in sequence entry '";
    const char *f = strstr(why, field), *e = strstr(why, entry);
    to[0] = 0;
    if (f) f += sizeof field - 1, snprintf(to, 64, "%.*s", (int)strcspn(f, "'"), f);
    if (e && !f) e += sizeof entry - 1, snprintf(to, 64, "item %.*s", (int)strcspn(e, "'"), e);
}

/* "Expecting STRING, got event: SEQUENCE_START, in mapping field 'bind' (line: 7, column: 2)" becomes
 * "bind: expected text, found a list (line: 7)". */
static void plain_words(struct complaint *c)
{
    static const char want[] = "Expecting ", got[] = "got event: ", seen[] = "Mapping field already seen: ";
    char name[64], line[32] = "";
    char *expecting = strstr(c->why, want), *found = strstr(c->why, got), *twice = strstr(c->why, seen);
    const char *where = strstr(c->why, "(line: ");
    char *at = expecting && found ? expecting : twice;
    if (!at) return;
    place_name(name, c->why);
    if (where) snprintf(line, sizeof line, " (line: %lu)", strtoul(where + 7, NULL, 10));
    const char *expected = expecting ? plain_kind(expecting + sizeof want - 1) : "";
    const char *there = found ? plain_kind(found + sizeof got - 1) : "";
    size_t room = c->bytes - (size_t)(at - c->why);
    if (at == twice)
        snprintf(at, room, "%s is there twice", name); /* the place is that of the first */
    else
        snprintf(at, room, "%s%sexpected %s, found %s%s", name, name[0] ? ": " : "", expected, there, line);
}

/* For a key that it does not know libcyaml names the place of the key before: the unknown one is at or behind that. */
static void key_line(const char *path, const struct complaint *c)
{
    static const char said[] = "Unexpected key: ", place[] = "(line: ";
    char key[64], *at = strstr(c->why, said), *where = strstr(c->why, place);
    if (!at || !where) return;
    snprintf(key, sizeof key, "%.*s", (int)strcspn(at + sizeof said - 1, ","), at + sizeof said - 1);
    unsigned long before = strtoul(where + sizeof place - 1, NULL, 10), line = yaml_file_line(path, before, key, "");
    snprintf(at, c->bytes - (size_t)(at - c->why), "unknown key \"%s\" (line: %lu)", key, line ? line : before);
}

pv_status yaml_file_load(void **data, const char *path, const cyaml_schema_value_t *schema, char *why, size_t why_bytes)
{
    struct complaint c = { why, why_bytes };
    cyaml_config_t config = config_of(&c);
    if (access(path, R_OK)) {
        snprintf(why, why_bytes, "%.200s: %s", path, strerror(errno));
        return PV_IO;
    }
    snprintf(why, why_bytes, "%.200s: ", path);
    cyaml_err_t e = cyaml_load_file(path, &config, schema, data, NULL);
    if (e == CYAML_OK) {
        *why = 0;
        return PV_OK;
    }
    size_t used = strlen(why);
    if (!strstr(why, "line:")) snprintf(why + used, why_bytes - used, " (%s)", cyaml_strerror(e));
    key_line(path, &c);
    plain_words(&c);
    return PV_BAD_CONFIG;
}

void yaml_file_free(void *data, const cyaml_schema_value_t *schema)
{
    cyaml_config_t config = config_of(NULL);
    if (data) cyaml_free(&config, schema, data, 0);
}
