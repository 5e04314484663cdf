/* What the store asks SQLite, statement by statement, and what becomes of it when one of them fails: for each place the status of every
 * call and the sentence, beside tests/vectors/broker/statements.txt (`statements_test FILE write` makes it anew). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_scene.h"
#include "whole_file.h"

#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>

enum { NEVER = 1 << 30, TEXT = 60 };

static const char *golden;
static bool write_it;
static char dir[64];
static FILE *out;
static long asked, failing; /* failing: the one that fails */
static char failed[4 * TEXT];
static bool listed; /* the statements go to the text */

/* ---- SQLite, as the store calls it ---- */

static void sql_put(char *to, const char *sql)
{
    size_t n = 0;
    for (; *sql && n < TEXT; sql++)
        if (!isspace((unsigned char)*sql) || (n && to[n - 1] != ' '))
            to[n++] = isspace((unsigned char)*sql) ? ' ' : *sql;
    to[n] = 0;
}

/* True: it is this one's turn to fail. */
static bool fails(const char *how, const char *sql)
{
    char text[TEXT + 1];
    sql_put(text, sql ? sql : "-");
    if (listed) fprintf(out, "  %ld %s %s\n", asked, how, text);
    if (asked++ != failing) return false;
    snprintf(failed, sizeof failed, "%s %s", how, text);
    return true;
}

int __real_sqlite3_step(sqlite3_stmt *q);
int __wrap_sqlite3_step(sqlite3_stmt *q);
int __real_sqlite3_exec(sqlite3 *db, const char *sql, int (*each)(void *, int, char **, char **), void *context,
                        char **why);
int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, int (*each)(void *, int, char **, char **), void *context,
                        char **why);
int __real_sqlite3_prepare_v2(sqlite3 *db, const char *sql, int bytes, sqlite3_stmt **q, const char **tail);
int __wrap_sqlite3_prepare_v2(sqlite3 *db, const char *sql, int bytes, sqlite3_stmt **q, const char **tail);

int __wrap_sqlite3_step(sqlite3_stmt *q)
{
    return fails("step", sqlite3_sql(q)) ? SQLITE_IOERR : __real_sqlite3_step(q);
}

int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, int (*each)(void *, int, char **, char **), void *context,
                        char **why)
{
    return fails("exec", sql) ? SQLITE_IOERR : __real_sqlite3_exec(db, sql, each, context, why);
}

int __wrap_sqlite3_prepare_v2(sqlite3 *db, const char *sql, int bytes, sqlite3_stmt **q, const char **tail)
{
    return fails("prepare", sql) ? SQLITE_IOERR : __real_sqlite3_prepare_v2(db, sql, bytes, q, tail);
}

/* ---- what is asked of the store ---- */

static struct store *s;

static void told(const char *what, pv_status st)
{
    if (listed)
        fprintf(out, "%s: %s\n", what, pv_status_word(st));
    else if (st != PV_OK)
        fprintf(out, " %s=%s", what, pv_status_word(st));
}

static pv_status row_seen(void *context, const struct task_record *t)
{
    ++*(unsigned *)context;
    return PV_OK;
}

static pv_status setting_seen(void *context, const struct setting_record *r)
{
    ++*(unsigned *)context;
    return PV_OK;
}

static bool opened(const char *what)
{
    char why[STORE_WHY_BYTES] = "";
    pv_status st = store_open(&s, STORE_AT(dir), -1, NULL, why);
    told(what, st);
    const char *sentence = strncmp(why, dir, strlen(dir)) ? why : why + strlen(dir) + 2;
    if (st != PV_OK) fprintf(out, " (%s)", sentence);
    return st == PV_OK;
}

static void writes(void)
{
    static const uint8_t data[] = "an input", other[] = "another";
    struct task_record one = task_of(1), two = task_of(2);
    struct setting_record set = { .key = SETTING_RUN_TIMEOUT, .name = "outer", .value = 5 };
    struct up_clock clock = { .up_ms = UP_CLOCK_FIRST_MS + 7, .away_ms = 1 };
    struct store_payload in = inline_payload(data, sizeof data), again = inline_payload(other, sizeof other), file;
    uint64_t number = 0;
    one.has_input = true;
    one.input = again.sha256;
    two.state = TASK_SUCCEEDED;
    told("put-task", store_put_task(s, &one));
    told("put-task", store_put_task(s, &two));
    told("put-input", store_put_payload(s, STORE_INPUT, 1, &in));
    told("put-input-again", store_put_payload(s, STORE_INPUT, 1, &again));
    told("file", file_payload(s, 7, &file));
    told("put-result-file", store_put_payload(s, STORE_RESULT, 1, &file));
    told("put-setting", store_put_setting(s, &set));
    set.cleared = true;
    set.key = SETTING_PAUSED;
    told("clear-setting", store_put_setting(s, &set));
    told("put-clock", store_put_clock(s, &clock));
    told("commit", store_commit(s, STORE_NOW, &number));
    told("put-task", store_put_task(s, &two));
    told("commit-soon", store_commit(s, STORE_SOON, &number));
}

