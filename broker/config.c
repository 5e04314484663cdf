#include "config.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "endpoint.h"
#include "ids.h"
#include "quote.h"

static const char usual_file[] = "/etc/provost/broker.yaml";

enum config_kind { KIND_TEXT, KIND_NUMBER, KIND_SIZE, KIND_SWITCH };

struct setting {
    struct config_setting_info info;
    enum config_kind kind;
    size_t offset;
    uint64_t low, high;
    bool live; /* HUP is enough */
};

enum { LIVE = true, START = false };

#define ROW(n, KIND, WHEN, fallback, low, high, meaning)                                                               \
    { { #n, fallback, meaning, KIND_##KIND == KIND_SWITCH }, KIND_##KIND, offsetof(struct config, n), low, high, WHEN },
#define QUEUE_ROW(n, KIND, fallback, low, high, meaning)                                                               \
    { { #n, fallback, meaning, KIND_##KIND == KIND_SWITCH },                                                           \
      KIND_##KIND,                                                                                                     \
      offsetof(struct config_queue, n),                                                                                \
      low,                                                                                                             \
      high,                                                                                                            \
      LIVE },

static const struct setting settings[] = { CONFIG_LIST(ROW) };
static const struct setting queue_settings[] = { CONFIG_QUEUE_LIST(QUEUE_ROW) };

/* The file as libcyaml reads it: every scalar as text, so that one parser serves file, environment and flags. */
struct file_queue {
    char *values[CONFIG_QUEUE_SETTINGS];
};

struct file {
    char *values[CONFIG_SETTINGS];
    struct file_queue *queues;
    unsigned queues_count;
};

#define FILE_FIELD(n, KIND, WHEN, fallback, low, high, meaning)                                                        \
    CYAML_FIELD_STRING_PTR(#n, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file, values[CONFIG_##n], 0,           \
                           CYAML_UNLIMITED),
#define FILE_QUEUE_FIELD(n, KIND, fallback, low, high, meaning)                                                        \
    CYAML_FIELD_STRING_PTR(#n, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file_queue, values[CONFIG_QUEUE_##n],  \
                           0, CYAML_UNLIMITED),

static const cyaml_schema_field_t file_queue_fields[] = { CONFIG_QUEUE_LIST(FILE_QUEUE_FIELD) CYAML_FIELD_END };
static const cyaml_schema_value_t file_queue_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_queue, file_queue_fields),
};
static const cyaml_schema_field_t file_fields[] = { CONFIG_LIST(FILE_FIELD) CYAML_FIELD_SEQUENCE(
                                                        "queues", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file,
                                                        queues, &file_queue_schema, 0, CONFIG_QUEUES_MAX),
                                                    CYAML_FIELD_END };
static const cyaml_schema_value_t file_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, file_fields),
};

/* What a struct config owns: the file's texts and the copies of --queue arguments that were cut up. */
struct owned {
    struct file *file;
    char *copies[4 * CONFIG_QUEUES_MAX]; /* a flag's; or name, sync and late_result of a queue that was kept */
    size_t copies_n;
    cyaml_config_t cyaml;
};

const struct config_setting_info *config_setting_info(enum config_setting i)
{
    return &settings[i].info;
}

static pv_status refuse(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));
static pv_status refuse(char *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, CONFIG_WHY_BYTES, format, args);
    va_end(args);
    return PV_BAD_CONFIG;
}

static bool number_of(uint64_t *to, const char *text, bool size)
{
    char *end;
    unsigned shift = 0;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || end == text || *text < '0' || *text > '9') return false;
    if (size && *end) {
        static const char letters[] = "KMG";
        const char *letter = strchr(letters, *end);
        if (!letter) return false;
        shift = 10 * (unsigned)(letter - letters + 1);
        end++;
    }
    if (*end || n > UINT64_MAX >> shift) return false;
    *to = n << shift;
    return true;
}

