/* A backup holds one moment whatever goes on meanwhile, a failing step leaves the earlier backup whole, and what is restored
 * is a state folder that a store opens without a word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_scene.h"

#include "backup.h"
#include "disk_steps.h"
#include "payload_copy.h"
#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { PATH = 200 };

static char base[64], state_dir[PATH], to[PATH], again[PATH], why[STORE_WHY_BYTES];
static struct store *live;

/* --- what linkat does --- */

static int link_errors[2]; /* into the backup, into the pins; 0: it works */
static int ends;           /* how many more times a task ends just before its payload is linked */

int __real_linkat(int from, const char *a, int there, const char *b, int flags);
int __wrap_linkat(int from, const char *a, int there, const char *b, int flags);

static bool is_pins(int folder)
{
    char link[32], name[PATH];
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t n = readlink(link, name, sizeof name - 1);
    name[n > 0 ? n : 0] = 0;
    return strstr(name, "backup-pins") != NULL;
}

/* The newest task ends, and its payload goes with it. */
static void a_task_ends(void)
{
    struct seen seen = { .ok = true };
    assert_int_equal(store_scan(live, see, &seen), PV_OK);
    assert_int_equal(store_delete_task(live, seen.last), PV_OK);
    committed(live, STORE_NOW);
}

int __wrap_linkat(int from, const char *a, int there, const char *b, int flags)
{
    if (ends > 0 && ends--) a_task_ends();
    int error = link_errors[is_pins(there)];
    if (!error) return __real_linkat(from, a, there, b, flags);
    errno = error;
    return -1;
}

/* --- a state folder --- */

static void task_add(uint64_t n, bool large)
{
    struct task_record t = task_of(n);
    struct store_payload p;
    assert_int_equal(store_put_task(live, &t), PV_OK);
    if (large) assert_int_equal(file_payload(live, (uint8_t)n, &p), PV_OK);
    if (!large) p = inline_payload((const uint8_t *)"abc", 3);
    assert_int_equal(store_put_payload(live, STORE_INPUT, n, &p), PV_OK);
    committed(live, STORE_NOW);
}

static int start(void **state)
{
    temp_dir_make(base);
    snprintf(state_dir, sizeof state_dir, "%s/state", base);
    snprintf(to, sizeof to, "%s/backup", base);
    snprintf(again, sizeof again, "%s/again", base);
    link_errors[0] = link_errors[1] = ends = 0;
    uint32_t epoch;
    live = open_or_die(state_dir, NULL);
    assert_int_equal(store_boot(live, 6, &epoch), PV_OK);
    for (uint64_t n = 1; n <= 4; n++) task_add(n, n > 1);
    return 0;
}

static int stop(void **state)
{
    disk_steps_fail(-1, 0);
    disk_steps_watch(NULL);
    store_close(&live);
    temp_dir_remove(base);
    return 0;
}

static struct backup_done taken(void)
{
    struct backup_done done;
    pv_status st = backup_take(state_dir, to, &done, why);
    if (st != PV_OK) fail_msg("backup: %s", why);
    return done;
}

/* Restores the backup and opens it; how many tasks it has. */
static uint64_t tasks_restored(uint32_t *epoch)
{
    struct restore_done done;
    temp_dir_remove(again);
    pv_status st = restore_make(to, again, 0, &done, why);
    if (st != PV_OK) fail_msg("restore: %s", why);
    assert_int_equal(done.lost + done.damaged, 0);
    store_close(&live); /* a process has one store at a time */
    struct store *s = open_or_die(again, NULL);
    static const struct store_found nothing;
    struct store_found found = *store_found(s);
    assert_int_equal(strcmp(found.payloads, "blobs"), 0);
    memset(found.payloads, 0, sizeof found.payloads);
    assert_memory_equal(&found, &nothing, sizeof found);
    uint64_t n = count(s);
    assert_int_equal(store_boot(s, 0, epoch), PV_OK);
    store_close(&s);
    live = open_or_die(state_dir, NULL);
    return n;
}

static bool there(const char *folder, const char *name)
{
    char path[2 * PATH];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return !stat(path, &st);
}

static void what_is_taken_comes_back_and_the_epoch_rises(void **state)
{
    uint32_t epoch = 0;
    struct backup_done done = taken();
    assert_int_equal(done.tasks, 4);
    assert_int_equal(done.payloads, 3);
    assert_int_equal(done.added, 3);
    assert_int_equal(done.added_bytes, 300000);
    assert_int_equal(done.lost, 0);
    assert_int_equal(done.epoch, 7);
    assert_int_equal(tasks_restored(&epoch), 4);
    assert_int_equal(epoch, 7 + RESTORE_EPOCH_RISE + 1);
    done = taken();
    assert_int_equal(done.added, 0);
}

