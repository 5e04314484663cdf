/* Each call of a backup and of a restore fails once, golden: what is answered and said, what is left on the disk, that no descriptor and no memory is,
 * and that the same once more does what it should. `backup_calls_test write` writes the texts anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_scene.h"

#include "backup.h"
#include "call_faults.h"
#include "golden.h"
#include "heap_watch.h"
#include "restore.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { PATH = 200, FIRST_TASKS = 3, CALLS_MOST = 600 };

static char base[64], state_dir[PATH], to[PATH], again[PATH], earlier[PATH], why[STORE_WHY_BYTES];

static void task_add(struct store *s, uint64_t n)
{
    struct task_record t = task_of(n);
    struct store_payload p;
    assert_int_equal(store_put_task(s, &t), PV_OK);
    assert_int_equal(file_payload(s, (uint8_t)n, &p), PV_OK);
    assert_int_equal(store_put_payload(s, STORE_INPUT, n, &p), PV_OK);
    committed(s, STORE_NOW);
}

/* A state folder with these tasks, which no broker uses. */
static void tasks_add(uint64_t from, uint64_t n)
{
    uint32_t epoch;
    struct store *s = open_or_die(state_dir, NULL);
    assert_int_equal(store_boot(s, 6, &epoch), PV_OK);
    for (uint64_t i = from; i < from + n; i++) task_add(s, i);
    store_close(&s);
}

static int start(void **state)
{
    temp_dir_make(base);
    snprintf(state_dir, sizeof state_dir, "%s/state", base);
    snprintf(to, sizeof to, "%s/backup", base);
    snprintf(again, sizeof again, "%s/again", base);
    snprintf(earlier, sizeof earlier, "%s/earlier", base);
    tasks_add(1, FIRST_TASKS);
    return 0;
}

static int stop(void **state)
{
    call_faults_begin(NULL, 0, 0);
    call_faults_other_disk(NULL);
    temp_dir_remove(base);
    return 0;
}

static unsigned descriptors(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d)) n++;
    if (d) closedir(d);
    return n;
}

static bool there(const char *folder, const char *name)
{
    char path[2 * PATH];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return !stat(path, &st);
}

/* In the sentences folders are named by their last part alone. */
static void tell_why(void)
{
    char *p = why;
    for (char *at; (at = strstr(p, base));) {
        size_t n = strlen(base) + 1;
        memmove(at, at + n, strlen(at + n) + 1);
        p = at;
    }
    golden_tell(" \"%s\"", why);
}

/* ---- the two commands ---- */

static struct backup_done backed_up;
static struct restore_done restored;

static pv_status back_up(void)
{
    return backup_take(state_dir, to, &backed_up, why);
}

static pv_status restore(void)
{
    return restore_make(to, again, 0, &restored, why);
}

/* How many tasks a state folder has, as a broker that starts there finds it; -1: it does not start. */
static int tasks_of(const char *dir)
{
    struct store *s = NULL;
    if (store_open(&s, STORE_AT(dir), -1, NULL, why) != PV_OK) return -1;
    int n = (int)count(s);
    store_close(&s);
    return n;
}

static size_t payloads_in(const char *dir)
{
    return there(dir, "blobs") ? files_in(dir, "blobs") : 0;
}

static void tell_backup(void)
{
    if (there(to, "provost.db") && payloads_in(to) + backed_up.lost < FIRST_TASKS) fail_msg("the backup lost payloads");
    if (backed_up.lost) golden_tell(", %llu lost", (unsigned long long)backed_up.lost);
    golden_tell("; left: %zu payloads%s%s", payloads_in(to), there(to, "provost.db") ? ", a database" : "",
                there(to, "provost.db.new") ? ", a database that is not whole" : "");
    golden_tell("%s%s\n", there(to, "blobs/.copy.new") ? ", a copy that is not whole" : "",
                there(state_dir, "backup-pins") ? ", pins" : "");
}

static void tell_restore(void)
{
    if (restored.lost) golden_tell(", %llu lost", (unsigned long long)restored.lost);
    if (restored.damaged) golden_tell(", %llu damaged", (unsigned long long)restored.damaged);
    golden_tell("; left: %zu payloads%s%s%s\n", payloads_in(again), there(again, "provost.db") ? ", a database" : "",
                there(again, "provost.db.restoring") ? ", a database that is not whole" : "",
                there(again, STORE_RESTORING) ? ", RESTORING" : "");
}

/* ---- each call ---- */

struct command {
    pv_status (*run)(void);
    void (*tell)(void);
    void (*prepare)(void);             /* before each */
    void (*after)(const char *failed); /* and behind it: the same once more, without a failure */
};