static bool switch_of(bool *to, const char *text)
{
    static const char *const yes[] = { "yes", "true", "on", "1" }, *const no[] = { "no", "false", "off", "0" };
    for (size_t i = 0; i < 4; i++) {
        if (strcmp(text, yes[i]) && strcmp(text, no[i])) continue;
        *to = !strcmp(text, yes[i]);
        return true;
    }
    return false;
}

static pv_status setting_set(const struct setting *s, void *base, const char *text, const char *from, char *why)
{
    void *at = (char *)base + s->offset;
    uint64_t n;
    switch (s->kind) {
    case KIND_TEXT: *(const char **)at = text; return PV_OK;
    case KIND_SWITCH:
        if (switch_of(at, text)) return PV_OK;
        return refuse(why, "%s: %s is yes or no, not \"%.64s\"", from, s->info.name, text);
    default:
        if (!number_of(&n, text, s->kind == KIND_SIZE))
            return refuse(why, "%s: %s is a number%s, not \"%.64s\"", from, s->info.name,
                          s->kind == KIND_SIZE ? " of bytes (K, M, G)" : "", text);
        if (n < s->low || n > s->high)
            return refuse(why, "%s: %s is %llu, not within %llu and %llu", from, s->info.name, (unsigned long long)n,
                          (unsigned long long)s->low, (unsigned long long)s->high);
        *(uint64_t *)at = n;
        return PV_OK;
    }
}

/* --- the file --- */

/* libcyaml says what is wrong first and then, innermost first, where: "in mapping (line: 3, column: 1)". The first lines
 * of both make our sentence. For a key it does not know the place is that of the key before: file_key_line mends it. */
static void file_complaint(cyaml_log_t level, void *context, const char *format, va_list args)
{
    char *why = context, line[256];
    size_t used = strlen(why);
    vsnprintf(line, sizeof line, format, args);
    line[strcspn(line, "\n")] = 0;
    if (!strncmp(line, "Load: ", 6)) memmove(line, line + 6, strlen(line + 6) + 1);
    if (strstr(line, "Backtrace") || strstr(why, "line:")) return;
    snprintf(why + used, CONFIG_WHY_BYTES - used, "%s%s", used && why[used - 1] != ' ' ? ", " : "", line);
}

/* The line of the unknown key, at or behind the place that was named. */
static void file_key_line(const char *path, char *why)
{
    static const char said[] = "Unexpected key: ", place[] = "(line: ";
    char key[64], line[1024], *at = strstr(why, said), *where = strstr(why, place);
    FILE *f = at && where ? fopen(path, "r") : NULL;
    if (!f) return;
    snprintf(key, sizeof key, "%.*s", (int)strcspn(at + sizeof said - 1, ","), at + sizeof said - 1);
    unsigned long from = strtoul(where + sizeof place - 1, NULL, 10);
    for (unsigned long n = 1; fgets(line, sizeof line, f); n++) {
        const char *text = line + strspn(line, " \t-\"'");
        if (n < from || strncmp(text, key, strlen(key)) || !strchr(" \t:\"'", text[strlen(key)])) continue;
        snprintf(at, CONFIG_WHY_BYTES - (size_t)(at - why), "unknown key \"%s\" (line: %lu)", key, n);
        break;
    }
    fclose(f);
}

static pv_status file_read(struct config *c, struct owned *o, const char *path, char *why)
{
    o->cyaml = (cyaml_config_t){
        .log_fn = file_complaint,
        .log_ctx = why,
        .log_level = CYAML_LOG_ERROR,
        .mem_fn = cyaml_mem,
        .flags = CYAML_CFG_DEFAULT,
    };
    snprintf(why, CONFIG_WHY_BYTES, "%.200s: ", path);
    if (access(path, R_OK)) {
        snprintf(why, CONFIG_WHY_BYTES, "%.200s: %s", path, strerror(errno));
        return PV_IO;
    }
    cyaml_err_t e = cyaml_load_file(path, &o->cyaml, &file_schema, (cyaml_data_t **)&o->file, NULL);
    if (e != CYAML_OK) {
        if (!strstr(why, "line:"))
            snprintf(why + strlen(why), CONFIG_WHY_BYTES - strlen(why), " (%s)", cyaml_strerror(e));
        file_key_line(path, why);
        return PV_BAD_CONFIG;
    }
    c->file = path;
    why[0] = 0;
    return PV_OK;
}

