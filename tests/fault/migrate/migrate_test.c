/* A store's content moved to a database and back: all of it, or an error; killed anywhere it goes on and ends the same; and brokers
 * never have two stores to start with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../store/store_scene.h"
#include "migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

enum { TASKS = 1100, LARGE = 5, PUTS_A_PLACE = 400 };

static struct pg_server *const server = &scene_server;
static char dir[64], why[STORE_WHY_BYTES], url[PG_URL_BYTES];
static struct migrate_done done;

/* --- places to die at --- */

/* In a child: the process dies before this call of the contract; 0: never. Shared, so that the parent can read how far it came. */
static struct {
    unsigned die_at, places, puts;
    bool spoil; /* a task is not written as it was read */
} * at;

static void place(void)
{
    at->places++;
    if (at->places == at->die_at) raise(SIGKILL);
}

pv_status __real_store_commit(struct store *s, enum store_when when, uint64_t *number);
pv_status __wrap_store_commit(struct store *s, enum store_when when, uint64_t *number);
pv_status __wrap_store_commit(struct store *s, enum store_when when, uint64_t *number)
{
    place();
    return __real_store_commit(s, when, number);
}

pv_status __real_store_put_gate(struct store *s, const struct store_gate *gate);
pv_status __wrap_store_put_gate(struct store *s, const struct store_gate *gate);
pv_status __wrap_store_put_gate(struct store *s, const struct store_gate *gate)
{
    place();
    pv_status st = __real_store_put_gate(s, gate);
    place();
    return st;
}

pv_status __real_store_boot(struct store *s, uint32_t above, uint32_t *epoch);
pv_status __wrap_store_boot(struct store *s, uint32_t above, uint32_t *epoch);
pv_status __wrap_store_boot(struct store *s, uint32_t above, uint32_t *epoch)
{
    place();
    return __real_store_boot(s, above, epoch);
}

pv_status __real_store_put_task(struct store *s, const struct task_record *task);
pv_status __wrap_store_put_task(struct store *s, const struct task_record *task);
pv_status __wrap_store_put_task(struct store *s, const struct task_record *task)
{
    struct task_record t = *task;
    if (++at->puts % PUTS_A_PLACE == 0) place();
    if (at->spoil && t.order == 7) t.priority ^= 1;
    return __real_store_put_task(s, &t);
}

pv_status __real_store_put_payload(struct store *s, enum store_kind kind, uint64_t row, const struct store_payload *p);
pv_status __wrap_store_put_payload(struct store *s, enum store_kind kind, uint64_t row, const struct store_payload *p);
pv_status __wrap_store_put_payload(struct store *s, enum store_kind kind, uint64_t row, const struct store_payload *p)
{
    if (++at->puts % PUTS_A_PLACE == 0) place();
    return __real_store_put_payload(s, kind, row, p);
}

pv_status __real_blob_writer_keep(struct blob_writer *w);
pv_status __wrap_blob_writer_keep(struct blob_writer *w);
pv_status __wrap_blob_writer_keep(struct blob_writer *w)
{
    place();
    return __real_blob_writer_keep(w);
}

/* --- stores --- */

/* Each name keeps its text for a test. */
static const char *path_in(const char *name)
{
    static char paths[8][128];
    unsigned i = 0;
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    while (i < 7 && paths[i][0] && strcmp(paths[i], path))
        i = strncmp(paths[i], dir, strlen(dir)) ? (paths[i][0] = 0, i) : i + 1;
    return strcpy(paths[i], path);
}

static struct store_place in_folder(const char *name)
{
    return (struct store_place){ .where = path_in(name) };
}

/* Another database, and a folder of its own. */
static void database_fresh(void)
{
    temp_dir_remove(path_in("large"));
    assert_int_equal(mkdir(path_in("large"), 0700), 0);
    pg_server_fresh(server, url);
}

static struct store_place in_database(void)
{
    return (struct store_place){ .where = url, .payloads = path_in("large") };
}

static struct store *opened(const struct store_place *where)
{
    struct store *s = NULL;
    if (store_open(&s, where, -1, NULL, why) != PV_OK) fail_msg("%s", why);
    return s;
}

