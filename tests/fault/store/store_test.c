/* The store keeps what it acknowledged and nothing half: across reopening, a process that dies, and a disk that fails at
 * any write, sync or commit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store.h"
#include "temp_dir.h"

#include <dirent.h>
#include <errno.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char why[STORE_WHY_BYTES];

static struct store *open_or_die(const char *dir, struct faults *f)
{
    struct store *s = NULL;
    pv_status st = store_open(&s, dir, -1, f, why);
    if (st != PV_OK) fail_msg("store_open: %s", why);
    return s;
}

static pv_status commit(struct store *s, enum store_when when)
{
    uint64_t number;
    return store_commit(s, when, &number);
}

static uint64_t committed(struct store *s, enum store_when when)
{
    uint64_t number = 0;
    assert_int_equal(store_commit(s, when, &number), PV_OK);
    return number;
}

static struct task_record task_of(uint64_t n)
{
    struct task_record t;
    memset(&t, 0, sizeof t);
    t.order = n;
    memset(t.id.bytes, (int)n, sizeof t.id.bytes);
    memcpy(t.id.bytes, &n, sizeof n);
    snprintf(t.principal, sizeof t.principal, "acme");
    snprintf(t.client, sizeof t.client, "worker-%llu", (unsigned long long)(n % 7));
    snprintf(t.queue, sizeof t.queue, "outer");
    snprintf(t.circuit, sizeof t.circuit, "keccak");
    t.state = TASK_QUEUED;
    t.generation = 1;
    t.created_ms = UINT64_MAX - n;
    t.status = PV_EXPIRED;
    t.excluded[3] = n << 40;
    snprintf(t.text, sizeof t.text, "%llu times \"no\"", (unsigned long long)n);
    return t;
}

struct seen {
    uint64_t tasks, last;
    bool ok;
};

static pv_status see(void *context, const struct task_record *t)
{
    struct seen *seen = context;
    struct task_record want = task_of(t->order);
    want.state = t->state;
    if (memcmp(&want, t, sizeof want) || t->order <= seen->last) seen->ok = false;
    seen->last = t->order;
    seen->tasks++;
    return PV_OK;
}

static uint64_t count(struct store *s)
{
    struct seen seen = { .ok = true };
    assert_int_equal(store_scan(s, see, &seen), PV_OK);
    assert_true(seen.ok);
    return seen.tasks;
}

static wire_hash hash_of(const void *data, size_t bytes)
{
    wire_hash h;
    assert_int_equal(sha256_of(&h, data, bytes), PV_OK);
    return h;
}

static struct store_payload inline_payload(const uint8_t *data, size_t bytes)
{
    return (struct store_payload){ .sha256 = hash_of(data, bytes), .length = bytes, .bytes = data };
}

/* A payload of its own content, kept as a file. */
static pv_status file_payload(struct store *s, uint8_t fill, struct store_payload *p)
{
    static uint8_t data[100000];
    struct blob_writer w;
    memset(data, fill, sizeof data);
    *p = (struct store_payload){ .sha256 = hash_of(data, sizeof data), .length = sizeof data };
    TRY(blob_writer_start(&w, store_blobs(s), sizeof data, p->sha256));
    pv_status st = blob_writer_feed(&w, data, 60000);
    if (st == PV_OK) st = blob_writer_feed(&w, data + 60000, sizeof data - 60000);
    if (st == PV_OK) return blob_writer_keep(&w);
    blob_writer_drop(&w);
    return st;
}

