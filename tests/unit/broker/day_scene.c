#include "day_scene.h"

#include "broker_open.h"
#include "log.h"
#include "loop.h"
#include "temp_dir.h"
#include "whole_file.h"
#include "wire_samples.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { SOON = 20000, PAYLOAD = 300000 };

static const char *const names[PEOPLE] = { "boss", "acme", "rival", "node", "other", "twin", "stranger" };

static struct {
    char dir[64], path[8][128];
    char public[PEOPLE][41], secret[PEOPLE][41];
    char own_public[41], own_secret[41];
    const char *rights[PEOPLE];
    struct wire_peer peers[PEOPLE];
    struct config config;
    struct config_args args;
    struct broker *b;
    pthread_t thread;
    FILE *out;
    char *text;
    size_t text_n;
} day;

/* ---- what is logged: taken in place of the line ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char lines[1 << 16];
static size_t lines_n;
static atomic_uint full_told;

void __wrap_log_event(enum log_level level, const char *event, const char *format, ...);

void __wrap_log_event(enum log_level level, const char *event, const char *format, ...)
{
    static const char *const levels[] = { "ERROR", "WARN", "INFO", "DEBUG" };
    va_list ap;
    if (!strcmp(event, "loop.lag")) return;                                      /* the machine's business */
    if (!strcmp(event, "store.full") && atomic_fetch_add(&full_told, 1)) return; /* the tries after it, on a slow one */
    pthread_mutex_lock(&lock);
    size_t room = sizeof lines - lines_n;
    lines_n += (size_t)snprintf(lines + lines_n, room, "  %s %s ", levels[level], event);
    va_start(ap, format);
    lines_n += (size_t)vsnprintf(lines + lines_n, sizeof lines - lines_n, format, ap);
    va_end(ap);
    lines_n += (size_t)snprintf(lines + lines_n, sizeof lines - lines_n, "\n");
    if (lines_n >= sizeof lines) abort();
    pthread_mutex_unlock(&lock);
}

/* Whoever ends leaves no lock behind that is still held: glibc tells it here. */
int __real_pthread_mutex_destroy(pthread_mutex_t *m);
int __wrap_pthread_mutex_destroy(pthread_mutex_t *m);

int __wrap_pthread_mutex_destroy(pthread_mutex_t *m)
{
    int error = __real_pthread_mutex_destroy(m);
    if (error) log_event(LOG_LEVEL_ERROR, "lock.held", "error=%d", error);
    return error;
}

/* ---- the text, without what differs each time ---- */

static bool starts(const char *at, const char *word, size_t *n)
{
    *n = strlen(word);
    return *n && !strncmp(at, word, *n);
}

/* Of the values after these words only the word is kept. */
static bool measured(const char *line, const char *at)
{
    static const char *const words[] = {
        "ms",        "descriptor",     "age_ms",       "uptime_ms",    "idle_ms",          "since_ms",
        "eta_ms",    "seen_ms",        "free",         "resident",     "memory_max",       "disk_free",
        "waited_ms", "oldest_ms",      "connected_ms", "lag_ms",       "store_ms",         "most",
        "version",   "quarantined_ms", "heard_ms",     "busy_ms",      "oldest_queued_ms", "commits",
        "syncs",     "database_bytes", "loop_lag_ms",  "rows_visited", "rows_visited_max", "connections"
    };
    const char *end = at;
    while (end > line && strchr(" :=\"", end[-1])) end--;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if (end - line < (long)n || strncmp(end - n, words[i], n)) continue;
        if (end - n == line || !(isalnum((unsigned char)end[-(long)n - 1]) || end[-(long)n - 1] == '_')) return true;
    }
    return false;
}

static size_t number_put(const char *line, const char *at)
{
    size_t n = strspn(at, "0123456789");
    bool alone = at == line || !(isalnum((unsigned char)at[-1]) || strchr("_.-", at[-1]));
    bool moment = n == 13 && !isxdigit((unsigned char)at[n]);
    if (alone && (moment || measured(line, at)))
        fputs("N", day.out);
    else
        fwrite(at, 1, n, day.out);
    return n;
}

static void line_put(const char *line)
{
    size_t n;
    for (const char *at = line; *at; at += n) {
        int who = -1;
        for (int i = 0; i < PEOPLE; i++)
            if (starts(at, day.public[i], &n)) who = i;
        if (who >= 0)
            fprintf(day.out, "KEY-OF-%s", names[who]);
        else if (starts(at, day.dir, &n))
            fputs("DIR", day.out);
        else if (starts(at, "tcp://127.0.0.1:", &n)) {
            n += strspn(at + n, "0123456789*");
            fputs("tcp://HERE", day.out);
        } else if (starts(at, "provost-broker ", &n)) {
            n += strspn(at + n, "0123456789.");
            fputs("provost-broker VERSION", day.out);
        } else if (isdigit((unsigned char)*at))
            n = number_put(line, at);
        else {
            n = 1;
            fputc(*at, day.out);
        }
    }
}

static void logged_put(void)
{
    pthread_mutex_lock(&lock);
    line_put(lines);
    lines_n = 0;
    lines[0] = 0;
    pthread_mutex_unlock(&lock);
}

