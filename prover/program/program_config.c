#include "program_config.h"

#include "settings.h"
#include "words_placed.h"
#include "values.h"
#include "yaml_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct setting rows[] = {
#define ROW(n, KIND, fallback_, low_, high_, words_, meaning_)                                                         \
    { .name = #n,                                                                                                      \
      .kind = SETTING_##KIND,                                                                                          \
      .fallback = fallback_,                                                                                           \
      .low = low_,                                                                                                     \
      .high = high_,                                                                                                   \
      .words = words_,                                                                                                 \
      .meaning = meaning_,                                                                                             \
      .offset = offsetof(struct program, n) },
    PROGRAM_SETTING_LIST(ROW)
#undef ROW
};

static const char *const texts_names[] = {
#define NAME(n, meaning) #n,
    PROGRAM_TEXTS_LIST(NAME)
#undef NAME
};

static const size_t texts_offsets[] = {
#define OFFSET(n, meaning) offsetof(struct program, n),
    PROGRAM_TEXTS_LIST(OFFSET)
#undef OFFSET
};

enum { ROWS = sizeof rows / sizeof *rows, TEXTS = sizeof texts_names / sizeof *texts_names, ITEMS_MOST = 256 };

/* The file as libcyaml fills it, and what it needs to free it again. */
struct data {
    char *values[ROWS];
    char **items[TEXTS];
    unsigned items_n[TEXTS];
};

struct file {
    struct data *data;
    cyaml_schema_field_t fields[ROWS + TEXTS + 1];
    cyaml_schema_value_t schema;
    char **lists[TEXTS]; /* the items with a NULL behind them; the texts are data's */
};

static const cyaml_schema_value_t text_schema = { CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, CYAML_UNLIMITED) };

static void schema_make(struct file *f)
{
    for (size_t i = 0; i < ROWS; i++)
        f->fields[i] = (cyaml_schema_field_t){
            .key = rows[i].name,
            .data_offset = (uint32_t)(offsetof(struct data, values) + i * sizeof(char *)),
            .value = { CYAML_VALUE_STRING(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, char *, 0, CYAML_UNLIMITED) }
        };
    for (size_t i = 0; i < TEXTS; i++) {
        f->fields[ROWS + i] =
            (cyaml_schema_field_t){ .key = texts_names[i],
                                    .data_offset = (uint32_t)(offsetof(struct data, items) + i * sizeof(char **)),
                                    .count_offset = (uint32_t)(offsetof(struct data, items_n) + i * sizeof(unsigned)),
                                    .count_size = sizeof(unsigned),
                                    .value = { CYAML_VALUE_SEQUENCE(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, char *,
                                                                    &text_schema, 1, ITEMS_MOST) } };
    }
    f->schema = (cyaml_schema_value_t){ CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct data, f->fields) };
}

void program_config_clear(struct program *p)
{
    struct file *f = p->owned;
    if (f) {
        yaml_file_free(f->data, &f->schema);
        for (size_t i = 0; i < TEXTS; i++) free(f->lists[i]);
    }
    free(f);
    free(p->path);
    free(p->executable);
    free(p->verifier);
    free(p->versioner);
    *p = (struct program){ 0 };
}

pv_status program_config_refuse(const struct program *p, const char *key, char why[PROGRAM_WHY_BYTES],
                                const char *format, ...)
{
    char sentence[PROGRAM_WHY_BYTES], place[32] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    unsigned long line = yaml_file_line(p->path, 1, key, "");
    if (line) snprintf(place, sizeof place, " (line: %lu)", line);
    snprintf(why, PROGRAM_WHY_BYTES, "%.150s: %s: %.280s%s", p->path, key, sentence, place);
    return PV_BAD_CONFIG;
}

static pv_status values_take(struct program *p, const struct file *f, char *why)
{
    char reason[SETTINGS_WHY_BYTES];
    settings_default(rows, ROWS, p);
    for (size_t i = 0; f->data && i < ROWS; i++)
        if (f->data->values[i] && !setting_read(&rows[i], p, f->data->values[i], reason))
            return program_config_refuse(p, rows[i].name, why, "%.280s", reason);
    return PV_OK;
}

