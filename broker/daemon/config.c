#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "endpoint.h"
#include "ids.h"
#include "log.h"
#include "s3_place.h"
#include "settings_file.h"

static const char usual_file[] = "/etc/provost/broker.yaml";

enum { LIVE = true, START = false };

#define RANGE(low_, high_) .low = low_, .high = high_
#define LIMITS_TEXT(low, high) RANGE(low, high)
#define LIMITS_NUMBER(low, high) RANGE(low, high)
#define LIMITS_SIZE(low, high) RANGE(low, high)
#define LIMITS_SWITCH(low, high) RANGE(low, high)
#define LIMITS_WORD(low, high) .words = low
#define ARG_TEXT "VALUE"
#define ARG_NUMBER "VALUE"
#define ARG_SIZE "VALUE"
#define ARG_WORD "VALUE"
#define ARG_SWITCH NULL

#define ROW_OF(S, n, KIND, WHEN, fallback_, low, high, meaning_)                                                       \
    { .name = #n,                                                                                                      \
      .kind = SETTING_##KIND,                                                                                          \
      .fallback = fallback_,                                                                                           \
      .live = WHEN,                                                                                                    \
      .arg = ARG_##KIND,                                                                                               \
      .meaning = meaning_,                                                                                             \
      .offset = offsetof(S, n),                                                                                        \
      LIMITS_##KIND(low, high) },
#define ROW(n, KIND, WHEN, fallback, low, high, meaning)                                                               \
    ROW_OF(struct config, n, KIND, WHEN, fallback, low, high, meaning)
#define QUEUE_ROW(n, KIND, fallback, low, high, meaning)                                                               \
    ROW_OF(struct config_queue, n, KIND, LIVE, fallback, low, high, meaning)

static const struct setting settings[] = { CONFIG_LIST(ROW) };
static const struct setting queue_settings[] = { CONFIG_QUEUE_LIST(QUEUE_ROW) };

enum { QUEUE_SETTINGS = sizeof queue_settings / sizeof *queue_settings };

static const struct settings_table table = {
    .rows = settings,
    .n = CONFIG_SETTINGS,
    .list = "queues",
    .item_rows = queue_settings,
    .item_n = QUEUE_SETTINGS,
    .items_most = CONFIG_QUEUES_MAX,
    .program = "broker",
    .identity = (const char *const[]){ "key", "state", NULL },
    .empty_variables = true,
};

/* What a struct config owns: the file's texts, and copies of texts that others own or that were cut up. */
struct owned {
    struct settings_file *file;
    char *copies[4 * CONFIG_QUEUES_MAX]; /* of a --queue flag; or name, sync and late_result of a queue that was kept */
    size_t copies_n;
};

const struct setting *config_setting(enum config_setting i)
{
    return &settings[i];
}

/* --- queues --- */

static pv_status queue_new(struct config *c, struct config_queue **q, enum setting_origin origin, char *why)
{
    if (c->queues_n == CONFIG_QUEUES_MAX) return settings_refuse(why, "more than %d queues", CONFIG_QUEUES_MAX);
    *q = &c->queues[c->queues_n++];
    **q = (struct config_queue){ .origin = origin };
    settings_default(queue_settings, QUEUE_SETTINGS, *q);
    return PV_OK;
}

static pv_status queues_of_file(struct config *c, const struct settings_file *f, char *why)
{
    for (size_t k = 0; k < settings_file_items(f); k++) {
        struct config_queue *q = NULL;
        TRY(queue_new(c, &q, SETTING_FILE, why));
        TRY(settings_file_item(f, k, q, why));
    }
    return PV_OK;
}

static pv_status queue_option(struct config_queue *q, char *pair, char *why)
{
    char *value = strchr(pair, '='), reason[SETTINGS_WHY_BYTES];
    if (!value) return settings_refuse(why, "--queue %s: \"%.64s\" is not key=value", q->name, pair);
    *value++ = 0;
    for (size_t i = 1; i < QUEUE_SETTINGS; i++) {
        if (strcmp(pair, queue_settings[i].name)) continue;
        if (setting_read(&queue_settings[i], q, value, reason)) return PV_OK;
        return settings_refuse(why, "--queue %.64s: %s: %.300s", q->name, pair, reason);
    }
    return settings_refuse(why, "--queue %.64s: a queue has no setting \"%.64s\"", q->name, pair);
}

/* NAME,key=value,...  A queue that the file has too is changed, not added again. */
static pv_status queue_of_flag(struct config *c, struct owned *o, const char *text, char *why)
{
    char *copy = strdup(text), *rest = NULL;
    struct config_queue *q = NULL;
    if (!copy) return PV_NO_MEMORY;
    o->copies[o->copies_n++] = copy;
    char *name = strtok_r(copy, ",", &rest);
    if (!name) return settings_refuse(why, "--queue needs a name");
    for (size_t i = 0; i < c->queues_n; i++)
        if (!strcmp(c->queues[i].name, name)) q = &c->queues[i];
    if (!q) TRY(queue_new(c, &q, SETTING_FLAG, why));
    q->name = name;
    for (char *pair; (pair = strtok_r(NULL, ",", &rest));) TRY(queue_option(q, pair, why));
    return PV_OK;
}

static pv_status queue_check(const struct config *c, size_t k, char *why)
{
    const char *name = c->queues[k].name;
    if (!wire_name_valid(name, strlen(name)))
        return settings_refuse(why, "queue \"%.80s\": a name is 1 to 64 of A-Z a-z 0-9 . _ -", name);
    for (size_t i = 0; i < k; i++)
        if (!strcmp(c->queues[i].name, name)) return settings_refuse(why, "queue %s is there twice", name);
    return PV_OK;
}

/* --- all of it --- */

static pv_status endpoints_check(const char *list, char *why)
{
    char one[256];
    for (const char *at = list; *at; at += at[0] == ',') {
        size_t n = strcspn(at, ",");
        snprintf(one, sizeof one, "%.*s", n < sizeof one ? (int)n : (int)sizeof one - 1, at);
        if (!endpoint_port_fits(one, true))
            return settings_refuse(
                why, "bind: no port in \"%.200s\": tcp://ADDRESS:PORT, with PORT from 1 to 65535 or *", one);
        at += n;
    }
    return PV_OK;
}

static bool begins(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

struct store_place config_store(const struct config *c)
{
    if (!c->store[0]) return (struct store_place){ .where = c->state };
    return (struct store_place){ .where = c->store,
                                 .folder = c->state,
                                 .payloads = c->payloads[0] ? c->payloads : NULL,
                                 .s3_endpoint = c->s3_endpoint,
                                 .s3_region = c->s3_region,
                                 .s3_key_file = c->s3_key_file,
                                 .s3_ca_file = c->s3_ca_file,
                                 .cache_bytes = c->payload_cache,
                                 .endpoint = c->advertise[0] ? c->advertise : NULL };
}

bool config_in_bucket(const struct config *c)
{
    return s3_place_named(c->payloads);
}

static pv_status bucket_place_check(const struct config *c, char *why)
{
    struct s3_place place;
    char sentence[S3_WHY_BYTES];
    const struct s3_settings s = { c->payloads, c->s3_endpoint, c->s3_region, c->s3_key_file, c->s3_ca_file };
    const char *lone = c->s3_endpoint[0]   ? "s3_endpoint"
                       : c->s3_region[0]   ? "s3_region"
                       : c->s3_key_file[0] ? "s3_key_file"
                       : c->s3_ca_file[0]  ? "s3_ca_file"
                                           : NULL;
    if (!config_in_bucket(c))
        return lone ? settings_refuse(why, "%s: means nothing without payloads in S3 (payloads: s3://BUCKET/PREFIX)",
                                      lone)
                    : PV_OK;
    if (!c->store[0])
        return settings_refuse(why,
                               "payloads: %.200s needs a store in PostgreSQL (store); with SQLite, large payloads "
                               "lie in the folder state",
                               c->payloads);
    pv_status st = s3_place_read(&place, &s, sentence);
    return st == PV_OK ? st : settings_refuse(why, "%s", sentence);
}

/* What is said to a database is libpq's; here only what cannot be one, and what means nothing without one. */
static pv_status store_place_check(const struct config *c, char *why)
{
    const char *lone = c->payloads[0] ? "payloads" : c->advertise[0] ? "advertise" : NULL, *at = c->advertise;
    bool url = begins(c->store, "postgresql://") || begins(c->store, "postgres://") || begins(c->store, "service=");
    if (c->store[0] && !url)
        return settings_refuse(why,
                               "store: neither postgresql://HOST/NAME nor service=NAME; a folder is named by state");
    TRY(bucket_place_check(c, why));
    if (!c->store[0] && lone)
        return settings_refuse(why, "%s: without store there is one broker, which keeps everything in state", lone);
    if (c->payloads[0] && c->payloads[0] != '/' && !config_in_bucket(c))
        return settings_refuse(why, "payloads: \"%.200s\" is neither an absolute path nor s3://BUCKET/PREFIX",
                               c->payloads);
    if (at[0] && (strchr(at, ',') || !(begins(at, "tcp://") || begins(at, "ipc://")) || !endpoint_port_fits(at, false)))
        return settings_refuse(why, "advertise: \"%.200s\" is not one endpoint, such as tcp://broker-a.example:7070",
                               at);
    if (begins(at, "tcp://*:") || begins(at, "tcp://0.0.0.0:") || begins(at, "tcp://[::]:"))
        return settings_refuse(why, "advertise: peers cannot dial \"%.200s\": name this machine", at);
    return PV_OK;
}

static pv_status check(const struct config *c, char *why)
{
    TRY(store_place_check(c, why));
    if (c->lease_ms < 4 * c->heartbeat_ms)
        return settings_refuse(why, "lease_ms (%llu) is less than 4 times heartbeat_ms (%llu)",
                               (unsigned long long)c->lease_ms, (unsigned long long)c->heartbeat_ms);
    if (c->payload_max > c->uploads_max)
        return settings_refuse(why, "uploads_max (%llu) is less than payload_max (%llu)",
                               (unsigned long long)c->uploads_max, (unsigned long long)c->payload_max);
    TRY(endpoints_check(c->bind, why));
    if (!c->bind[0]) return settings_refuse(why, "missing bind: at least one endpoint, such as tcp://127.0.0.1:7070");
    if (c->insecure && c->key[0]) return settings_refuse(why, "use either insecure or key, not both");
    if (c->insecure && !endpoints_are_local(c->bind))
        return settings_refuse(why, "bind: without keys (insecure) only loopback endpoints are allowed, not \"%.200s\"",
                               c->bind);
    if (!c->insecure && (!c->key[0] || !c->authorized_keys[0]))
        return settings_refuse(why, "missing key and authorized_keys (or, on loopback, --insecure)");
    for (size_t k = 0; k < c->queues_n; k++) TRY(queue_check(c, k, why));
    return PV_OK;
}

static pv_status gather(struct config *c, struct owned *o, const struct config_args *args, char *why)
{
    const struct settings_target to = { .base = c, .origin = c->origin };
    c->file = args->file ? args->file : access(usual_file, F_OK) ? NULL : usual_file;
    if (c->file) TRY(settings_file_read(&o->file, c->file, &table, why));
    TRY(settings_gather(&table, &to, args->values, o->file, why));
    TRY(queues_of_file(c, o->file, why));
    for (size_t i = 0; i < args->queues_n; i++) TRY(queue_of_flag(c, o, args->queues[i], why));
    return args->state_only ? PV_OK : check(c, why);
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
    settings_file_destroy(&o->file);
    for (size_t i = 0; i < o->copies_n; i++) free(o->copies[i]);
    free(o);
    c->owned = NULL;
}

/* --- again, while it runs --- */

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
        if (!setting_same(s, c, started)) told(context, "setting", s->name);
        setting_copy(s, c, started);
    }
    for (size_t i = 0; i < in_force->queues_n; i++) {
        if (has_queue(c, in_force->queues[i].name)) continue;
        told(context, "queue", in_force->queues[i].name);
        TRY(queue_keep(c, &in_force->queues[i]));
    }
    return PV_OK;
}

void config_shared(const struct config *c, void (*told)(const char *variable, const char *own))
{
    settings_shared(&table, c->origin, told);
}

/* --- print --- */

void config_print(const struct config *c, FILE *to)
{
    for (size_t i = 0; i < CONFIG_SETTINGS; i++) {
        setting_print(&settings[i], c, to);
        fprintf(to, "  # %s\n", setting_origin_word(c->origin[i]));
    }
    if (c->queues_n) fprintf(to, "queues:\n");
    for (size_t k = 0; k < c->queues_n; k++)
        for (size_t i = 0; i < QUEUE_SETTINGS; i++) {
            fputs(i ? "    " : "  - ", to);
            setting_print(&queue_settings[i], &c->queues[k], to);
            fprintf(to, i ? "\n" : "  # %s\n", setting_origin_word(c->queues[k].origin));
        }
}
