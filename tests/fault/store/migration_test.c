/* A state folder of an earlier program is raised to this one's schema number when it is opened: everything is there, a
 * copy stays, and no crash and no failure of the disk leaves anything between the old number and the new one. The
 * folders are those of commit 52f222a in tests/data/compat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_scene.h"
#include "sqlite_steps.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OLD = 1, ROWS_MAX = 64 };

static const char *data; /* tests/data/compat */
static char why[STORE_WHY_BYTES];

/* --- the process dies where the store next asks for the disk --- */

static uint64_t asked, die_at; /* 0: lives */

bool __real_fault_hit(struct faults *f, enum fault_kind kind);
bool __wrap_fault_hit(struct faults *f, enum fault_kind kind);

bool __wrap_fault_hit(struct faults *f, enum fault_kind kind)
{
    if (++asked == die_at) raise(SIGKILL);
    return __real_fault_hit(f, kind);
}

/* --- folders --- */

static void copy_file(const char *from, const char *to)
{
    char buffer[65536];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t n;
    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, buffer, sizeof buffer)) > 0) assert_int_equal(write(out, buffer, (size_t)n), n);
    close(in);
    close(out);
}

static void copy_folder(const char *from, const char *to)
{
    DIR *d = opendir(from);
    assert_non_null(d);
    assert_true(!mkdir(to, 0700) || errno == EEXIST);
    for (struct dirent *e; (e = readdir(d));) {
        char a[512], b[512];
        if (e->d_name[0] == '.') continue;
        snprintf(a, sizeof a, "%.200s/%.200s", from, e->d_name);
        snprintf(b, sizeof b, "%.200s/%.200s", to, e->d_name);
        if (e->d_type == DT_DIR)
            copy_folder(a, b);
        else
            copy_file(a, b);
    }
    closedir(d);
}

static void old_folder(const char *dir, const char *which)
{
    char from[256];
    snprintf(from, sizeof from, "%s/%s/state", data, which);
    copy_folder(from, dir);
}

static bool there(const char *dir, const char *name)
{
    char path[256];
    struct stat st;
    snprintf(path, sizeof path, "%.100s/%.100s", dir, name);
    return !stat(path, &st);
}

static wire_hash file_hash(const char *dir, const char *name)
{
    static char bytes[1 << 20];
    char path[256];
    snprintf(path, sizeof path, "%.100s/%.100s", dir, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    return hash_of(bytes, n);
}

/* --- what is in a database, read as text and without the store --- */

static int row_text(void *to, int n, char **values, char **names)
{
    char **at = to;
    size_t used = *at ? strlen(*at) : 0;
    for (int i = 0; i < n; i++) {
        size_t more = strlen(names[i]) + (values[i] ? strlen(values[i]) : 4) + 3;
        *at = realloc(*at, used + more);
        used += (size_t)snprintf(*at + used, more, "%s=%s;", names[i], values[i] ? values[i] : "null");
    }
    return 0;
}

static char *rows(const char *dir, const char *name, const char *query)
{
    char path[256], *text = NULL;
    sqlite3 *db;
    snprintf(path, sizeof path, "%.100s/%.100s", dir, name);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, query, row_text, &text, NULL), SQLITE_OK);
    sqlite3_close(db);
    return text ? text : strdup("");
}

static void expect_rows(const char *dir, const char *name, const char *query, const char *want)
{
    char *got = rows(dir, name, query);
    assert_string_equal(got, want);
    free(got);
}

/* Of number 1: every column but orphan_ms, ready_ms and acked_ms, which were of the wall clock until number 6. The epoch is left
 * out, because a broker that starts raises it. */
static const char *const everything[] = {
    "SELECT row, hex(id) id, principal, client, hex(session) session, queue, circuit, task_group, priority, "
    "on_restart, ttl_ms,"
    " need_vram, need_ram, deadline_ms, state, has_input, generation, failures, losses, attempts, "
    "created_ms,"
    " changed_ms, status, text, input_bytes, result_bytes, hex(input) input, hex(result) result,"
    " measured_ms, token_epoch, token_seq, prover_principal, prover, hex(excluded) excluded FROM task ORDER BY row",
    "SELECT row, hex(sha256) sha, length, hex(bytes) bytes FROM input ORDER BY row",
    "SELECT row, hex(sha256) sha, length, hex(bytes) bytes FROM result ORDER BY row",
    "SELECT hex(sha256) sha, length, named_by FROM blob ORDER BY sha256",
    "SELECT key, principal, name, value FROM setting ORDER BY key, principal, name",
};
enum { TABLES = sizeof everything / sizeof *everything };

static void read_all(const char *dir, const char *name, char *text[TABLES])
{
    for (int i = 0; i < TABLES; i++) text[i] = rows(dir, name, everything[i]);
}