/* --- queues --- */

static pv_status queue_new(struct config *c, struct config_queue **q, enum config_origin origin, char *why)
{
    if (c->queues_n == CONFIG_QUEUES_MAX) return refuse(why, "more than %d queues", CONFIG_QUEUES_MAX);
    *q = &c->queues[c->queues_n];
    **q = (struct config_queue){ .origin = origin };
    for (size_t i = 0; i < CONFIG_QUEUE_SETTINGS; i++)
        TRY(setting_set(&queue_settings[i], *q, queue_settings[i].info.fallback, "default", why));
    c->queues_n++;
    return PV_OK;
}

static pv_status queues_of_file(struct config *c, const struct file *f, char *why)
{
    for (unsigned k = 0; k < f->queues_count; k++) {
        struct config_queue *q = NULL;
        TRY(queue_new(c, &q, CONFIG_FILE, why));
        for (size_t i = 0; i < CONFIG_QUEUE_SETTINGS; i++)
            if (f->queues[k].values[i]) TRY(setting_set(&queue_settings[i], q, f->queues[k].values[i], c->file, why));
    }
    return PV_OK;
}

static pv_status queue_option(struct config_queue *q, char *pair, char *why)
{
    char *value = strchr(pair, '=');
    if (!value) return refuse(why, "--queue: \"%.64s\" is not key=value", pair);
    *value++ = 0;
    for (size_t i = 1; i < CONFIG_QUEUE_SETTINGS; i++)
        if (!strcmp(pair, queue_settings[i].info.name))
            return setting_set(&queue_settings[i], q, value, "--queue", why);
    return refuse(why, "--queue: a queue has no setting \"%.64s\"", pair);
}

/* NAME,key=value,...  A queue the file has too is changed, not doubled. */
static pv_status queue_of_flag(struct config *c, struct owned *o, const char *text, char *why)
{
    char *copy = strdup(text), *rest = NULL;
    struct config_queue *q = NULL;
    if (!copy) return PV_NO_MEMORY;
    o->copies[o->copies_n++] = copy;
    char *name = strtok_r(copy, ",", &rest);
    if (!name) return refuse(why, "--queue wants a name");
    for (size_t i = 0; i < c->queues_n; i++)
        if (!strcmp(c->queues[i].name, name)) q = &c->queues[i];
    if (!q) TRY(queue_new(c, &q, CONFIG_FLAG, why));
    q->name = name;
    for (char *pair; (pair = strtok_r(NULL, ",", &rest));) TRY(queue_option(q, pair, why));
    return PV_OK;
}

static bool one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (!strcmp(word, *words)) return true;
    return false;
}

static pv_status queue_check(const struct config *c, size_t k, char *why)
{
    static const char *const syncs[] = { "always", "group", "off", NULL }, *const late[] = { "accept", "refuse", NULL };
    const struct config_queue *q = &c->queues[k];
    if (!wire_name_valid(q->name, strlen(q->name)))
        return refuse(why, "queue \"%.80s\": a name is 1 to 64 of A-Z a-z 0-9 . _ -", q->name);
    if (!one_of(q->sync, syncs))
        return refuse(why, "queue %s: sync is always, group or off, not \"%.64s\"", q->name, q->sync);
    if (!one_of(q->late_result, late))
        return refuse(why, "queue %s: late_result is accept or refuse, not \"%.64s\"", q->name, q->late_result);
    for (size_t i = 0; i < k; i++)
        if (!strcmp(c->queues[i].name, q->name)) return refuse(why, "queue %s is there twice", q->name);
    return PV_OK;
}