static pv_status lists_take(struct program *p, struct file *f)
{
    for (size_t i = 0; f->data && i < TEXTS; i++) {
        unsigned n = f->data->items_n[i];
        if (!f->data->items[i]) continue;
        f->lists[i] = calloc(n + 1, sizeof(char *));
        if (!f->lists[i]) return PV_NO_MEMORY;
        memcpy(f->lists[i], f->data->items[i], n * sizeof(char *));
        memcpy((char *)p + texts_offsets[i], &f->lists[i], sizeof f->lists[i]);
    }
    return PV_OK;
}

static pv_status verdicts_take(struct program *p, const char *key, char **texts, enum handler_verdict v, char *why)
{
    uint64_t n;
    if (texts && !strcmp(texts[0], "none") && !texts[1]) return PV_OK;
    for (; texts && *texts; texts++) {
        if (!value_number(&n, *texts) || n < 1 || n > 255)
            return program_config_refuse(p, key, why, "not an exit status: \"%.40s\" (1 to 255, or [none])", *texts);
        p->verdicts[n] = v;
    }
    return PV_OK;
}

/* 8 and 10 are what the programs of this house say; 65 is EX_DATAERR of sysexits.h. */
static pv_status statuses_take(struct program *p, char *why)
{
    for (size_t i = 0; i < 256; i++) p->verdicts[i] = HANDLER_RETRYABLE;
    if (!p->permanent) p->verdicts[8] = p->verdicts[65] = HANDLER_PERMANENT;
    if (!p->resource) p->verdicts[10] = HANDLER_RESOURCE;
    TRY(verdicts_take(p, "permanent", p->permanent, HANDLER_PERMANENT, why));
    return verdicts_take(p, "resource", p->resource, HANDLER_RESOURCE, why);
}

/* --- what the mode has a use for --- */

static bool is_set(const struct file *f, const char *key)
{
    for (size_t i = 0; i < ROWS; i++)
        if (!strcmp(rows[i].name, key)) return f->data && f->data->values[i];
    for (size_t i = 0; i < TEXTS; i++)
        if (!strcmp(texts_names[i], key)) return f->lists[i];
    return false;
}

/* Refuses the first of a list of keys that ends with NULL, if it is there. */
static pv_status none_set(const struct program *p, const struct file *f, const char *const *keys, const char *because,
                          char *why)
{
    for (; *keys; keys++)
        if (is_set(f, *keys)) return program_config_refuse(p, *keys, why, "%s", because);
    return PV_OK;
}

/* A shared object is loaded by a program of the house, which is told its path. */
static pv_status library_take(struct program *p, struct file *f, char *why)
{
    static char host[] = "provost-host";
    if (!*p->library || *p->library != '/')
        return program_config_refuse(
            p, "library", why, *p->library ? "\"%.80s\" is not a whole path" : "mode: library needs one", p->library);
    char **argv = calloc(3, sizeof *argv);
    if (!argv) return PV_NO_MEMORY;
    argv[0] = host;
    argv[1] = (char *)p->library;
    f->lists[0] = p->command = argv; /* command is the first of the list */
    return PV_OK;
}

static pv_status mode_settle(struct program *p, struct file *f, char *why)
{
    static const char *const staying[] = { "options", "instances", "ready_limit", "ping", "quarantine", NULL };
    static const char *const passing[] = { "result", "progress", "permanent", "resource", NULL };
    static const char *const library[] = { "library", NULL }, *const command[] = { "command", NULL };
    if (p->mode != PROGRAM_LIBRARY) TRY(none_set(p, f, library, "only with mode: library", why));
    if (p->mode == PROGRAM_TASK)
        return none_set(p, f, staying, "only of a program that stays (mode: persistent, mode: library)", why);
    TRY(none_set(p, f, passing, "a program that stays says that in frames, and has no such setting", why));
    p->result = PROGRAM_RESULT_STDOUT;
    if (!is_set(f, "input")) p->input = PROGRAM_INPUT_STDIN;
    if (p->mode == PROGRAM_PERSISTENT) return PV_OK;
    TRY(none_set(p, f, command, "mode: library has a library in place of a command", why));
    return library_take(p, f, why);
}

/* --- what the commands say --- */