static void reads(void)
{
    static struct store_named named[2 * STORE_SURVEY_ROWS];
    struct store_payload p;
    struct up_clock clock;
    uint64_t after = 0, last = 0;
    unsigned tasks = 0, settings = 0;
    size_t n = 0;
    store_read_begin(s);
    told("get-input", store_get_payload(s, STORE_INPUT, 1, &p));
    told("get-result", store_get_payload(s, STORE_RESULT, 1, &p));
    told("get-none", store_get_payload(s, STORE_RESULT, 2, &p));
    store_read_end(s);
    told("scan", store_scan(s, row_seen, &tasks));
    told("scan-settings", store_scan_settings(s, setting_seen, &settings));
    told("get-clock", store_get_clock(s, &clock));
    told("survey", store_survey(s, &after, named, &n));
    told("last-row", store_last_row(s, &last));
    if (!listed && tasks == 2 && settings == 1 && n == 2 && last == 2 && after == 2) return;
    fprintf(out, " tasks=%u settings=%u named=%zu last=%d after=%d", tasks, settings, n, (int)last, (int)after);
    for (size_t i = 0; i < n; i++) fprintf(out, " %s", pv_status_word(named[i].found));
    if (listed) fputc('\n', out);
}

static void ends(void)
{
    uint64_t number = 0;
    told("delete-task", store_delete_task(s, 1));
    told("commit", store_commit(s, STORE_NOW, &number));
    store_tidy(s);
    told("commit-nothing", store_commit(s, STORE_SOON, &number));
    store_sync(s);
    store_settle(s);
    if (store_failure(s)) fprintf(out, " failure: %s", store_failure(s));
    store_close(&s);
}

static void life(void)
{
    uint32_t epoch = 0;
    asked = 0;
    failed[0] = 0;
    temp_dir_make(dir);
    if (opened("open")) {
        told("boot", store_boot(s, 3, &epoch));
        writes();
        reads();
        ends();
    }
    /* What is left of a commit, and of each fourth: the rest is much the same, and threads are slow to begin on a busy machine. */
    bool looked = !failed[0] || strstr(failed, "COMMIT") || strstr(failed, "identity") || failing % 4 == 0;
    if (looked && opened("open-again")) {
        unsigned tasks = 0;
        told("scan", store_scan(s, row_seen, &tasks));
        if (tasks != 1 || epoch != 4 || store_epoch(s) != 4)
            fprintf(out, " left: tasks=%u epoch=%u %u", tasks, epoch, store_epoch(s));
        store_close(&s);
    }
    temp_dir_remove(dir);
}

static void each_statement_may_fail(void **state)
{
    char *text = NULL;
    size_t n = 0;
    out = open_memstream(&text, &n);
    failing = NEVER;
    listed = true;
    life();
    long all = asked;
    listed = false;
    fprintf(out, "\n");
    for (failing = 0; failing < all; failing++) {
        long at = failing;
        fprintf(out, "%ld", at);
        life();
        fprintf(out, " | %s\n", failed);
    }
    fclose(out);
    struct whole_file want = { 0 };
    struct file_why why;
    FILE *f = write_it ? fopen(golden, "w") : NULL;
    if (f) fwrite(text, 1, n, f), fclose(f);
    if (whole_file_read(&want, golden, 1 << 20, &why) != PV_OK) fail_msg("%s", golden);
    size_t at = 0;
    while (at < n && at < want.n && text[at] == (char)want.bytes[at]) at++;
    if (at < n || at < want.n) {
        while (at && text[at - 1] != '\n') at--;
        fail_msg("now:\n%.400s\nand in %s:\n%.400s", text + at, golden, (const char *)want.bytes + at);
    }
    whole_file_clear(&want);
    free(text);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_statement_may_fail) };
    golden = argc > 1 ? argv[1] : "vectors/broker/statements.txt";
    write_it = argc > 2 && !strcmp(argv[2], "write");
    if (!access("/dev/shm", W_OK)) setenv("TMPDIR", "/dev/shm", 1); /* nothing here is about the disk */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