/* False: it did not come to so many calls. */
static bool one(const struct command *c, int n, int error)
{
    c->prepare();
    unsigned fds = descriptors();
    size_t blocks = heap_blocks();
    call_faults_begin(base, n, error);
    pv_status st = c->run();
    char failed[512] = "";
    if (call_faults_failed()) snprintf(failed, sizeof failed, "%s", call_faults_failed());
    call_faults_begin(NULL, 0, 0);
    golden_tell("%s: ", failed[0] ? failed : "no call");
    golden_tell("%s", pv_status_word(st));
    if (st != PV_OK) tell_why();
    c->tell();
    /* Fewer: czmq begins before main, and ends a socket in a thread of its own. */
    if (descriptors() > fds) fail_msg("%s: %d descriptors are left open", failed, (int)descriptors() - (int)fds);
    if (heap_blocks() != blocks) fail_msg("%s: %d blocks are left", failed, (int)heap_blocks() - (int)blocks);
    c->after(failed);
    return failed[0];
}

/* Memory: as many texts as allocations. */
static void each_allocation(const struct command *c)
{
    bool failed = true;
    for (int n = 0; failed; n++) {
        c->prepare();
        unsigned fds = descriptors();
        size_t blocks = heap_blocks();
        call_faults_begin(base, -1, 0);
        heap_fail_after(n);
        pv_status st = c->run();
        failed = heap_failed();
        heap_fail_after(-1);
        call_faults_begin(NULL, 0, 0);
        if (failed)
            golden_tell("allocation %d: %s", n + 1, pv_status_word(st));
        else
            golden_tell("no allocation: %s", pv_status_word(st));
        if (st != PV_OK) tell_why();
        c->tell();
        if (descriptors() > fds || heap_blocks() != blocks) fail_msg("allocation %d: something is left", n + 1);
        c->after("an allocation");
    }
}

static void each(const struct command *c, int error, const char *file)
{
    int n = 0;
    golden_told()[0] = '\0';
    while (n < CALLS_MOST && one(c, n, error)) n++;
    assert_in_range(n, 20, CALLS_MOST - 1);
    each_allocation(c);
    golden_is(file);
}

static void nothing_there(void)
{
    temp_dir_remove(to);
    temp_dir_remove(again);
}

static void backup_once_more(const char *failed)
{
    call_faults_begin(base, -1, 0); /* the other disk is another one still */
    pv_status st = back_up();
    call_faults_begin(NULL, 0, 0);
    if (st != PV_OK) fail_msg("after %s, once more: %s", failed, why);
    assert_false(there(state_dir, "backup-pins"));
    assert_false(there(to, "blobs/.copy.new"));
}

static void each_call_of_a_first_backup(void **state)
{
    static const struct command c = { back_up, tell_backup, nothing_there, backup_once_more };
    each(&c, EIO, "vectors/store/backup_calls.txt");
}

/* A backup of the state folder before its last task came, on another disk. */
static void an_earlier_backup_there(void)
{
    char copy[3 * PATH];
    temp_dir_remove(to);
    snprintf(copy, sizeof copy, "cp -a '%s' '%s'", earlier, to);
    assert_int_equal(system(copy), 0);
}

static void each_call_of_a_backup_onto_another_disk(void **state)
{
    static const struct command c = { back_up, tell_backup, an_earlier_backup_there, backup_once_more };
    call_faults_other_disk("backup");
    backup_once_more(NULL);
    assert_int_equal(rename(to, earlier), 0);
    tasks_add(FIRST_TASKS + 1, 1);
    each(&c, ENOSPC, "vectors/store/backup_copy_calls.txt");
}

static void a_backup_there(void)
{
    if (!there(to, "provost.db")) backup_once_more(NULL);
    temp_dir_remove(again);
}

/* Where it did not end no broker starts; once more, and one does. */
static void restore_once_more(const char *failed)
{
    bool begun = there(again, STORE_RESTORING);
    if (begun) assert_int_equal(tasks_of(again), -1);
    if (begun || !there(again, "provost.db")) {
        if (restore() != PV_OK) fail_msg("after %s, once more: %s", failed, why);
    }
    int tasks = tasks_of(again);
    if (tasks != FIRST_TASKS || payloads_in(again) != FIRST_TASKS - restored.lost - restored.damaged)
        fail_msg("after %s: %d tasks, %zu payloads", failed, tasks, payloads_in(again));
}

static void each_call_of_a_restore(void **state)
{
    static const struct command c = { restore, tell_restore, a_backup_there, restore_once_more };
    each(&c, ENOSPC, "vectors/store/restore_calls.txt");
}

/* Syncs cost nothing there, and each text is of some hundred runs. */
static void choose_folder(void)
{
    if (!access("/dev/shm", W_OK | X_OK)) setenv("TMPDIR", "/dev/shm", 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_call_of_a_first_backup, start, stop),
        cmocka_unit_test_setup_teardown(each_call_of_a_backup_onto_another_disk, start, stop),
        cmocka_unit_test_setup_teardown(each_call_of_a_restore, start, stop),
    };
    choose_folder();
    call_faults_but("/blobs-"); /* a hundred names that are looked for, all alike */
    golden_writes(argc > 1 && !strcmp(argv[1], "write"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
