/* The watermark of a store follows what is durable, never more, and a watermark that cannot be written stops nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_scene.h"
#include "watermark.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

static int failing; /* the errno of every write of the watermark; 0: they succeed */

int __real_watermark_write(struct watermark *w, const struct watermark_values *to);
int __wrap_watermark_write(struct watermark *w, const struct watermark_values *to);
int __real_watermark_write_synced(struct watermark *w, const struct watermark_values *to);
int __wrap_watermark_write_synced(struct watermark *w, const struct watermark_values *to);

static unsigned writes; /* without a sync */

int __wrap_watermark_write(struct watermark *w, const struct watermark_values *to)
{
    writes++;
    return failing ? failing : __real_watermark_write(w, to);
}

int __wrap_watermark_write_synced(struct watermark *w, const struct watermark_values *to)
{
    return failing ? failing : __real_watermark_write_synced(w, to);
}

static struct watermark_values marked(const char *dir)
{
    struct watermark w;
    int root = open(dir, O_RDONLY | O_DIRECTORY);
    assert_int_equal(watermark_open(&w, root), PV_OK);
    assert_true(w.known);
    watermark_close(&w);
    close(root);
    return w.at;
}

static uint64_t put(struct store *s, uint64_t n, enum store_when when)
{
    struct task_record t = task_of(n);
    assert_int_equal(store_put_task(s, &t), PV_OK);
    return committed(s, when);
}

static uint32_t boot(struct store *s, uint32_t above)
{
    uint32_t epoch = 0;
    assert_int_equal(store_boot(s, above, &epoch), PV_OK);
    assert_int_equal(store_epoch(s), epoch);
    return epoch;
}

static void the_mark_is_what_is_durable(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    boot(s, 0);
    uint64_t at = marked(*state).commits;
    put(s, 1, STORE_LAZY);
    put(s, 2, STORE_SOON);
    store_turn(s);
    assert_int_equal(marked(*state).commits, at);
    store_sync(s);
    store_settle(s);
    assert_int_equal(marked(*state).commits, at + 2);
    put(s, 3, STORE_SOON);
    store_sync(s);
    put(s, 4, STORE_LAZY); /* not covered by the sync that runs */
    store_settle(s);
    assert_int_equal(marked(*state).commits, at + 3);
    put(s, 5, STORE_NOW);
    assert_int_equal(marked(*state).commits, at + 5);
    store_close(&s);
    s = open_or_die(*state, NULL);
    assert_int_equal(store_found(s)->commits_lost, 0);
    put(s, 6, STORE_NOW);
    assert_int_equal(marked(*state).commits, at + 6); /* over all starts */
    store_close(&s);
}

static void a_sync_that_fails_moves_no_mark(void **state)
{
    struct faults f = { .seen = { 0 } };
    struct store *s = open_or_die(*state, &f);
    boot(s, 0);
    uint64_t at = marked(*state).commits;
    put(s, 1, STORE_SOON);
    f.fail_at[FAULT_SYNC] = f.seen[FAULT_SYNC] + 1;
    store_sync(s);
    store_settle(s);
    assert_non_null(store_failure(s));
    assert_int_equal(marked(*state).commits, at);
    store_close(&s);
}

static void a_mark_that_cannot_be_written_stops_nothing(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    uint32_t first = boot(s, 0);
    assert_false(store_found(s)->mark_failed);
    failing = ENOSPC;
    put(s, 1, STORE_NOW);
    assert_true(store_found(s)->mark_failed);
    failing = 0;
    put(s, 2, STORE_NOW);
    assert_false(store_found(s)->mark_failed);
    store_close(&s);
    failing = EIO; /* from the start on */
    s = open_or_die(*state, NULL);
    assert_true(boot(s, 0) > first);
    assert_true(store_found(s)->mark_failed);
    put(s, 3, STORE_NOW);
    assert_int_equal(count(s), 3);
    store_close(&s);
    failing = 0;
    s = open_or_die(*state, NULL); /* a mark that is behind is no loss */
    assert_int_equal(store_found(s)->commits_lost, 0);
    assert_false(store_found(s)->another || store_found(s)->unmarked);
    assert_int_equal(boot(s, 0), first + 2);
    store_close(&s);
}

static void an_epoch_is_above_all_that_is_known(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    assert_int_equal(boot(s, 0), 1);
    store_close(&s);
    s = open_or_die(*state, NULL);
    assert_int_equal(boot(s, 1), 2); /* nothing to raise */
    store_close(&s);
    s = open_or_die(*state, NULL);
    assert_int_equal(boot(s, 50), 51);
    assert_int_equal(marked(*state).epoch, 51);
    store_close(&s);
    sql(*state, "UPDATE meta SET value = 7 WHERE name = 'epoch'");
    s = open_or_die(*state, NULL);
    assert_int_equal(boot(s, 0), 52);
    store_close(&s);
    sql(*state, "UPDATE meta SET value = 90 WHERE name = 'epoch'");
    s = open_or_die(*state, NULL);
    assert_int_equal(boot(s, 0), 91);
    store_close(&s);
    s = open_or_die(*state, NULL);
    uint32_t epoch = 0;
    assert_int_equal(store_boot(s, UINT32_MAX, &epoch), PV_STORE);
    assert_int_equal(epoch, 0);
    assert_non_null(strstr(store_failure(s), "boot epoch"));
    store_close(&s);
}

static void a_mark_is_written_once(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    boot(s, 0);
    put(s, 1, STORE_SOON);
    unsigned before = writes;
    store_sync(s);
    store_settle(s);
    assert_int_equal(writes, before + 1);
    for (int i = 0; i < 3; i++) {
        store_turn(s);
        store_settle(s);
    }
    put(s, 2, STORE_LAZY);
    store_turn(s);
    assert_int_equal(writes, before + 1);
    store_close(&s);
}

/* Whoever sleeps until something has ended in the background is woken for it. */
static void what_ends_in_the_background_wakes(void **state)
{
    struct store *s = NULL;
    char why[STORE_WHY_BYTES];
    int wake = eventfd(0, EFD_CLOEXEC);
    struct pollfd woken = { .fd = wake, .events = POLLIN };
    assert_int_equal(store_open(&s, STORE_AT(*state), wake, NULL, why), PV_OK);
    boot(s, 0);
    assert_int_equal(poll(&woken, 1, 0), 0);
    uint64_t n = put(s, 1, STORE_SOON);
    assert_true(store_durable(s) < n);
    store_sync(s);
    assert_int_equal(poll(&woken, 1, 10000), 1);
    store_turn(s);
    assert_int_equal(store_durable(s), n);
    assert_false(store_syncing(s));
    store_close(&s);
    close(wake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(the_mark_is_what_is_durable),
        IN_A_FOLDER(a_sync_that_fails_moves_no_mark),
        IN_A_FOLDER(a_mark_that_cannot_be_written_stops_nothing),
        IN_A_FOLDER(an_epoch_is_above_all_that_is_known),
        IN_A_FOLDER(a_mark_is_written_once),
        IN_A_FOLDER(what_ends_in_the_background_wakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