static void expect_all(const char *dir, const char *name, char *want[TABLES])
{
    for (int i = 0; i < TABLES; i++) expect_rows(dir, name, everything[i], want[i]);
}

static void free_all(char *text[TABLES])
{
    for (int i = 0; i < TABLES; i++) free(text[i]);
}

static void expect_schema(const char *dir, const char *name, int number)
{
    char want[32];
    snprintf(want, sizeof want, "value=%d;", number);
    expect_rows(dir, name, "SELECT value FROM meta WHERE name = 'schema'", want);
    expect_rows(dir, name, "PRAGMA integrity_check", "integrity_check=ok;");
}

/* What the folder held, told by a copy of it that the store never sees. */
static void read_old(const char *which, char *text[TABLES])
{
    char dir[64];
    temp_dir_make(dir);
    old_folder(dir, which);
    read_all(dir, "provost.db", text);
    temp_dir_remove(dir);
}

static pv_status counted(void *context, const struct task_record *t)
{
    ++*(uint64_t *)context;
    return PV_OK;
}

static uint64_t tasks_in(struct store *s)
{
    uint64_t n = 0;
    assert_int_equal(store_scan(s, counted, &n), PV_OK);
    return n;
}

/* --- tests --- */

static void raised(const char *dir, const char *which)
{
    char *want[TABLES];
    read_old(which, want);
    assert_true(strlen(want[0]) > 0);
    old_folder(dir, which);
    struct store *s = open_or_die(dir, NULL);
    const struct store_migration *m = store_migration(s);
    assert_non_null(m);
    assert_int_equal(m->from, OLD);
    assert_int_equal(m->to, sqlite_steps_newest());
    assert_string_equal(m->copy, "provost.db.schema-1");
    assert_true(tasks_in(s) > 0);
    store_close(&s);
    expect_schema(dir, "provost.db", sqlite_steps_newest());
    expect_all(dir, "provost.db", want);
    expect_schema(dir, "provost.db.schema-1", OLD);
    expect_all(dir, "provost.db.schema-1", want);
    free_all(want);
}

static void a_folder_of_52f222a_is_raised_and_a_copy_stays(void **state)
{
    raised(*state, "closed");
}

/* Its tasks are in the log alone. */
static void a_killed_brokers_log_is_in_the_copy(void **state)
{
    raised(*state, "killed");
}

static void a_new_folder_has_the_newest_number_and_no_copy(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    assert_int_equal(store_migration(s)->from, 0);
    store_close(&s);
    expect_schema(*state, "provost.db", sqlite_steps_newest());
    assert_false(there(*state, "provost.db.schema-0"));
    s = open_or_die(*state, NULL);
    assert_null(store_migration(s));
    store_close(&s);
}

static const char shape[] =
    "SELECT type, name, tbl_name, replace(sql, ' IF NOT EXISTS', '') sql FROM sqlite_master ORDER BY name";

static void a_raised_folder_has_the_tables_of_a_new_one(void **state)
{
    char dir[64], *want;
    temp_dir_make(dir);
    struct store *s = open_or_die(dir, NULL);
    store_close(&s);
    want = rows(dir, "provost.db", shape);
    temp_dir_remove(dir);
    old_folder(*state, "closed");
    s = open_or_die(*state, NULL);
    store_close(&s);
    expect_rows(*state, "provost.db", shape, want);
    free(want);
}

/* A folder of number 1 with one task, whose last change was at 1000. */
static void old_task(const char *dir, const char *set)
{
    char statement[512];
    old_folder(dir, "closed");
    snprintf(
        statement, sizeof statement,
        "DELETE FROM task WHERE row > (SELECT min(row) FROM task); UPDATE task SET created_ms = 900, changed_ms = 1000,"
        " deadline_ms = 0, orphan_ms = 0, ready_ms = 0, acked_ms = 0; UPDATE task SET %s",
        set);
    sql(dir, statement);
}