static void payload_put(struct store *s, enum store_kind kind, uint64_t row, size_t bytes)
{
    static uint8_t data[STORE_INLINE_MAX];
    memset(data, (int)row, bytes);
    memcpy(data, &row, bytes < sizeof row ? bytes : sizeof row);
    struct store_payload p = inline_payload(data, bytes);
    assert_int_equal(store_put_payload(s, kind, row, &p), PV_OK);
}

/* Inputs of many lengths, results, large ones (two rows name one file), settings, a clock. Rows with holes between. */
static void fill(const struct store_place *where)
{
    struct store *s = opened(where);
    uint32_t epoch;
    struct store_payload large;
    assert_int_equal(store_boot(s, 41, &epoch), PV_OK);
    for (uint64_t n = 1; n <= TASKS; n++) {
        struct task_record t = task_of(n + n / 100);
        assert_int_equal(store_put_task(s, &t), PV_OK);
        if (n % 3) payload_put(s, STORE_INPUT, t.order, n % 500 == 1 ? STORE_INLINE_MAX : n % 200);
        if (n % 5 == 0) payload_put(s, STORE_RESULT, t.order, n % 70);
    }
    for (uint64_t i = 0; i < LARGE; i++) {
        assert_int_equal(file_payload(s, (uint8_t)(i / 2), &large), PV_OK);
        assert_int_equal(store_put_payload(s, STORE_INPUT, 3 + 250 * i, &large), PV_OK);
    }
    struct setting_record set = { .key = SETTING_DRAINED, .principal = "acme", .name = "gpu-1", .value = 1 };
    assert_int_equal(store_put_setting(s, &set), PV_OK);
    set = (struct setting_record){ .key = SETTING_PAUSED, .name = "outer", .value = 1 };
    assert_int_equal(store_put_setting(s, &set), PV_OK);
    struct up_clock c = { .up_ms = 5, .away_ms = 6, .then = { .monotonic_ms = 7, .wall_ms = 8, .boot = UINT64_MAX } };
    assert_int_equal(store_put_clock(s, &c), PV_OK);
    committed(s, STORE_NOW);
    store_close(&s);
}

static struct migrate_sum sum_of(const struct store_place *where)
{
    struct migrate_sum sum;
    struct store *s = opened(where);
    assert_int_equal(migrate_sum_of(s, &sum), PV_OK);
    store_close(&s);
    return sum;
}

static pv_status move(const struct store_place *from, const struct store_place *to)
{
    return migrate_run(from, to, 0, &done, why);
}

static void moved(const struct store_place *from, const struct store_place *to)
{
    if (move(from, to) != PV_OK) fail_msg("%s", why);
}

static void refused(const struct store_place *from, const struct store_place *to, pv_status st, const char *word)
{
    pv_status got = move(from, to);
    if (got != st || !strstr(why, word)) fail_msg("%s, \"%s\": not \"%s\"", pv_status_word(got), why, word);
}

static void no_broker_starts(const struct store_place *where, const char *word)
{
    struct store *s = NULL;
    assert_int_equal(store_open(&s, where, -1, NULL, why), PV_STORE);
    if (!strstr(why, word)) fail_msg("\"%s\" lacks \"%s\"", why, word);
}

static void assert_sums(const struct migrate_sum *a, const struct migrate_sum *b)
{
    assert_memory_equal(&a->digest, &b->digest, sizeof a->digest);
    assert_int_equal(a->tasks, b->tasks);
    assert_int_equal(a->payloads, b->payloads);
    assert_int_equal(a->files, b->files);
    assert_int_equal(a->bytes, b->bytes);
    assert_int_equal(a->settings, b->settings);
    assert_int_equal(a->lost, b->lost);
}

/* --- whole ways --- */