/* The message in one line; a payload by its length. */
static void message_put(enum who who, const struct wire_peer *p)
{
    char *text = NULL, *to;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    zmq_msg_t *part = (zmq_msg_t *)(uintptr_t)p->part;
    struct wire_frames frames = {
        zmq_msg_data(&part[0]), zmq_msg_size(&part[0]), zmq_msg_data(&part[1]), zmq_msg_size(&part[1]), NULL, 0
    };
    wire_json_print(f, &frames);
    fclose(f);
    char *from = strstr(text, "\"message\"");
    for (to = text; *from; from++)
        if (!isspace((unsigned char)*from) || (from[-1] != ' ' && from[-1] != '\n'))
            *to++ = *from == '\n' ? ' ' : *from;
    *to = 0;
    if ((to = strstr(text, ", \"payload\": "))) *to = 0;
    fprintf(day.out, "  to %s: ", names[who]);
    line_put(text);
    if (p->parts == 3) fprintf(day.out, ", payload of %zu", zmq_msg_size(&part[2]));
    fputc('\n', day.out);
    free(text);
}

void day_step(const char *title)
{
    fprintf(day.out, "%s\n", title);
}

void day_told(enum who who, enum wire_type type)
{
    struct wire_peer *p = &day.peers[who];
    do {
        if (!wire_peer_next(p, SOON)) {
            fflush(day.out);
            fprintf(stderr, "%s%s", day.text, lines);
            fail_msg("%s hears no %s", names[who], wire_type_name((int)type));
        }
        message_put(who, p);
    } while (p->in.type != type);
}

void day_settle(void)
{
    struct wire_peer *p = &day.peers[BOSS];
    if (p->socket) {
        struct wire_msg m = day_of_task(WIRE_SHOW, 255);
        m.req = 4711;
        wire_peer_send(p, &m);
        while (!(p->in.type == WIRE_ERROR && p->in.req == 4711)) {
            if (!wire_peer_next(p, SOON)) fail_msg("the broker does not turn:\n%s", lines);
            if (p->in.req != 4711) message_put(BOSS, p);
        }
        p->in.req = 0;
    }
    logged_put();
}

static void wait_logged(const char *event)
{
    bool there = false;
    for (uint64_t end = pv_clock_ms() + SOON; !there; poll(NULL, 0, 1)) {
        if (pv_clock_ms() > end) fail_msg("no line of %s:\n%s", event, lines);
        pthread_mutex_lock(&lock);
        there = strstr(lines, event) != NULL;
        pthread_mutex_unlock(&lock);
    }
}

void day_logged(const char *event)
{
    wait_logged(event);
    day_settle();
}

void day_ask(enum who who, const char *title, const struct wire_msg *m, enum wire_type answer)
{
    fprintf(day.out, "%s: %s\n", names[who], title);
    wire_peer_send(&day.peers[who], m);
    day_told(who, answer);
    day_settle();
}

void day_say(enum who who, const char *title, const struct wire_msg *m)
{
    static const struct wire_msg none = { .type = WIRE_SHOW, .req = 4712, .has = { .req = true, .task = true } };
    struct wire_peer *p = &day.peers[who];
    fprintf(day.out, "%s: %s\n", names[who], title);
    wire_peer_send(p, m);
    if (m->type != WIRE_CHUNK && who != NODE && who != OTHER && who != TWIN) {
        wire_peer_send(p, &none);
        day_told(who, WIRE_ERROR);
    } else { /* a prover shows nothing */
        static const struct wire_msg beat = { .type = WIRE_HEARTBEAT };
        wire_peer_send(p, &beat);
        day_told(who, WIRE_HEARTBEAT);
    }
    day_settle();
}

/* ---- peers ---- */

struct wire_peer *day_peer(enum who who)
{
    return &day.peers[who];
}

struct wire_peer *day_dial(enum who who)
{
    const char *const keys[] = { day.own_public, day.public[who == TWIN ? RIVAL : who],
                                 day.secret[who == TWIN ? RIVAL : who] };
    wire_peer_dial(&day.peers[who], day.b->router.bound[0], keys);
    day.peers[who].session = day_id((uint8_t)(100 + who));
    return &day.peers[who];
}

void day_hang_up(enum who who, const char *title)
{
    fprintf(day.out, "%s: %s\n", names[who], title);
    wire_peer_close(&day.peers[who]);
}

wire_id day_id(uint8_t n)
{
    return (wire_id){ { n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n } };
}

const uint8_t *day_payload(uint8_t task)
{
    static uint8_t bytes[PAYLOAD];
    for (size_t i = PAYLOAD; !bytes[1] && i-- > 0;) bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    return bytes + task;
}

struct wire_msg day_hello(enum who who, enum wire_role role, const char *name)
{
    struct wire_msg m;
    wire_peer_hello(&day.peers[who], &m, role, name);
    return m;
}

struct wire_msg day_submit(uint8_t task, const char *queue, const char *circuit, size_t bytes)
{
    struct wire_peer none = { .req = task };
    return wire_peer_submit_msg(&none, day_id(task), queue, circuit, day_payload(task), bytes);
}