/* What it had left at its last change is what it has left when the folder is raised: nothing asks for the wall clock (R21). */
static void old_moments_become_what_was_left(void **state)
{
    static const struct {
        const char *set, *become;
    } cases[] = {
        { "deadline_ms = 6000", "expires_ms=1000005001;orphan_ms=0;ready_ms=0;acked_ms=0;" },
        { "deadline_ms = 1000", "expires_ms=1000000001;orphan_ms=0;ready_ms=0;acked_ms=0;" },
        { "deadline_ms = -1", "expires_ms=0;orphan_ms=0;ready_ms=0;acked_ms=0;" },
        { "deadline_ms = 9223372036854775807", "expires_ms=0;orphan_ms=0;ready_ms=0;acked_ms=0;" },
        { "deadline_ms = 6000, changed_ms = -5", "expires_ms=1000000001;orphan_ms=0;ready_ms=0;acked_ms=0;" },
        { "orphan_ms = 1500, ready_ms = 3000, acked_ms = 700",
          "expires_ms=0;orphan_ms=1000000501;ready_ms=1000002001;acked_ms=1000000001;" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char dir[64];
        temp_dir_make(dir);
        old_task(dir, cases[i].set);
        struct store *s = open_or_die(dir, NULL);
        assert_int_equal(tasks_in(s), 1);
        store_close(&s);
        expect_rows(dir, "provost.db", "SELECT expires_ms, orphan_ms, ready_ms, acked_ms FROM task", cases[i].become);
        expect_rows(dir, "provost.db", "SELECT made_ms, moved_ms FROM task", "made_ms=1000000001;moved_ms=1000000001;");
        expect_rows(dir, "provost.db", "SELECT input_kind FROM task", "input_kind=0;"); /* a witness */
        temp_dir_remove(dir);
    }
}

/* The copy in the database's place is the old folder again, and may be raised again. */
static void the_copy_is_a_way_back(void **state)
{
    char copy[128], database[128], *want[TABLES];
    read_old("closed", want);
    raised(*state, "closed");
    snprintf(copy, sizeof copy, "%s/provost.db.schema-1", (char *)*state);
    snprintf(database, sizeof database, "%s/provost.db", (char *)*state);
    copy_file(copy, database);
    sql(*state, "UPDATE meta SET value = value + 1 WHERE name = 'epoch'; UPDATE task SET text = 'later'");
    struct store *s = open_or_die(*state, NULL);
    assert_string_equal(store_migration(s)->copy, "provost.db.schema-1.2");
    store_close(&s);
    expect_all(*state, "provost.db.schema-1", want);
    expect_rows(*state, "provost.db.schema-1.2", "SELECT DISTINCT text FROM task", "text=later;");
    free_all(want);
}

static void a_whole_copy_is_not_written_again(void **state)
{
    struct stat before, after;
    char path[128];
    struct faults f = { .fail_at = { [FAULT_COMMIT] = 1 } };
    struct store *s = NULL;
    old_folder(*state, "closed");
    assert_int_equal(store_open(&s, STORE_AT(*state), -1, &f, why), PV_STORE);
    snprintf(path, sizeof path, "%s/provost.db.schema-1", (char *)*state);
    assert_int_equal(stat(path, &before), 0);
    s = open_or_die(*state, NULL);
    assert_string_equal(store_migration(s)->copy, "provost.db.schema-1");
    store_close(&s);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_false(there(*state, "provost.db.schema-1.2"));
}

/* Cut, and so worth nothing: it keeps its name, and the copy gets another. */
static void a_damaged_copy_is_neither_trusted_nor_overwritten(void **state)
{
    char path[128];
    struct stat st;
    old_folder(*state, "closed");
    snprintf(path, sizeof path, "%s/provost.db", (char *)*state);
    char damaged[160];
    snprintf(damaged, sizeof damaged, "%s.schema-1", path);
    copy_file(path, damaged);
    assert_int_equal(truncate(damaged, 20000), 0);
    struct store *s = open_or_die(*state, NULL);
    assert_string_equal(store_migration(s)->copy, "provost.db.schema-1.2");
    store_close(&s);
    assert_int_equal(stat(damaged, &st), 0);
    assert_int_equal(st.st_size, 20000);
    expect_schema(*state, "provost.db.schema-1.2", OLD);
}

static void a_newer_number_is_refused_and_nothing_changes(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    char known[32];
    store_close(&s);
    sql(*state, "UPDATE meta SET value = 1000 WHERE name = 'schema'; CREATE TABLE later (x)");
    wire_hash before = file_hash(*state, "provost.db");
    assert_int_equal(store_open(&s, STORE_AT(*state), -1, NULL, why), PV_STORE);
    snprintf(known, sizeof known, "up to %d", sqlite_steps_newest());
    assert_non_null(strstr(why, "schema 1000"));
    assert_non_null(strstr(why, known));
    assert_non_null(strstr(why, "newer program"));
    assert_non_null(strstr(why, "copy provost.db.schema-"));
    wire_hash after = file_hash(*state, "provost.db");
    assert_memory_equal(&before, &after, sizeof after);
    expect_schema(*state, "provost.db", 1000);
}

static void a_strange_database_is_refused(void **state)
{
    struct store *s = NULL;
    sql(*state, "CREATE TABLE photographs (x)");
    assert_int_equal(store_open(&s, STORE_AT(*state), -1, NULL, why), PV_STORE);
    assert_non_null(strstr(why, "not a database of a Provost broker"));
}

static void a_full_disk_refuses_and_changes_nothing(void **state)
{
    struct faults f = { .fail_at = { [FAULT_WRITE] = 3 }, .error = { [FAULT_WRITE] = ENOSPC } };
    struct store *s = NULL;
    char *want[TABLES];
    read_old("closed", want);
    old_folder(*state, "closed");
    assert_int_equal(store_open(&s, STORE_AT(*state), -1, &f, why), PV_STORE);
    if (!strstr(why, "nothing was changed")) fail_msg("%s", why);
    assert_non_null(strstr(why, "full"));
    assert_false(there(*state, "provost.db.schema-1"));
    assert_false(there(*state, "provost.db.copy"));
    expect_schema(*state, "provost.db", OLD);
    expect_all(*state, "provost.db", want);
    free_all(want);
}

/* The old number or the new one, everything in either, and a copy beside the new one. */
static void expect_old_or_new(const char *dir, char *want[TABLES])
{
    char *number = rows(dir, "provost.db", "SELECT value FROM meta WHERE name = 'schema'");
    bool old = !strcmp(number, "value=1;");
    free(number);
    expect_schema(dir, "provost.db", old ? OLD : sqlite_steps_newest());
    expect_all(dir, "provost.db", want);
    if (!old || there(dir, "provost.db.schema-1")) expect_all(dir, "provost.db.schema-1", want);
    struct store *s = open_or_die(dir, NULL);
    assert_true(tasks_in(s) > 0);
    store_close(&s);
    expect_schema(dir, "provost.db", sqlite_steps_newest());
    expect_all(dir, "provost.db", want);
    expect_all(dir, "provost.db.schema-1", want);
    assert_false(there(dir, "provost.db.schema-1.2"));
}

/* True: it was opened, the fault came too late. */
static bool fails_once(const char *which, enum fault_kind kind, uint64_t nth, char *want[TABLES])
{
    struct faults f = { .seen = { 0 } };
    struct store *s = NULL;
    char dir[64];
    f.fail_at[kind] = nth;
    temp_dir_make(dir);
    old_folder(dir, which);
    bool opened = store_open(&s, STORE_AT(dir), -1, &f, why) == PV_OK;
    store_close(&s);
    expect_old_or_new(dir, want);
    temp_dir_remove(dir);
    return opened && f.seen[kind] < nth;
}

static void any_failure_of_the_disk_leaves_the_old_or_the_new(void **state)
{
    char *want[TABLES];
    read_old("killed", want);
    for (int kind = 0; kind < FAULT_KINDS; kind++)
        for (uint64_t nth = 1; !fails_once("killed", (enum fault_kind)kind, nth, want); nth++) assert_true(nth < 1000);
    free_all(want);
}

/* True: it lived to the end. */
static bool dies_once(const char *which, uint64_t nth, char *want[TABLES])
{
    char dir[64];
    int status = 0;
    temp_dir_make(dir);
    old_folder(dir, which);
    pid_t child = fork();
    if (!child) {
        struct store *s = NULL;
        die_at = asked + nth;
        _exit(store_open(&s, STORE_AT(dir), -1, NULL, why) != PV_OK);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || !WEXITSTATUS(status));
    expect_old_or_new(dir, want);
    temp_dir_remove(dir);
    return WIFEXITED(status);
}

static void a_kill_at_any_moment_leaves_the_old_or_the_new(void **state)
{
    char *want[TABLES];
    uint64_t nth = 1;
    read_old("killed", want);
    while (!dies_once("killed", nth, want)) nth++;
    assert_true(nth > 5); /* it did die */
    free_all(want);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(a_folder_of_52f222a_is_raised_and_a_copy_stays),
        IN_A_FOLDER(a_killed_brokers_log_is_in_the_copy),
        IN_A_FOLDER(a_new_folder_has_the_newest_number_and_no_copy),
        IN_A_FOLDER(a_raised_folder_has_the_tables_of_a_new_one),
        cmocka_unit_test(old_moments_become_what_was_left),
        IN_A_FOLDER(the_copy_is_a_way_back),
        IN_A_FOLDER(a_whole_copy_is_not_written_again),
        IN_A_FOLDER(a_damaged_copy_is_neither_trusted_nor_overwritten),
        IN_A_FOLDER(a_newer_number_is_refused_and_nothing_changes),
        IN_A_FOLDER(a_strange_database_is_refused),
        IN_A_FOLDER(a_full_disk_refuses_and_changes_nothing),
        cmocka_unit_test(any_failure_of_the_disk_leaves_the_old_or_the_new),
        cmocka_unit_test(a_kill_at_any_moment_leaves_the_old_or_the_new),
    };
    data = argc > 1 ? argv[1] : "data/compat";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