static void all_of_it_goes_there_and_back(void **state)
{
    struct store_place folder = in_folder("a"), database = in_database(), back = in_folder("b");
    fill(&folder);
    struct migrate_sum was = sum_of(&folder);
    assert_int_equal(was.tasks, TASKS);
    assert_int_equal(was.settings, 2);
    assert_int_equal(was.files, LARGE);
    moved(&folder, &database);
    assert_sums(&done.sum, &was);
    assert_true(done.epoch > 42);
    assert_false(done.resumed || done.before);
    no_broker_starts(&folder, "was moved to postgresql://127.0.0.1:");
    struct migrate_sum there = sum_of(&database);
    assert_sums(&there, &was);
    struct store *s = opened(&database);
    assert_true(store_epoch(s) >= done.epoch);
    uint32_t epoch;
    assert_int_equal(store_boot(s, 0, &epoch), PV_OK);
    assert_true(epoch > done.epoch);
    store_close(&s);

    moved(&database, &back);
    assert_true(done.epoch > epoch);
    no_broker_starts(&database, "was moved to /");
    there = sum_of(&back);
    assert_sums(&there, &was);
    s = opened(&back);
    assert_true(store_epoch(s) >= done.epoch);
    store_close(&s);
}

static void what_is_done_is_not_done_again(void **state)
{
    struct store_place folder = in_folder("a"), database = in_database();
    fill(&folder);
    moved(&folder, &database);
    moved(&folder, &database);
    assert_true(done.before);
}

static void an_empty_store_goes_too_and_drops_settings_of_the_target(void **state)
{
    struct store_place folder = in_folder("a"), database = in_database();
    struct store *s = opened(&folder);
    store_close(&s);
    s = opened(&database);
    struct setting_record set = { .key = SETTING_PAUSED, .name = "theirs", .value = 1 };
    assert_int_equal(store_put_setting(s, &set), PV_OK);
    committed(s, STORE_NOW);
    store_close(&s);
    moved(&folder, &database);
    assert_int_equal(done.sum.tasks + done.sum.settings, 0);
}

static void the_epoch_rises_above_what_an_operator_says(void **state)
{
    struct store_place folder = in_folder("a"), database = in_database();
    fill(&folder);
    assert_int_equal(migrate_run(&folder, &database, 5000, &done, why), PV_OK);
    assert_true(done.epoch > 5000);
}

/* --- refusals --- */

static void each_bad_use_has_its_own_sentence(void **state)
{
    struct store_place folder = in_folder("a"), database = in_database(), other = in_folder("other");
    struct store_place none = in_folder("none");
    refused(&none, &database, PV_NOT_FOUND, "there is no state of a broker");
    assert_int_not_equal(access(none.where, F_OK), 0);
    refused(&database, &folder, PV_NOT_FOUND, "there is no state of a broker in this database");
    assert_int_not_equal(access(folder.where, F_OK), 0);
    fill(&folder);
    refused(&folder, &other, PV_BAD_CONFIG, "both are folders");
    refused(&database, &database, PV_BAD_CONFIG, "both are databases");
    struct store *held = opened(&folder);
    refused(&folder, &database, PV_BUSY, "another broker has this folder");
    store_close(&held);
    fill(&database);
    refused(&folder, &database, PV_BAD_CONFIG, "it holds tasks");
    database_fresh();
    moved(&folder, &database);
    database_fresh();
    refused(&folder, &database, PV_BAD_CONFIG, "it was moved to postgresql://");
    held = opened(&database);
    store_close(&held);
    refused(&database, &folder, PV_BAD_CONFIG, "it was itself moved to postgresql://");
}

static void a_database_in_use_is_waited_for_and_refused(void **state)
{
    struct store_place folder = in_folder("a"), database = in_database();
    fill(&folder);
    struct store *held = opened(&database);
    refused(&folder, &database, PV_BUSY, "another broker has the store");
    store_close(&held);
}

/* --- what goes wrong --- */

static void a_row_that_is_written_otherwise_is_an_error(void **state)
{
    struct store_place folder = in_folder("a"), database = in_database();
    fill(&folder);
    at->spoil = true;
    refused(&folder, &database, PV_STORE, "is not what");
    at->spoil = false;
    struct store *s = opened(&folder); /* it is not marked */
    store_close(&s);
    no_broker_starts(&database, "a migration from /");
    refused(&(struct store_place){ .where = path_in("else") }, &database, PV_NOT_FOUND, "no state");
    struct store_place other = in_folder("other");
    fill(&other);
    refused(&other, &database, PV_BAD_CONFIG, "a migration into it has not ended, from /");
    moved(&folder, &database); /* the same rows, so it begins anew */
    assert_true(done.resumed);
}