static pv_status command_check(const struct program *p, const char *key, char **argv, char *why)
{
    char unknown[32];
    if (!argv) return PV_OK;
    if (argv[0][0] != '/' && (p->mode != PROGRAM_LIBRARY || argv != p->command))
        return program_config_refuse(p, key, why,
                                     "\"%.80s\" is not the whole path of a program%s (a command is a list: "
                                     "[/path/of/program, argument, ...]; no shell reads it)",
                                     argv[0], strchr(argv[0], ' ') ? ", but looks like a line for a shell" : "");
    for (; *argv; argv++)
        if (placed_unknown(*argv, unknown, sizeof unknown))
            return program_config_refuse(p, key, why, "unknown place {%s} (known: " PLACED_WORDS ")", unknown);
    return PV_OK;
}

static pv_status place_wanted(const struct program *p, const char *place, bool wanted, const char *because, char *why)
{
    if (placed_has(p->command, place) == wanted) return PV_OK;
    return program_config_refuse(p, "command", why, "%s {%s}: %s", wanted ? "has no" : "has", place, because);
}

/* It is started before there is a task. */
static pv_status staying_places_check(const struct program *p, char *why)
{
    static const char *const none[] = { "input", "result", "proof", "public", "circuit", "task" };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        TRY(place_wanted(p, none[i], false, "a program that stays is started before there is a task", why));
    return PV_OK;
}

static pv_status places_check(const struct program *p, char *why)
{
    if (p->mode != PROGRAM_TASK) return staying_places_check(p, why);
    bool groth16 = p->result == PROGRAM_RESULT_GROTH16;
    if (p->input == PROGRAM_INPUT_FILE) TRY(place_wanted(p, "input", true, "the input comes as a file", why));
    TRY(place_wanted(p, "result", p->result == PROGRAM_RESULT_FILE, "see result", why));
    TRY(place_wanted(p, "proof", groth16, "see result", why));
    return place_wanted(p, "public", groth16, "see result", why);
}

static pv_status environment_check(const struct program *p, char *why)
{
    for (char **e = p->environment; e && *e; e++)
        if (!**e || **e == '=')
            return program_config_refuse(p, "environment", why, "not NAME or NAME=value: \"%.60s\"", *e);
    return PV_OK;
}

static pv_status all_check(struct program *p, char *why)
{
    if (!p->command) {
        snprintf(why, PROGRAM_WHY_BYTES, "%.150s: missing command: [/path/of/program, argument, ...]", p->path);
        return PV_BAD_CONFIG;
    }
    TRY(command_check(p, "command", p->command, why));
    TRY(command_check(p, "verify", p->verify, why));
    TRY(command_check(p, "version", p->version, why));
    TRY(places_check(p, why));
    TRY(environment_check(p, why));
    if (*p->version_has && !p->version)
        return program_config_refuse(p, "version_has", why, "there is no version command to ask");
    if (!p->file_size) p->file_size = 4 * p->result_max;
    return statuses_take(p, why);
}

/* libcyaml says what is wrong; that no shell reads it, we add. */
static void list_hint(char *why)
{
    char *empty = strstr(why, "Insufficient entries"), *line = empty ? strstr(empty, "(line: ") : NULL;
    size_t n = strlen(why);
    if (line) {
        unsigned long at = strtoul(line + 7, NULL, 10);
        snprintf(empty, PROGRAM_WHY_BYTES - (size_t)(empty - why), "an empty list (line: %lu)", at);
    }
    if (!strstr(why, "expected a list")) return;
    snprintf(why + n, PROGRAM_WHY_BYTES - n,
             "; a command is a list: [/path/of/program, argument, ...]; no shell reads it");
}

pv_status program_config_read(struct program *p, const char *name, const char *path, char why[PROGRAM_WHY_BYTES])
{
    void *data = NULL;
    *p = (struct program){ .uid = UINT32_MAX, .gid = UINT32_MAX };
    snprintf(p->name, sizeof p->name, "%s", name);
    struct file *f = calloc(1, sizeof *f);
    p->owned = f;
    p->path = strdup(path);
    *why = 0;
    if (!f || !p->path) return PV_NO_MEMORY;
    schema_make(f);
    pv_status s = yaml_file_load(&data, path, &f->schema, why, PROGRAM_WHY_BYTES);
    f->data = data;
    if (s != PV_OK) list_hint(why);
    TRY(s);
    TRY(values_take(p, f, why));
    TRY(lists_take(p, f));
    TRY(mode_settle(p, f, why));
    return all_check(p, why);
}