/* --- all of it --- */

static const char *environment(const struct setting *s)
{
    char name[64] = "PROVOST_";
    size_t used = strlen(name);
    for (const char *p = s->info.name; *p && used + 1 < sizeof name; p++)
        name[used++] = (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
    name[used] = 0;
    return getenv(name);
}

static pv_status settings_gather(struct config *c, const struct file *f, const struct config_args *args, char *why)
{
    static const char *const words[] = { "default", "file", "environment", "flag" };
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        const struct setting *s = &settings[i];
        const char *texts[] = { s->info.fallback, f ? f->values[i] : NULL, environment(s), args->values[i] };
        for (int k = CONFIG_FLAG; k >= CONFIG_DEFAULT; k--) {
            if (!texts[k]) continue;
            TRY(setting_set(s, c, texts[k], k == CONFIG_FILE ? c->file : words[k], why));
            c->origin[i] = (enum config_origin)k;
            break;
        }
    }
    return PV_OK;
}

static pv_status check(const struct config *c, char *why)
{
    static const char *const logs[] = { "text", "json", NULL }, *const levels[] = { "error", "warn", "info", "debug",
                                                                                    NULL };
    if (c->lease_ms < 4 * c->heartbeat_ms)
        return refuse(why, "lease_ms (%llu) is less than 4 times heartbeat_ms (%llu)", (unsigned long long)c->lease_ms,
                      (unsigned long long)c->heartbeat_ms);
    if (c->payload_max > c->uploads_max)
        return refuse(why, "uploads_max (%llu) is less than payload_max (%llu)", (unsigned long long)c->uploads_max,
                      (unsigned long long)c->payload_max);
    if (!c->bind[0]) return refuse(why, "bind: at least one endpoint");
    if (c->insecure && c->key[0]) return refuse(why, "insecure and key exclude one another");
    if (c->insecure && !endpoints_are_local(c->bind))
        return refuse(why, "bind: %.200s is not loopback only, and insecure is for loopback", c->bind);
    if (!c->insecure && (!c->key[0] || !c->authorized_keys[0]))
        return refuse(why, "key and authorized_keys are needed; on loopback --insecure does without");
    if (!one_of(c->log, logs)) return refuse(why, "log is text or json, not \"%.64s\"", c->log);
    if (!one_of(c->log_level, levels))
        return refuse(why, "log_level is error, warn, info or debug, not \"%.64s\"", c->log_level);
    for (size_t k = 0; k < c->queues_n; k++) TRY(queue_check(c, k, why));
    return PV_OK;
}

static pv_status gather(struct config *c, struct owned *o, const struct config_args *args, char *why)
{
    if (args->file)
        TRY(file_read(c, o, args->file, why));
    else if (!access(usual_file, F_OK))
        TRY(file_read(c, o, usual_file, why));
    TRY(settings_gather(c, o->file, args, why));
    if (o->file) TRY(queues_of_file(c, o->file, why));
    for (size_t i = 0; i < args->queues_n; i++) TRY(queue_of_flag(c, o, args->queues[i], why));
    return check(c, why);
}

pv_status config_read(struct config *c, const struct config_args *args, char why[CONFIG_WHY_BYTES])
{
    struct owned *o = calloc(1, sizeof *o);
    *c = (struct config){ .owned = o };
    why[0] = 0;
    if (!o) return PV_NO_MEMORY;
    pv_status st = gather(c, o, args, why);
    if (st != PV_OK) config_clear(c);
    return st;
}

void config_clear(struct config *c)
{
    struct owned *o = c->owned;
    if (!o) return;
    if (o->file) cyaml_free(&o->cyaml, &file_schema, o->file, 0);
    for (size_t i = 0; i < o->copies_n; i++) free(o->copies[i]);
    free(o);
    c->owned = NULL;
}