static void what_changed_between_two_calls_is_taken(void **state)
{
    struct store_place folder = in_folder("a"), database = in_database();
    fill(&folder);
    at->spoil = true;
    assert_int_equal(move(&folder, &database), PV_STORE);
    at->spoil = false;
    struct store *s = opened(&folder);
    assert_int_equal(store_delete_task(s, 12), PV_OK);
    struct task_record t = task_of(9);
    t.state = TASK_DEAD;
    assert_int_equal(store_put_task(s, &t), PV_OK);
    payload_put(s, STORE_RESULT, 9, 33);
    committed(s, STORE_NOW);
    store_close(&s);
    struct migrate_sum is = sum_of(&folder);
    moved(&folder, &database);
    struct migrate_sum there = sum_of(&database);
    assert_sums(&there, &is);
    assert_int_equal(there.tasks, TASKS - 1);
}

static void one_file_of(const char *folder, char path[512])
{
    DIR *d = opendir(path_in(folder));
    assert_non_null(d);
    path[0] = 0;
    for (struct dirent *e; (e = readdir(d));)
        if (strlen(e->d_name) == 64) snprintf(path, 512, "%s/%s", path_in(folder), e->d_name);
    closedir(d);
    assert_true(path[0]);
}

static void a_payload_that_is_lost_or_damaged_is_told_and_stays_so(void **state)
{
    struct store_place folder = in_folder("a"), database = in_database();
    char path[512];
    fill(&folder);
    one_file_of("a/blobs", path);
    assert_int_equal(unlink(path), 0);
    one_file_of("a/blobs", path);
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, "!", 1, 70000), 1);
    close(fd);
    sql(path_in("a"), "UPDATE input SET bytes = x'00' WHERE row = 4; UPDATE input SET length = 3 WHERE row = 5");
    moved(&folder, &database);
    assert_true(done.sum.lost >= 4);
    assert_int_equal(done.sum.files + done.sum.lost, LARGE + 2);
    struct migrate_sum there = sum_of(&database);
    assert_memory_equal(&there.digest, &done.sum.digest, sizeof there.digest);
}

/* --- killed --- */

/* The lease of one that was killed would last for five seconds. */
static void lease_end(void)
{
    pg_server_sql(server, url,
                  "DO $$ BEGIN IF to_regclass('provost.lease') IS NOT NULL THEN UPDATE provost.lease SET until = "
                  "'-infinity'; END IF; END $$");
}

/* True: it died there. */
static bool killed_at(unsigned n, const struct store_place *from, const struct store_place *to)
{
    at->places = at->puts = 0;
    at->die_at = n;
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        pv_status st = move(from, to);
        if (st != PV_OK) fprintf(stderr, "%s: %s\n", pv_status_word(st), why);
        _exit(st == PV_OK ? 0 : 3);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    at->die_at = 0;
    if (WIFSIGNALED(status)) lease_end();
    if (WIFEXITED(status) && WEXITSTATUS(status)) fail_msg("place %u: it ended with a failure", n);
    return WIFSIGNALED(status);
}

static void ended_the_same(const struct store_place *from, const struct store_place *to, const struct migrate_sum *was,
                           unsigned n)
{
    if (move(from, to) != PV_OK) fail_msg("place %u: %s", n, why);
    no_broker_starts(from, "was moved to");
    struct migrate_sum there = sum_of(to);
    if (memcmp(&there.digest, &was->digest, sizeof there.digest)) fail_msg("place %u: not the same", n);
}

/* Before the last step brokers start with neither or with the source. */
static void one_store_at_most(const struct store_place *from, const struct store_place *to, unsigned n)
{
    struct store *a = NULL, *b = NULL;
    pv_status first = store_open(&a, from, -1, NULL, why);
    store_close(&a);
    pv_status second = store_open(&b, to, -1, NULL, why);
    uint64_t last = 0;
    if (second == PV_OK) assert_int_equal(store_last_row(b, &last), PV_OK);
    store_close(&b);
    if (first == PV_OK && second == PV_OK && last) fail_msg("place %u: both stores can be started with", n);
    lease_end();
}

static unsigned rounds(unsigned usual)
{
    const char *r = getenv("PV_ROUNDS");
    return r ? (unsigned)atoi(r) : usual;
}

static void gone(const char *name)
{
    temp_dir_remove(path_in(name));
}