static size_t files_in(const char *dir, const char *sub)
{
    char path[128];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/%s", dir, sub);
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void committed_stays_and_the_rest_does_not(void **state)
{
    char *dir = *state;
    struct store *s = open_or_die(dir, NULL);
    uint32_t epoch = 0;
    assert_int_equal(store_boot(s, &epoch), PV_OK);
    assert_int_equal(epoch, 1);
    for (uint64_t n = 1; n <= 100; n++) {
        struct task_record t = task_of(n);
        assert_int_equal(store_put_task(s, &t), PV_OK);
    }
    committed(s, STORE_NOW);
    struct task_record t = task_of(101);
    assert_int_equal(store_put_task(s, &t), PV_OK);
    assert_int_equal(store_delete_task(s, 1), PV_OK);
    store_close(&s);

    s = open_or_die(dir, NULL);
    assert_int_equal(count(s), 100);
    assert_int_equal(store_boot(s, &epoch), PV_OK);
    assert_int_equal(epoch, 2);
    store_close(&s);
}

static void a_process_that_dies_loses_nothing_acknowledged(void **state)
{
    char *dir = *state;
    int pipe_fd[2];
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t child = fork();
    if (!child) {
        struct store *s = open_or_die(dir, NULL);
        for (uint64_t n = 1; n <= 50; n++) {
            struct task_record t = task_of(n);
            if (store_put_task(s, &t) != PV_OK || commit(s, n % 2 ? STORE_NOW : STORE_LAZY) != PV_OK) _exit(1);
        }
        struct task_record t = task_of(51);
        store_put_task(s, &t);
        if (write(pipe_fd[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    char byte;
    assert_int_equal(read(pipe_fd[0], &byte, 1), 1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
    struct store *s = open_or_die(dir, NULL);
    assert_int_equal(count(s), 50);
    store_close(&s);
}

/* More in one commit than the file layer gathers, and more than SQLite's cache of dirty pages likes. */
static void a_large_commit_is_whole(void **state)
{
    enum { TASKS = 3000 };
    static uint8_t data[STORE_INLINE_MAX];
    struct store *s = open_or_die(*state, NULL);
    struct store_payload got;
    for (uint64_t n = 1; n <= TASKS; n++) {
        struct task_record t = task_of(n);
        memcpy(data, &n, sizeof n);
        struct store_payload p = { .length = n % 50 ? 1000 : sizeof data, .bytes = data };
        assert_int_equal(store_put_task(s, &t), PV_OK);
        assert_int_equal(store_put_payload(s, STORE_INPUT, n, &p), PV_OK);
    }
    committed(s, STORE_NOW);
    store_close(&s);
    s = open_or_die(*state, NULL);
    assert_int_equal(count(s), TASKS);
    for (uint64_t n = 1; n <= TASKS; n++) {
        assert_int_equal(store_get_payload(s, STORE_INPUT, n, &got), PV_OK);
        assert_memory_equal(got.bytes, &n, sizeof n);
    }
    store_close(&s);
}

static void two_brokers_never_share_a_folder(void **state)
{
    struct store *s = open_or_die(*state, NULL), *other = NULL;
    assert_int_equal(store_open(&other, *state, -1, NULL, why), PV_BUSY);
    assert_null(other);
    store_close(&s);
    s = open_or_die(*state, NULL);
    store_close(&s);
}

static void sql(const char *dir, const char *text)
{
    char path[128];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/provost.db", dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_newer_schema_is_refused(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    store_close(&s);
    sql(*state, "UPDATE meta SET value = 1000 WHERE name = 'schema'");
    assert_int_equal(store_open(&s, *state, -1, NULL, why), PV_STORE);
    assert_non_null(strstr(why, "schema 1000"));
}

static pv_status setting_seen(void *context, const struct setting_record *r)
{
    char *text = context;
    size_t used = strlen(text);
    snprintf(text + used, 256 - used, "%d %s/%s %llu; ", (int)r->key, r->principal, r->name,
             (unsigned long long)r->value);
    return r->cleared ? PV_INTERNAL : PV_OK;
}

static void expect_settings(struct store *s, const char *want)
{
    char text[256] = "";
    assert_int_equal(store_scan_settings(s, setting_seen, text), PV_OK);
    assert_string_equal(text, want);
}

static void settings_stay_until_they_are_cleared(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    struct setting_record pause = { .key = SETTING_PAUSED, .name = "outer", .value = 1 };
    struct setting_record drain = { .key = SETTING_DRAINED, .principal = "gpu", .name = "p1", .value = 1 };
    expect_settings(s, "");
    assert_int_equal(store_put_setting(s, &pause), PV_OK);
    assert_int_equal(store_put_setting(s, &drain), PV_OK);
    strcpy(drain.principal, "other");
    drain.value = 7;
    assert_int_equal(store_put_setting(s, &drain), PV_OK);
    drain.value = 8; /* in its place */
    assert_int_equal(store_put_setting(s, &drain), PV_OK);
    committed(s, STORE_NOW);
    pause.cleared = true;
    assert_int_equal(store_put_setting(s, &pause), PV_OK); /* and not committed */
    store_close(&s);
    s = open_or_die(*state, NULL);
    expect_settings(s, "3 gpu/p1 1; 3 other/p1 8; 0 /outer 1; ");
    assert_int_equal(store_put_setting(s, &pause), PV_OK);
    committed(s, STORE_NOW);
    store_close(&s);
    s = open_or_die(*state, NULL);
    expect_settings(s, "3 gpu/p1 1; 3 other/p1 8; ");
    store_close(&s);
}

static void a_store_from_before_settings_gets_their_table(void **state)
{
    struct setting_record pause = { .key = SETTING_PAUSED, .name = "outer", .value = 1 };
    struct store *s = open_or_die(*state, NULL);
    store_close(&s);
    sql(*state, "DROP TABLE setting");
    s = open_or_die(*state, NULL);
    assert_int_equal(store_put_setting(s, &pause), PV_OK);
    committed(s, STORE_NOW);
    store_close(&s);
    sql(*state, "INSERT INTO setting VALUES ('of a newer program', '', 'outer', 5)");
    s = open_or_die(*state, NULL);
    expect_settings(s, "0 /outer 1; ");
    store_close(&s);
}

static void payloads_come_back_as_they_went(void **state)
{
    static const size_t sizes[] = { 0, 1, 1024, STORE_INLINE_MAX };
    static uint8_t data[STORE_INLINE_MAX];
    struct store *s = open_or_die(*state, NULL);
    struct store_payload got;
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t i = 0; i < 4; i++) {
        struct store_payload p = inline_payload(data, sizes[i]);
        assert_int_equal(store_put_payload(s, STORE_INPUT, i + 1, &p), PV_OK);
    }
    committed(s, STORE_NOW);
    store_close(&s);
    s = open_or_die(*state, NULL);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(store_get_payload(s, STORE_INPUT, i + 1, &got), PV_OK);
        assert_int_equal(got.length, sizes[i]);
        assert_non_null(got.bytes);
        assert_memory_equal(got.bytes, data, sizes[i]);
        wire_hash h = hash_of(data, sizes[i]);
        assert_memory_equal(&got.sha256, &h, sizeof h);
    }
    assert_int_equal(store_get_payload(s, STORE_RESULT, 1, &got), PV_NOT_FOUND);
    store_close(&s);
}

static void same_content_is_one_file_until_its_last_row(void **state)
{
    char *dir = *state;
    struct store *s = open_or_die(dir, NULL);
    struct store_payload p, got;
    for (uint64_t row = 1; row <= 2; row++) {
        assert_int_equal(file_payload(s, 7, &p), PV_OK);
        assert_int_equal(store_put_payload(s, STORE_INPUT, row, &p), PV_OK);
        committed(s, STORE_NOW);
    }
    assert_int_equal(files_in(dir, "blobs"), 1);
    assert_int_equal(store_delete_task(s, 1), PV_OK);
    committed(s, STORE_NOW);
    assert_int_equal(files_in(dir, "blobs"), 1);
    /* The last name goes and a new one comes in the same transaction: the file stays. */
    assert_int_equal(store_delete_task(s, 2), PV_OK);
    assert_int_equal(store_put_payload(s, STORE_RESULT, 3, &p), PV_OK);
    committed(s, STORE_NOW);
    assert_int_equal(files_in(dir, "blobs"), 1);
    assert_int_equal(store_get_payload(s, STORE_RESULT, 3, &got), PV_OK);
    assert_null(got.bytes);
    int fd = blobs_read(store_blobs(s), got.sha256);
    assert_true(fd >= 0);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 100000);
    assert_int_equal(store_delete_task(s, 3), PV_OK);
    assert_int_equal(files_in(dir, "blobs"), 1); /* not before the commit */
    committed(s, STORE_NOW);
    assert_int_equal(files_in(dir, "blobs"), 0);
    close(fd);
    store_close(&s);
}

static void orphans_are_swept_at_the_start(void **state)
{
    char *dir = *state;
    struct store *s = open_or_die(dir, NULL);
    struct store_payload named, orphan;
    struct blob_writer half;
    assert_int_equal(file_payload(s, 1, &named), PV_OK);
    assert_int_equal(store_put_payload(s, STORE_INPUT, 1, &named), PV_OK);
    committed(s, STORE_NOW);
    assert_int_equal(file_payload(s, 2, &orphan), PV_OK);
    assert_int_equal(store_put_payload(s, STORE_INPUT, 2, &orphan), PV_OK); /* never committed */
    assert_int_equal(blob_writer_start(&half, store_blobs(s), 10, named.sha256), PV_OK);
    assert_int_equal(blob_writer_feed(&half, "abc", 3), PV_OK);
    assert_int_equal(files_in(dir, "blobs"), 2);
    assert_int_equal(files_in(dir, "incoming"), 1);
    store_close(&s);
    s = open_or_die(dir, NULL);
    assert_int_equal(files_in(dir, "blobs"), 1);
    assert_int_equal(files_in(dir, "incoming"), 0);
    int fd = blobs_read(store_blobs(s), named.sha256);
    assert_true(fd >= 0);
    close(fd);
    close(half.fd);
    sha256_clear(&half.hash);
    store_close(&s);
}

static void an_upload_of_other_content_is_not_kept(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    struct blob_writer w;
    wire_hash h = hash_of("abc", 3);
    assert_int_equal(blob_writer_start(&w, store_blobs(s), 3, h), PV_OK);
    assert_int_equal(blob_writer_feed(&w, "abd", 3), PV_OK);
    assert_int_equal(blob_writer_feed(&w, "x", 1), PV_TOO_LARGE);
    assert_int_equal(blob_writer_keep(&w), PV_HASH_MISMATCH);
    assert_int_equal(blob_writer_start(&w, store_blobs(s), 3, h), PV_OK);
    assert_int_equal(blob_writer_feed(&w, "ab", 2), PV_OK);
    assert_int_equal(blob_writer_keep(&w), PV_HASH_MISMATCH);
    assert_int_equal(files_in(*state, "blobs"), 0);
    assert_int_equal(files_in(*state, "incoming"), 0);
    store_close(&s);
}

static void an_unsynced_commit_syncs_nothing(void **state)
{
    struct faults f = { .seen = { 0 } };
    struct store *s = open_or_die(*state, &f);
    struct task_record t = task_of(1);
    uint64_t before = f.seen[FAULT_SYNC];
    assert_int_equal(store_put_task(s, &t), PV_OK);
    committed(s, STORE_LAZY);
    assert_int_equal(f.seen[FAULT_SYNC], before);
    t = task_of(2);
    assert_int_equal(store_put_task(s, &t), PV_OK);
    committed(s, STORE_NOW);
    assert_int_equal(f.seen[FAULT_SYNC], before + 1);
    store_close(&s);
}

/* Folds the log from another connection, wholly, so that the next write begins it anew. */
static void fold(const char *dir)
{
    sql(dir, "PRAGMA wal_checkpoint(RESTART)");
}

/* Without its header on the disk, what the log was before could be read as if it came after. */
static void a_log_that_begins_anew_syncs_its_header(void **state)
{
    struct faults f = { .seen = { 0 } };
    struct store *s = open_or_die(*state, &f);
    for (uint64_t n = 1; n <= 3; n++) {
        uint64_t before = f.seen[FAULT_SYNC];
        struct task_record t = task_of(n);
        if (n == 2) fold(*state);
        assert_int_equal(store_put_task(s, &t), PV_OK);
        committed(s, STORE_LAZY);
        assert_int_equal(f.seen[FAULT_SYNC], before + (n == 2));
    }
    store_close(&s);
}

/* Else the machine could come back to a row whose file is gone. */
static void a_file_stays_until_its_end_is_durable(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    struct store_payload p;
    assert_int_equal(file_payload(s, 7, &p), PV_OK);
    assert_int_equal(store_put_payload(s, STORE_INPUT, 1, &p), PV_OK);
    uint64_t named = committed(s, STORE_SOON);
    store_sync(s);
    assert_int_equal(store_delete_task(s, 1), PV_OK);
    committed(s, STORE_LAZY);
    store_settle(s); /* it began before */
    assert_int_equal(store_durable(s), named);
    assert_int_equal(files_in(*state, "blobs"), 1);
    store_sync(s);
    assert_false(store_syncing(s)); /* nobody asked */
    store_tidy(s);
    store_sync(s);
    store_settle(s);
    assert_int_equal(store_durable(s), named + 1);
    assert_int_equal(files_in(*state, "blobs"), 0);
    store_close(&s);
}

/* Given up, named again and given up again: what is durable is the name in between. */
static void a_file_named_again_meanwhile_stays(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    struct store_payload p;
    assert_int_equal(file_payload(s, 7, &p), PV_OK);
    assert_int_equal(store_put_payload(s, STORE_INPUT, 1, &p), PV_OK);
    committed(s, STORE_NOW);
    assert_int_equal(store_delete_task(s, 1), PV_OK);
    committed(s, STORE_LAZY);
    assert_int_equal(store_put_payload(s, STORE_INPUT, 2, &p), PV_OK);
    uint64_t named = committed(s, STORE_SOON);
    store_sync(s);
    assert_int_equal(store_delete_task(s, 2), PV_OK);
    store_settle(s);
    assert_int_equal(store_durable(s), named);
    assert_int_equal(files_in(*state, "blobs"), 1);
    committed(s, STORE_NOW);
    assert_int_equal(files_in(*state, "blobs"), 0);
    store_close(&s);
}

/* The last row of a content goes while an upload of the same content gets its name: the name is the new one's. */
static void a_file_being_published_is_not_removed(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    struct store_payload p;
    struct blob_writer w;
    static uint8_t data[100000];
    memset(data, 7, sizeof data);
    assert_int_equal(file_payload(s, 7, &p), PV_OK);
    assert_int_equal(store_put_payload(s, STORE_INPUT, 1, &p), PV_OK);
    committed(s, STORE_NOW);
    assert_int_equal(blob_writer_start(&w, store_blobs(s), sizeof data, p.sha256), PV_OK);
    assert_int_equal(blob_writer_feed(&w, data, sizeof data), PV_OK);
    assert_int_equal(blob_writer_check(&w), PV_OK);
    assert_int_equal(blob_writer_publish(&w), PV_OK);
    assert_int_equal(store_delete_task(s, 1), PV_OK);
    committed(s, STORE_NOW);
    assert_int_equal(files_in(*state, "blobs"), 1);
    blob_writer_end(&w, PV_OK);
    store_forget_file(s, p.sha256); /* and nobody wants it either */
    committed(s, STORE_NOW);
    assert_int_equal(files_in(*state, "blobs"), 0);
    store_close(&s);
}

static void reads_of_a_batch_share_one_view(void **state)
{
    static const uint8_t data[4] = "abc";
    struct store *s = open_or_die(*state, NULL);
    struct store_payload p = inline_payload(data, sizeof data), got;
    assert_int_equal(store_put_payload(s, STORE_INPUT, 1, &p), PV_OK);
    committed(s, STORE_NOW);
    store_read_begin(s);
    assert_int_equal(store_get_payload(s, STORE_INPUT, 1, &got), PV_OK);
    assert_memory_equal(got.bytes, data, sizeof data);
    assert_int_equal(store_get_payload(s, STORE_INPUT, 2, &got), PV_NOT_FOUND);
    store_read_end(s);
    assert_int_equal(store_delete_task(s, 1), PV_OK); /* and writes go on after it */
    committed(s, STORE_NOW);
    assert_int_equal(store_get_payload(s, STORE_INPUT, 1, &got), PV_NOT_FOUND);
    store_close(&s);
}

/* Ten commits of a task each, every third with a file. Returns how many were acknowledged before something failed. */
static uint64_t work_until_it_fails(struct store *s)
{
    for (uint64_t n = 1; n <= 10; n++) {
        struct task_record t = task_of(n);
        struct store_payload p;
        pv_status st = n % 3 ? PV_OK : file_payload(s, (uint8_t)n, &p);
        if (st == PV_STORE) store_fail(s, "payload file");
        if (st == PV_OK) st = store_put_task(s, &t);
        if (st == PV_OK && n % 3 == 0) st = store_put_payload(s, STORE_INPUT, n, &p);
        if (st == PV_OK) st = commit(s, STORE_NOW);
        if (st != PV_OK) return n - 1;
    }
    return 10;
}

static void check_after_failure(const char *dir, uint64_t acknowledged, const char *what, uint64_t nth)
{
    struct store *s = open_or_die(dir, NULL);
    struct store_payload p;
    uint64_t there = count(s);
    /* The one that failed may be there or not: nobody was told. All before it must be. */
    if (there != acknowledged && there != acknowledged + 1)
        fail_msg("%s %llu fails: %llu acknowledged, %llu there", what, (unsigned long long)nth,
                 (unsigned long long)acknowledged, (unsigned long long)there);
    for (uint64_t n = 3; n <= there; n += 3) {
        assert_int_equal(store_get_payload(s, STORE_INPUT, n, &p), PV_OK);
        int fd = blobs_read(store_blobs(s), p.sha256);
        assert_true(fd >= 0);
        close(fd);
    }
    assert_int_equal(files_in(dir, "blobs"), there / 3);
    store_close(&s);
}

static void whatever_fails_the_acknowledged_is_there(void **state)
{
    static const char *const words[] = { "write", "sync", "rename", "commit" };
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        bool failed = true;
        uint64_t nth = 0;
        while (failed) {
            char dir[64];
            struct faults f = { .seen = { 0 } };
            temp_dir_make(dir);
            struct store *s = open_or_die(dir, &f);
            f.fail_at[kind] = f.seen[kind] + ++nth;
            uint64_t acknowledged = work_until_it_fails(s);
            failed = acknowledged < 10;
            if (failed && kind != FAULT_WRITE) { /* it sticks, although the disk is well again */
                struct task_record t = task_of(11);
                assert_non_null(store_failure(s));
                assert_int_equal(store_put_task(s, &t), PV_STORE);
                assert_int_equal(commit(s, STORE_NOW), PV_STORE);
            }
            store_close(&s);
            check_after_failure(dir, acknowledged, words[kind], nth);
            temp_dir_remove(dir);
        }
        print_message("%s: %llu points of failure\n", words[kind], (unsigned long long)nth - 1);
        assert_true(nth > 1);
    }
}

static void no_space_for_a_payload_is_told_apart(void **state)
{
    struct faults f = { .error = { [FAULT_WRITE] = ENOSPC } };
    struct store *s = open_or_die(*state, &f);
    struct store_payload p;
    f.fail_at[FAULT_WRITE] = f.seen[FAULT_WRITE] + 1;
    assert_int_equal(file_payload(s, 1, &p), PV_DISK_FULL);
    assert_null(store_failure(s)); /* the upload is refused, the store goes on */
    assert_int_equal(files_in(*state, "incoming"), 0);
    assert_int_equal(file_payload(s, 1, &p), PV_OK);
    store_close(&s);
}

static int folder(void **state)
{
    static char dir[64];
    temp_dir_make(dir);
    *state = dir;
    return 0;
}

static int folder_gone(void **state)
{
    temp_dir_remove(*state);
    return 0;
}

#define IN_A_FOLDER(f) cmocka_unit_test_setup_teardown(f, folder, folder_gone)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(committed_stays_and_the_rest_does_not),
        IN_A_FOLDER(a_process_that_dies_loses_nothing_acknowledged),
        IN_A_FOLDER(a_large_commit_is_whole),
        IN_A_FOLDER(two_brokers_never_share_a_folder),
        IN_A_FOLDER(a_newer_schema_is_refused),
        IN_A_FOLDER(settings_stay_until_they_are_cleared),
        IN_A_FOLDER(a_store_from_before_settings_gets_their_table),
        IN_A_FOLDER(payloads_come_back_as_they_went),
        IN_A_FOLDER(same_content_is_one_file_until_its_last_row),
        IN_A_FOLDER(orphans_are_swept_at_the_start),
        IN_A_FOLDER(an_upload_of_other_content_is_not_kept),
        IN_A_FOLDER(an_unsynced_commit_syncs_nothing),
        IN_A_FOLDER(a_log_that_begins_anew_syncs_its_header),
        IN_A_FOLDER(a_file_stays_until_its_end_is_durable),
        IN_A_FOLDER(a_file_named_again_meanwhile_stays),
        IN_A_FOLDER(a_file_being_published_is_not_removed),
        IN_A_FOLDER(reads_of_a_batch_share_one_view),
        IN_A_FOLDER(whatever_fails_the_acknowledged_is_there),
        IN_A_FOLDER(no_space_for_a_payload_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