/* --- again, while it runs --- */

static bool setting_same(const struct setting *s, const struct config *a, const struct config *b)
{
    const char *x = (const char *)a + s->offset, *y = (const char *)b + s->offset;
    switch (s->kind) {
    case KIND_TEXT: return !strcmp(*(const char *const *)x, *(const char *const *)y);
    case KIND_SWITCH: return *(const bool *)x == *(const bool *)y;
    default: return *(const uint64_t *)x == *(const uint64_t *)y;
    }
}

static void setting_copy(const struct setting *s, struct config *to, const struct config *from)
{
    static const size_t bytes[] = { [KIND_TEXT] = sizeof(char *),
                                    [KIND_NUMBER] = sizeof(uint64_t),
                                    [KIND_SIZE] = sizeof(uint64_t),
                                    [KIND_SWITCH] = sizeof(bool) };
    memcpy((char *)to + s->offset, (const char *)from + s->offset, bytes[s->kind]);
}

static const char *kept_text(struct owned *o, const char *text)
{
    char *copy = o->copies_n < sizeof o->copies / sizeof *o->copies ? strdup(text) : NULL;
    if (copy) o->copies[o->copies_n++] = copy;
    return copy;
}

static pv_status queue_keep(struct config *c, const struct config_queue *q)
{
    struct config_queue *to = &c->queues[c->queues_n];
    if (c->queues_n == CONFIG_QUEUES_MAX) return PV_BAD_CONFIG;
    *to = *q;
    to->name = kept_text(c->owned, q->name);
    to->sync = kept_text(c->owned, q->sync);
    to->late_result = kept_text(c->owned, q->late_result);
    if (!to->name || !to->sync || !to->late_result) return PV_NO_MEMORY;
    c->queues_n++;
    return PV_OK;
}

static bool has_queue(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->queues_n; i++)
        if (!strcmp(c->queues[i].name, name)) return true;
    return false;
}

pv_status config_keep_running(struct config *c, const struct config *in_force, const struct config *started,
                              void (*told)(void *context, const char *what, const char *name), void *context)
{
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        const struct setting *s = &settings[i];
        if (s->live) continue;
        if (!setting_same(s, c, started)) told(context, "setting", s->info.name);
        setting_copy(s, c, started);
    }
    for (size_t i = 0; i < in_force->queues_n; i++) {
        if (has_queue(c, in_force->queues[i].name)) continue;
        told(context, "queue", in_force->queues[i].name);
        TRY(queue_keep(c, &in_force->queues[i]));
    }
    return PV_OK;
}

static void setting_print(const struct setting *s, const void *base, FILE *to)
{
    const void *at = (const char *)base + s->offset;
    if (s->kind == KIND_TEXT) {
        fprintf(to, "%s: ", s->info.name);
        pv_quote(to, *(const char *const *)at);
    } else if (s->kind == KIND_SWITCH)
        fprintf(to, "%s: %s", s->info.name, *(const bool *)at ? "yes" : "no");
    else
        fprintf(to, "%s: %llu", s->info.name, (unsigned long long)*(const uint64_t *)at);
}

void config_print(const struct config *c, FILE *to)
{
    static const char *const origins[] = { "default", "file", "environment", "flag" };
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        setting_print(&settings[i], c, to);
        fprintf(to, "  # %s\n", origins[c->origin[i]]);
    }
    if (c->queues_n) fprintf(to, "queues:\n");
    for (size_t k = 0; k < c->queues_n; k++)
        for (size_t i = 0; i < CONFIG_QUEUE_SETTINGS; i++) {
            fputs(i ? "    " : "  - ", to);
            setting_print(&queue_settings[i], &c->queues[k], to);
            fprintf(to, i ? "\n" : "  # %s\n", origins[c->queues[k].origin]);
        }
}
