/* Each step of a start fails, one at a time: the open answers that step's status with a sentence, and is undone; and so for the making of
 * a new core after a full disk. */
#include "broker_open.h"

#include "broker.h"
#include "commit.h"
#include "heap_watch.h"
#include "process.h"
#include "random.h"
#include "reply.h"
#include "temp_dir.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include <cmocka.h>

struct startable; /* not of this room: handed on */

static char dir[64], folder[80], key_file[96], keys_file[96], why[BROKER_WHY_BYTES];
static struct config config;
static struct config_args args;
static struct broker *b;
static const char *failing = ""; /* the step that fails */
static pv_status with;           /* how */
static unsigned came;            /* how often it was come to */

static bool fails(const char *step)
{
    if (strcmp(failing, step)) return false;
    came++;
    return true;
}

/* A step in the place of the real one. parameters and arguments are in brackets. */
#define STEP(name, parameters, arguments)                                                                              \
    pv_status __real_##name parameters;                                                                                \
    pv_status __wrap_##name parameters;                                                                                \
    pv_status __wrap_##name parameters                                                                                 \
    {                                                                                                                  \
        return fails(#name) ? with : __real_##name arguments;                                                          \
    }

STEP(startable_check, (const struct startable *need, char *text, size_t bytes), (need, text, bytes))
STEP(door_init, (struct door * d, struct door_places places), (d, places))
STEP(auth_own_keys, (zcert_t * *certs, size_t *n, size_t most, const char *files, char text[AUTH_WHY_BYTES]),
     (certs, n, most, files, text))
STEP(auth_keys_read, (struct auth_keys * *keys, const char *path, char text[AUTH_WHY_BYTES]), (keys, path, text))
STEP(shares_init, (struct shares * s, int wake, uint64_t window), (s, wake, window))
STEP(uploads_new, (struct uploads * *out, struct blobs *blobs, const struct uploads_config *c), (out, blobs, c))
STEP(downloads_new, (struct downloads * *out, struct blobs *blobs, const struct downloads_config *c), (out, blobs, c))
STEP(tables_new, (struct tables * *t), (t))
STEP(store_boot, (struct store * s, uint32_t above, uint32_t *epoch), (s, above, epoch))
STEP(store_get_clock, (struct store * s, struct up_clock *clock), (s, clock))
STEP(store_put_clock, (struct store * s, const struct up_clock *clock), (s, clock))
STEP(sched_new, (struct sched * *out, const struct sched_config *c), (out, c))
STEP(store_scan, (struct store * s, pv_status (*each)(void *, const struct task_record *), void *context),
     (s, each, context))
STEP(store_scan_settings, (struct store * s, pv_status (*each)(void *, const struct setting_record *), void *context),
     (s, each, context))
STEP(survey_start, (struct survey * *out, struct store *s, int wake), (out, s, wake))
STEP(peers_init, (struct peers * p, uint32_t most), (p, most))

pv_status __real_pv_random(void *to, size_t bytes);
pv_status __wrap_pv_random(void *to, size_t bytes);
int __real_process_signals(const int *signals);
int __wrap_process_signals(const int *signals);
int __real_eventfd(unsigned first, int flags);
int __wrap_eventfd(unsigned first, int flags);
struct journal *__real_journal_new(uint32_t epoch);
struct journal *__wrap_journal_new(uint32_t epoch);
pv_status __real_auth_start(zactor_t **actor, struct auth_keys **keys);
pv_status __wrap_auth_start(zactor_t **actor, struct auth_keys **keys);
pv_status __real_disk_jobs_start(struct disk_jobs **out, int wake, unsigned threads);
pv_status __wrap_disk_jobs_start(struct disk_jobs **out, int wake, unsigned threads);
bool __real_commit_batch(struct broker *broker);
bool __wrap_commit_batch(struct broker *broker);

pv_status __wrap_pv_random(void *to, size_t bytes)
{
    return bytes == sizeof(uint64_t) && fails("pv_random") ? with : __real_pv_random(to, bytes); /* the core's seed */
}

int __wrap_process_signals(const int *signals)
{
    return fails("process_signals") ? -1 : __real_process_signals(signals);
}

int __wrap_eventfd(unsigned first, int flags)
{
    bool ours = flags == (EFD_NONBLOCK | EFD_CLOEXEC);
    return ours && fails("eventfd") ? -1 : __real_eventfd(first, flags);
}

struct journal *__wrap_journal_new(uint32_t epoch)
{
    return fails("journal_new") ? NULL : __real_journal_new(epoch);
}

pv_status __wrap_auth_start(zactor_t **actor, struct auth_keys **keys)
{
    if (!fails("auth_start")) return __real_auth_start(actor, keys);
    auth_keys_destroy(keys);
    return with;
}

/* The broker's own; that of the log is the store's. */
pv_status __wrap_disk_jobs_start(struct disk_jobs **out, int wake, unsigned threads)
{
    return threads > 1 && fails("disk_jobs_start") ? with : __real_disk_jobs_start(out, wake, threads);
}

bool __wrap_commit_batch(struct broker *broker)
{
    return fails("commit_batch") ? false : __real_commit_batch(broker);
}

static const struct step {
    const char *name;
    pv_status with, answer;
    const char *words; /* of the sentence; NULL: the one of the status */
} steps[] = {
    { "startable_check", PV_BUSY, PV_BUSY, NULL },
    { "door_init", PV_IO, PV_IO, "/dev/null: " },
    { "process_signals", PV_FAILED, PV_FAILED, NULL },
    { "auth_own_keys", PV_BAD_KEY_FILE, PV_BAD_KEY_FILE, NULL },
    { "auth_keys_read", PV_NO_MEMORY, PV_NO_MEMORY, NULL },
    { "auth_start", PV_FAILED, PV_FAILED, "the thread that checks the keys of peers did not start" },
    { "eventfd", PV_FAILED, PV_FAILED, NULL },
    { "disk_jobs_start", PV_NO_MEMORY, PV_NO_MEMORY, NULL },
    { "shares_init", PV_NO_MEMORY, PV_NO_MEMORY, NULL },
    { "uploads_new", PV_NO_MEMORY, PV_NO_MEMORY, NULL },
    { "downloads_new", PV_NO_MEMORY, PV_NO_MEMORY, NULL },
    { "tables_new", PV_NO_MEMORY, PV_NO_MEMORY, NULL },
    { "store_boot", PV_STORE, PV_STORE, NULL },
    { "store_get_clock", PV_STORE, PV_STORE, NULL },
    { "store_put_clock", PV_STORE, PV_STORE, NULL },
    { "journal_new", PV_NO_MEMORY, PV_NO_MEMORY, NULL },
    { "pv_random", PV_IO, PV_IO, NULL },
    { "sched_new", PV_NO_MEMORY, PV_NO_MEMORY, NULL },
    { "store_scan_settings", PV_STORE, PV_STORE, NULL },
    { "store_scan", PV_STORE, PV_STORE, NULL },
    { "commit_batch", PV_STORE, PV_STORE, NULL },
    { "peers_init", PV_NO_MEMORY, PV_NO_MEMORY, NULL },
};

static void file_write(char *path, const char *name, const char *text)
{
    snprintf(path, 96, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static int setup(void **state)
{
    char public[41], secret[41], text[300];
    temp_dir_make(dir);
    snprintf(folder, sizeof folder, "%s/state", dir);
    assert_int_equal(zmq_curve_keypair(public, secret), 0);
    snprintf(text, sizeof text, "curve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n", public, secret);
    file_write(key_file, "own.key", text);
    snprintf(text, sizeof text, "keys:\n  - { name: acme, key: \"%s\", roles: [client] }\n", public);
    file_write(keys_file, "keys.yaml", text);
    args = (struct config_args){ .values[CONFIG_bind] = "tcp://127.0.0.1:*",
                                 .values[CONFIG_state] = folder,
                                 .values[CONFIG_disk_reserve] = "0",
                                 .values[CONFIG_key] = key_file,
                                 .values[CONFIG_authorized_keys] = keys_file,
                                 .queues = { "outer" },
                                 .queues_n = 1 };
    return config_read(&config, &args, why) != PV_OK;
}

static int teardown(void **state)
{
    config_clear(&config);
    temp_dir_remove(dir);
    return 0;
}

static unsigned descriptors(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static pv_status opened(const struct step *step)
{
    failing = step ? step->name : "";
    with = step ? step->with : PV_OK;
    came = 0;
    b = NULL;
    pv_status st = broker_open(&b, &config, &args, why);
    failing = "";
    return st;
}

static void each_step_of_a_start_may_fail(void **state)
{
    for (int i = 0; i < 2; i++) { /* what libraries keep from now on is theirs */
        assert_int_equal(opened(NULL), PV_OK);
        broker_close(&b);
    }
    size_t blocks = heap_blocks();
    unsigned open_files = descriptors();
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        pv_status got = opened(&steps[i]);
        if (got == PV_OK) broker_close(&b);
        if (got != steps[i].answer || came != 1)
            fail_msg("%s: %s, come to %u times", steps[i].name, pv_status_word(got), came);
        assert_null(b);
        const char *words = steps[i].words ? steps[i].words : pv_status_text(got);
        if (!strstr(why, words)) fail_msg("%s: \"%s\"", steps[i].name, why);
        if (heap_blocks() != blocks) fail_msg("%s: %zu blocks, %zu before", steps[i].name, heap_blocks(), blocks);
    }
    assert_true(descriptors() <= open_files + 8); /* those of sockets that libzmq has yet to end */
    assert_int_equal(opened(NULL), PV_OK);
    broker_close(&b);
}

/* The look at the payloads is an extra: without it the broker runs. */
static void a_start_goes_without_a_look_at_the_payloads(void **state)
{
    static const struct step survey = { "survey_start", PV_NO_MEMORY, PV_OK, NULL };
    assert_int_equal(opened(&survey), PV_OK);
    assert_int_equal(came, 1);
    assert_null(b->survey);
    broker_close(&b);
}

static void each_step_of_a_new_core_may_fail(void **state)
{
    static const char *const again[] = { "uploads_new",         "journal_new", "pv_random",   "sched_new",
                                         "store_scan_settings", "store_scan",  "commit_batch" };
    assert_int_equal(opened(NULL), PV_OK);
    for (size_t i = 0; i < sizeof again / sizeof *again; i++) {
        const struct step *step = steps;
        while (strcmp(step->name, again[i])) step++;
        failing = step->name;
        with = step->with;
        b->store_failed = true;
        pv_status got = broker_begin_again(b);
        if (got != step->answer) fail_msg("%s: %s", step->name, pv_status_word(got));
        assert_true(b->store_failed);
        failing = "";
    }
    b->store_failed = b->disk_low = true;
    b->promised = 7;
    assert_int_equal(broker_begin_again(b), PV_OK);
    assert_true(!b->store_failed && !b->disk_low && !b->promised);
    broker_close(&b);
}

/* Nobody is at the other end any more: nothing is sent, and nobody is cut for it. */
static void nobody_is_answered(void **state)
{
    struct sched_action a = { .peer = 4711, .req = 1, .status = PV_BUSY };
    struct wire_msg m = { .type = WIRE_DISCONNECT, .status = PV_OK, .has.status = true };
    assert_int_equal(opened(NULL), PV_OK);
    reply_error(b, 4711, 1, PV_BUSY, NULL);
    reply_refuse(b, REPLY_WHEN_DURABLE, &a);
    reply_welcome(b, REPLY_IN_ORDER, &a);
    assert_false(reply_send(b, REPLY_AT_ONCE, 4711, &m, NULL));
    reply_stranger(b, 4711, PV_BUSY, "nobody");
    assert_int_equal(b->cuts.n, 0);
    assert_int_equal(b->outbox.n, b->outbox.first);
    broker_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_step_of_a_start_may_fail),
        cmocka_unit_test(a_start_goes_without_a_look_at_the_payloads),
        cmocka_unit_test(each_step_of_a_new_core_may_fail),
        cmocka_unit_test(nobody_is_answered),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