static void the_epoch_goes_above_what_peers_have_seen(void **state)
{
    static const struct {
        uint32_t above, next;
    } cases[] = { { 7 + RESTORE_EPOCH_RISE - 1, 7 + RESTORE_EPOCH_RISE + 1 },
                  { 900000, 900001 },
                  { UINT32_MAX - 1, UINT32_MAX } };
    struct restore_done done;
    uint32_t epoch;
    taken();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        store_close(&live);
        temp_dir_remove(again);
        assert_int_equal(restore_make(to, again, cases[i].above, &done, why), PV_OK);
        struct store *s = open_or_die(again, NULL);
        assert_int_equal(store_boot(s, 0, &epoch), PV_OK);
        assert_int_equal(epoch, cases[i].next);
        store_close(&s);
    }
    assert_int_equal(restore_make(to, state_dir, UINT32_MAX, &done, why), PV_BAD_CONFIG);
    assert_string_equal(why, "--raise-epoch: no start can be above 4294967295");
}

/* The payload goes between the moment and its link: another moment is taken, which knows nothing of that task. */
static void a_task_that_ends_meanwhile_is_in_or_out(void **state)
{
    uint32_t epoch;
    ends = 2;
    struct backup_done done = taken();
    assert_int_equal(done.tasks, 2);
    assert_int_equal(done.payloads, 1);
    assert_int_equal(done.lost, 0);
    assert_int_equal(tasks_restored(&epoch), 2);
}

static void a_payload_that_the_state_folder_lost_is_told(void **state)
{
    char path[2 * PATH], name[WIRE_HASH_TEXT];
    static uint8_t data[100000];
    memset(data, 3, sizeof data);
    snprintf(path, sizeof path, "%s/blobs/%s", state_dir, wire_hash_text(name, hash_of(data, sizeof data)));
    assert_int_equal(unlink(path), 0);
    struct backup_done done = taken();
    assert_int_equal(done.lost, 1);
    assert_int_equal(done.payloads, 3);
    struct restore_done restored;
    assert_int_equal(restore_make(to, again, 0, &restored, why), PV_OK);
    assert_int_equal(restored.lost, 1);
    assert_int_equal(restored.damaged, 0);
}

static void where_no_link_can_be_made_it_copies(void **state)
{
    static const struct {
        int backup, pins;
    } cases[] = { { EXDEV, 0 }, { EPERM, EPERM } };
    uint32_t epoch;
    for (size_t i = 0; i < 2; i++) {
        temp_dir_remove(to);
        link_errors[0] = cases[i].backup, link_errors[1] = cases[i].pins;
        struct backup_done done = taken();
        assert_int_equal(done.added, 3);
        assert_int_equal(done.lost, 0);
        assert_int_equal(files_in(to, "blobs"), 3);
        assert_false(there(state_dir, "backup-pins"));
        assert_int_equal(tasks_restored(&epoch), 4);
    }
}

/* While payloads are copied nobody holds the moment: the log can be folded in and begun anew. */
static bool fold_tried, fold_whole, fold_wanted;

static void fold_try(void)
{
    char path[2 * PATH];
    sqlite3 *db = NULL;
    int log = -1, folded = -1;
    snprintf(path, sizeof path, "%s/provost.db", state_dir);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "SELECT 1 FROM meta", NULL, NULL, NULL),
                     SQLITE_OK); /* it sees the log from then on */
    fold_whole = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_RESTART, &log, &folded) == SQLITE_OK && log > 0;
    fold_tried = true;
    sqlite3_close(db);
}

pv_status __real_payload_copy(int from, int there, const struct snapshot_file *file);
pv_status __wrap_payload_copy(int from, int there, const struct snapshot_file *file);

pv_status __wrap_payload_copy(int from, int there, const struct snapshot_file *file)
{
    if (fold_wanted && !fold_tried) fold_try();
    return __real_payload_copy(from, there, file);
}

static void the_log_is_free_while_payloads_are_copied(void **state)
{
    link_errors[0] = EXDEV;
    fold_wanted = true;
    taken();
    fold_wanted = false;
    assert_true(fold_tried);
    assert_true(fold_whole);
}

static void folders_of_others_are_not_swept(void **state)
{
    char path[2 * PATH];
    struct backup_done done;
    mkdir(to, 0755);
    snprintf(path, sizeof path, "%s/blobs", to);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/blobs/%064d", to, 7);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    assert_int_equal(backup_take(state_dir, to, &done, why), PV_BAD_CONFIG);
    assert_int_equal(files_in(to, "blobs"), 1);
}

/* Another file system, and the disk has turned a bit of one payload. */
static void a_damaged_payload_is_not_copied_and_told(void **state)
{
    char path[2 * PATH], name[WIRE_HASH_TEXT];
    static uint8_t data[100000];
    memset(data, 4, sizeof data);
    snprintf(path, sizeof path, "%s/blobs/%s", state_dir, wire_hash_text(name, hash_of(data, sizeof data)));
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, 50000), 1);
    close(fd);
    link_errors[0] = EXDEV;
    struct backup_done done = taken();
    assert_int_equal(done.lost, 1);
    assert_int_equal(files_in(to, "blobs"), 2);
}