struct wire_msg day_of_task(enum wire_type type, uint8_t task)
{
    struct wire_msg m = { .type = type };
    WIRE_SET(&m, req, (uint32_t)(1000 + task));
    WIRE_SET(&m, task, day_id(task));
    return m;
}

/* ---- the broker and its files ---- */

enum file { IN_STATE, IN_CERT, IN_KEYS, IN_SETTINGS, IN_PORT };

static void file_write(enum file file, const char *text)
{
    FILE *f = fopen(day.path[file], "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(day.path[file], 0600), 0);
}

void day_rights(enum who who, const char *rights)
{
    day.rights[who] = rights;
}

void day_write_keys(void)
{
    char text[4096] = "keys:\n";
    size_t n = strlen(text);
    for (int i = 0; i < PEOPLE; i++)
        if (day.rights[i])
            n += (size_t)snprintf(text + n, sizeof text - n, "  - { name: %s, key: \"%s\", %s }\n", names[i],
                                  day.public[i], day.rights[i]);
    file_write(IN_KEYS, text);
}

void day_write_settings(const char *text)
{
    file_write(IN_SETTINGS, text);
}

void day_begin(void)
{
    static const char *const files[] = { "state", "own.key", "keys.yaml", "broker.yaml", "port" };
    char text[300];
    temp_dir_make(day.dir);
    for (int i = 0; i < 5; i++) snprintf(day.path[i], sizeof day.path[i], "%s/%s", day.dir, files[i]);
    assert_int_equal(zmq_curve_keypair(day.own_public, day.own_secret), 0);
    for (int i = 0; i < PEOPLE; i++) assert_int_equal(zmq_curve_keypair(day.public[i], day.secret[i]), 0);
    snprintf(text, sizeof text, "curve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n", day.own_public,
             day.own_secret);
    file_write(IN_CERT, text);
    day.out = open_memstream(&day.text, &day.text_n);
    assert_non_null(day.out);
    day.args = (struct config_args){ .values[CONFIG_bind] = "tcp://127.0.0.1:*",
                                     .values[CONFIG_state] = day.path[IN_STATE],
                                     .values[CONFIG_key] = day.path[IN_CERT],
                                     .values[CONFIG_authorized_keys] = day.path[IN_KEYS],
                                     .values[CONFIG_port_file] = day.path[IN_PORT],
                                     .file = day.path[IN_SETTINGS] };
}

static void *run(void *unused)
{
    return broker_run(day.b) == PV_OK ? NULL : day.b;
}

void day_open(void)
{
    char why[BROKER_WHY_BYTES] = "";
    if (config_read(&day.config, &day.args, why) != PV_OK) fail_msg("%s", why);
    if (broker_open(&day.b, &day.config, &day.args, why) != PV_OK) fail_msg("%s", why);
    assert_int_equal(pthread_create(&day.thread, NULL, run, NULL), 0);
    wait_logged("payloads.looked_at"); /* a thread of its own says it */
}

void day_close(void)
{
    void *failed;
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    assert_int_equal(pthread_join(day.thread, &failed), 0);
    assert_null(failed);
    for (int i = 0; i < PEOPLE; i++)
        if (day.peers[i].socket) wire_peer_close(&day.peers[i]);
    broker_close(&day.b);
    config_clear(&day.config);
    day_settle();
}

void day_reload(const char *title)
{
    fprintf(day.out, "%s\n", title);
    assert_int_equal(kill(getpid(), SIGHUP), 0);
    day_logged(" keys.");
}

static const char *payload_path(uint8_t task, size_t bytes)
{
    static char path[256];
    char hex[WIRE_HASH_TEXT];
    snprintf(path, sizeof path, "%s/blobs/%s", day.path[IN_STATE],
             wire_hash_text(hex, wire_peer_hash(day_payload(task), bytes)));
    return path;
}

void day_lose_payload(uint8_t task, size_t bytes)
{
    assert_int_equal(unlink(payload_path(task, bytes)), 0);
}

void day_grow_payload(uint8_t task, size_t bytes)
{
    FILE *f = fopen(payload_path(task, bytes), "a");
    assert_non_null(f);
    fputc('x', f);
    assert_int_equal(fclose(f), 0);
}

void day_end(const char *golden, bool write_it)
{
    struct whole_file want = { 0 };
    struct file_why why;
    temp_dir_remove(day.dir);
    fclose(day.out);
    FILE *f = write_it ? fopen(golden, "w") : NULL;
    if (f) fwrite(day.text, 1, day.text_n, f), fclose(f);
    if (whole_file_read(&want, golden, 1 << 20, &why) != PV_OK) fail_msg("%s", golden);
    if (want.n != day.text_n || memcmp(want.bytes, day.text, want.n)) {
        size_t at = 0;
        while (at < day.text_n && at < want.n && day.text[at] == (char)want.bytes[at]) at++;
        while (at && day.text[at - 1] != '\n') at--;
        fail_msg("now:\n%.600s\nand in %s:\n%.600s", day.text + at, golden, (const char *)want.bytes + at);
    }
    whole_file_clear(&want);
    free(day.text);
}