/* Each n-th place of those that a whole move has, so that `most` are tried; at each a second time, somewhere after the first. */
static void killed_everywhere(const struct store_place *from, const struct store_place *to, void (*anew)(void),
                              unsigned most)
{
    struct migrate_sum was = sum_of(from);
    unsigned tried = 0, all = 0, seed = (unsigned)time(NULL);
    anew();
    assert_false(killed_at(0, from, to));
    all = at->places;
    assert_true(all > 20);
    unsigned step = all / most ? all / most : 1;
    print_message("%u places, each %u., seed %u\n", all, step, seed);
    for (unsigned n = 1 + seed % step; n <= all; n += step, tried++) {
        anew();
        if (!killed_at(n, from, to)) fail_msg("place %u was not met", n);
        one_store_at_most(from, to, n);
        killed_at(1 + (unsigned)rand_r(&seed) % all, from, to);
        ended_the_same(from, to, &was, n);
    }
    assert_true(tried >= 1);
}

static void folder_again(void)
{
    unlink(path_in("a/MOVED"));
    database_fresh();
}

static void killed_anywhere_on_the_way_there_it_ends_the_same(void **state)
{
    struct store_place folder = in_folder("a"), database = in_database();
    fill(&folder);
    killed_everywhere(&folder, &database, folder_again, rounds(5));
}

static void database_again(void)
{
    pg_server_sql(server, url, "UPDATE provost.gate SET state = 0");
    gone("b");
}

static void killed_anywhere_on_the_way_back_it_ends_the_same(void **state)
{
    struct store_place folder = in_folder("b"), database = in_database();
    fill(&database);
    killed_everywhere(&database, &folder, database_again, rounds(5));
}

/* --- as many as there may be --- */

static void a_hundred_thousand_tasks_are_moved(void **state)
{
    enum { MANY = 100000 };
    if (!getenv("PV_ROUNDS")) skip();
    struct store_place folder = in_folder("a"), database = in_database(), back = in_folder("b");
    struct store *s = opened(&folder);
    for (uint64_t n = 1; n <= MANY; n++) {
        struct task_record t = task_of(n);
        assert_int_equal(store_put_task(s, &t), PV_OK);
        payload_put(s, STORE_INPUT, n, 1024);
        if (n % 1000 == 0) committed(s, STORE_NOW);
    }
    store_close(&s);
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    moved(&folder, &database);
    clock_gettime(CLOCK_MONOTONIC, &to);
    print_message("%d tasks of 1 KiB there in %.1f s\n", MANY,
                  (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
    moved(&database, &back);
    clock_gettime(CLOCK_MONOTONIC, &from);
    print_message("and back in %.1f s\n",
                  (double)(from.tv_sec - to.tv_sec) + (double)(from.tv_nsec - to.tv_nsec) / 1e9);
    assert_int_equal(done.sum.tasks, MANY);
}

/* --- the tests' own --- */

static int begin(void **state)
{
    temp_dir_make(dir);
    pg_server_fresh(server, url);
    memset(at, 0, sizeof *at);
    return mkdir(path_in("large"), 0700);
}

static int end(void **state)
{
    temp_dir_remove(dir);
    return 0;
}

static int up(void **state)
{
    at = mmap(NULL, sizeof *at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pg_server_start(server, NULL);
    return at == MAP_FAILED;
}

static int down(void **state)
{
    pg_server_end(server);
    return munmap(at, sizeof *at);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(all_of_it_goes_there_and_back),
        T(what_is_done_is_not_done_again),
        T(an_empty_store_goes_too_and_drops_settings_of_the_target),
        T(the_epoch_rises_above_what_an_operator_says),
        T(each_bad_use_has_its_own_sentence),
        T(a_database_in_use_is_waited_for_and_refused),
        T(a_row_that_is_written_otherwise_is_an_error),
        T(what_changed_between_two_calls_is_taken),
        T(a_payload_that_is_lost_or_damaged_is_told_and_stays_so),
        T(killed_anywhere_on_the_way_there_it_ends_the_same),
        T(killed_anywhere_on_the_way_back_it_ends_the_same),
        T(a_hundred_thousand_tasks_are_moved),
    };
    if (!pg_server_here()) return 77;
    return cmocka_run_group_tests(tests, up, down);
}