static void a_killed_backup_leaves_nothing_to_the_next(void **state)
{
    char path[2 * PATH];
    struct snapshot_leftover {
        const char *folder, *name;
    } left[] = { { state_dir, "backup-pins" }, { to, "blobs" } };
    taken();
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", left[i].folder, left[i].name);
        mkdir(path, 0700);
        snprintf(path, sizeof path, "%s/%s/%064d", left[i].folder, left[i].name, 7);
        int fd = open(path, O_WRONLY | O_CREAT, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
    snprintf(path, sizeof path, "%s/blobs/.copy.new", to);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    snprintf(path, sizeof path, "%s/provost.db.new", to);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    assert_int_equal(taken().payloads, 3);
    assert_int_equal(files_in(to, "blobs"), 3);
    assert_false(there(to, "blobs/.copy.new"));
    assert_false(there(to, "provost.db.new"));
    assert_false(there(state_dir, "backup-pins"));
}

static void one_at_a_time(void **state)
{
    char path[PATH + 20];
    struct backup_done done;
    taken();
    int fd = open(to, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(backup_take(state_dir, to, &done, why), PV_BUSY);
    close(fd);
    snprintf(path, sizeof path, "%s/backup-pins", state_dir);
    assert_int_equal(mkdir(path, 0700), 0);
    fd = open(path, O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(backup_take(state_dir, to, &done, why), PV_BUSY);
    assert_true(there(state_dir, "backup-pins"));
    close(fd);
    taken();
}

/* Whichever step fails: the earlier backup is whole, and nothing of the new one is left. */
static void a_failing_step_leaves_the_earlier_backup(void **state)
{
    struct backup_done done;
    uint32_t epoch;
    int n = 0;
    taken();
    task_add(9, true);
    link_errors[0] = EXDEV;
    for (;; n++) {
        disk_steps_watch(to);
        disk_steps_fail(n, ENOSPC);
        pv_status st = backup_take(state_dir, to, &done, why);
        bool hit = disk_steps_failed();
        disk_steps_fail(-1, 0);
        if (!hit) {
            assert_int_equal(st, PV_OK);
            break;
        }
        disk_steps_watch(NULL);
        if (st == PV_OK) continue; /* what could not be removed was not there */
        assert_true(st == PV_DISK_FULL || st == PV_IO);
        assert_true(why[0]);
        uint64_t tasks = tasks_restored(&epoch); /* 5: the sync after the name failed, and the new one is whole too */
        assert_in_range(tasks, 4, 5);
        assert_int_equal(files_in(to, "blobs"), tasks - 1);
        assert_false(there(to, "provost.db.new"));
    }
    assert_true(n > 4);
    assert_int_equal(taken().tasks, 5);
    assert_int_equal(tasks_restored(&epoch), 5);
}

/* Whichever step fails: no store opens there, and the next restore goes on. */
static void a_failing_step_of_a_restore_is_found_again(void **state)
{
    struct restore_done done;
    int n = 0, half = 0;
    taken();
    store_close(&live);
    for (;; n++) {
        temp_dir_remove(again);
        mkdir(again, 0700);
        disk_steps_watch(again);
        disk_steps_fail(n, ENOSPC);
        pv_status st = restore_make(to, again, 0, &done, why);
        bool hit = disk_steps_failed();
        disk_steps_fail(-1, 0);
        disk_steps_watch(NULL);
        if (!hit) break;
        struct store *s = NULL;
        if (st == PV_OK) continue; /* a leftover that was not there could not be removed */
        assert_true(why[0]);
        if (there(again, STORE_RESTORING)) {
            half++;
            assert_int_equal(store_open(&s, STORE_AT(again), -1, NULL, why), PV_STORE);
            assert_non_null(strstr(why, "a restore has not ended: run it again"));
            assert_int_equal(restore_make(to, again, 0, &done, why), PV_OK);
        }
        if (!there(again, "provost.db")) continue; /* it failed before it began */
        s = open_or_die(again, NULL);
        assert_int_equal(count(s), 4);
        store_close(&s);
    }
    assert_true(half > 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_taken_comes_back_and_the_epoch_rises, start, stop),
        cmocka_unit_test_setup_teardown(the_epoch_goes_above_what_peers_have_seen, start, stop),
        cmocka_unit_test_setup_teardown(a_task_that_ends_meanwhile_is_in_or_out, start, stop),
        cmocka_unit_test_setup_teardown(a_payload_that_the_state_folder_lost_is_told, start, stop),
        cmocka_unit_test_setup_teardown(where_no_link_can_be_made_it_copies, start, stop),
        cmocka_unit_test_setup_teardown(the_log_is_free_while_payloads_are_copied, start, stop),
        cmocka_unit_test_setup_teardown(folders_of_others_are_not_swept, start, stop),
        cmocka_unit_test_setup_teardown(a_damaged_payload_is_not_copied_and_told, start, stop),
        cmocka_unit_test_setup_teardown(a_killed_backup_leaves_nothing_to_the_next, start, stop),
        cmocka_unit_test_setup_teardown(one_at_a_time, start, stop),
        cmocka_unit_test_setup_teardown(a_failing_step_leaves_the_earlier_backup, start, stop),
        cmocka_unit_test_setup_teardown(a_failing_step_of_a_restore_is_found_again, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
