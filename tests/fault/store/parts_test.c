/* Parts of a state folder that do not belong together, are gone, older, damaged or of another program: what an opening finds, says and
 * leaves in the folder, beside tests/vectors/broker/parts.txt (`parts_test COMPAT FILE write` makes it anew). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_scene.h"
#include "whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *compat, *golden;
static bool write_it;
static char dir[64], at[80];
static FILE *out;

/* ---- folders ---- */

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void shell(const char *format, ...)
{
    char command[700];
    int n = snprintf(command, sizeof command, "cd %s && ", dir);
    va_list ap;
    va_start(ap, format);
    vsnprintf(command + n, sizeof command - (size_t)n, format, ap);
    va_end(ap);
    if (system(command)) fail_msg("%s", command); // NOLINT(cert-env33-c): the test's own words
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Names, modes and the sizes of what does not grow by itself. */
static void listing(const char *path, int depth)
{
    struct dirent **names;
    int n = scandir(path, &names, NULL, by_name);
    assert_true(n >= 0);
    for (int i = 0; i < n; i++) {
        char one[400];
        struct stat s;
        snprintf(one, sizeof one, "%s/%s", path, names[i]->d_name);
        bool dots = !strcmp(names[i]->d_name, ".") || !strcmp(names[i]->d_name, "..");
        if (!dots && !lstat(one, &s)) {
            fprintf(out, "  %*s%s %03o", depth * 2, "", names[i]->d_name, s.st_mode & 0777);
            if (S_ISREG(s.st_mode) && strncmp(names[i]->d_name, "provost.db", 10))
                fprintf(out, " %ld", (long)s.st_size);
            fputc('\n', out);
            if (S_ISDIR(s.st_mode)) listing(one, depth + 1);
        }
        free(names[i]);
    }
    free(names);
}

/* ---- openings ---- */

static pv_status row_seen(void *context, const struct task_record *t)
{
    ++*(unsigned *)context;
    return PV_OK;
}

static void found_put(const struct store *s)
{
    const struct store_found *f = store_found(s);
    const struct store_migration *m = store_migration(s);
    fprintf(out, " lost=%llu later=%u another=%d unmarked=%d mark_failed=%d log=%s(%s)",
            (unsigned long long)f->commits_lost, f->later_start, f->another, f->unmarked, f->mark_failed, f->log,
            f->log_why ? f->log_why : "");
    fprintf(out, " payloads=%s gone=%d moved=%llu back=%llu aside=%llu stuck=%d strangers=%s of %u\n", f->payloads,
            f->payloads_gone, (unsigned long long)f->payloads_moved, (unsigned long long)f->payloads_back,
            (unsigned long long)f->payloads_aside, f->payloads_stuck, f->strangers, f->strangers_n);
    if (m) fprintf(out, "  raised from %d to %d, copy %s\n", m->from, m->to, m->copy);
}

/* Opens what was put together, and says what there is then. */
static void opened(const char *title)
{
    struct store *s = NULL;
    char why[STORE_WHY_BYTES] = "";
    unsigned tasks = 0;
    uint32_t epoch = 0;
    pv_status st = store_open(&s, STORE_AT(at), -1, NULL, why);
    fprintf(out, "%s: %s", title, pv_status_word(st));
    if (st != PV_OK) {
        const char *sentence = strncmp(why, at, strlen(at)) ? why : why + strlen(at);
        fprintf(out, " %s\n", sentence);
        assert_null(s);
    } else {
        found_put(s);
        assert_int_equal(store_scan(s, row_seen, &tasks), PV_OK);
        pv_status booted = store_boot(s, 0, &epoch);
        fprintf(out, "  tasks=%u boot=%s epoch=%u\n", tasks, pv_status_word(booted), epoch);
        store_close(&s);
    }
    listing(at, 0);
}

/* ---- what they are put together from ---- */

static void some_work(struct store *s, uint64_t first, uint8_t fill)
{
    struct task_record t = task_of(first);
    struct store_payload file;
    uint32_t epoch;
    assert_int_equal(store_boot(s, 0, &epoch), PV_OK);
    assert_int_equal(file_payload(s, fill, &file), PV_OK);
    assert_int_equal(store_put_task(s, &t), PV_OK);
    assert_int_equal(store_put_payload(s, STORE_INPUT, first, &file), PV_OK);
    committed(s, STORE_NOW);
}

/* base; later: base and more; running: later with a log that is not folded; another: a store of its own. */
static void folders_make(void)
{
    static const char *const names[] = { "base", "another" };
    char path[96];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        struct store *s = open_or_die(path, NULL);
        some_work(s, 1, (uint8_t)(1 + i));
        store_close(&s);
    }
    shell("cp -a base later");
    snprintf(path, sizeof path, "%s/later", dir);
    struct store *s = open_or_die(path, NULL);
    some_work(s, 2, 3);
    shell("cp -a later running");
    store_close(&s);
}

static void from(const char *name)
{
    shell("rm -rf now && cp -a %s now", name);
}

static void parts(void)
{
    from("base");
    opened("as it was");
    opened("and again");
    from("running");
    opened("with a log, after a crash");
    from("base");
    shell("rm now/watermark");
    opened("without its watermark");
    from("base");
    shell("cp later/watermark now/watermark");
    opened("an older copy with a later watermark");
    opened("and again");
    from("base");
    shell("cp another/watermark now/watermark");
    opened("with the watermark of another");
    from("base");
    shell("truncate -s 10 now/watermark");
    opened("with a watermark that was cut");
}

static void logs(void)
{
    from("another");
    shell("cp running/provost.db-wal now/");
    opened("with the log of another");
    shell("cp running/provost.db-wal now/");
    opened("and once more");
    from("running");
    shell("rm now/provost.db");
    opened("a log without its database");
    from("running");
    shell("dd if=/dev/zero of=now/provost.db-wal bs=1 count=64 conv=notrunc 2>/dev/null");
    opened("a log that is damaged from its beginning on");
    from("running");
    shell("truncate -s 40 now/provost.db-wal");
    opened("a log that was cut");
}

static void payloads(void)
{
    from("base");
    shell("rm now/provost.db");
    opened("payloads without their database");
    shell("rm now/provost.db");
    opened("and once more");
    from("base");
    shell("rm -r now/blobs");
    opened("without its payloads");
    from("base");
    shell("rm -r now/blobs && cp -a another/blobs now/");
    opened("with the payloads of another");
    from("base");
    shell("rm -r now/blobs && cp -a later/blobs now/");
    opened("with payloads of later");
    shell("rm now/provost.db-* 2>/dev/null; cp later/provost.db now/ && cp later/watermark now/");
    opened("and with the database that names them");
    from("later");
    shell("cp base/provost.db now/ && cp base/watermark now/");
    opened("an older database and watermark beside later payloads");
    from("base");
    shell("cp another/blobs/[0-9a-f]* now/blobs/");
    opened("with a payload that no row names");
    from("base");
    shell("rm now/watermark && cp another/blobs/[0-9a-f]* now/blobs/");
    opened("and without a watermark");
}

static void programs(void)
{
    shell("rm -rf now && mkdir -m 700 now && cp -r %s/closed/state/. now/ && chmod -R u=rwX,go= now", compat);
    opened("of an earlier program");
    opened("and again");
    shell("rm -rf now && mkdir -m 700 now && cp -r %s/closed/state/. now/ && chmod -R u=rwX,go= now && touch "
          "now/provost.db.schema-1",
          compat);
    opened("of an earlier program, where a file has the copy's name");
    char path[120];
    snprintf(path, sizeof path, "%s/now/provost.db", dir);
    from("base");
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE meta SET value = 99 WHERE name = 'schema'", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    opened("of a newer program");
    shell("rm -rf now && mkdir -m 700 now");
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE x (y)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    opened("a database of somebody else");
    shell("rm -rf now && mkdir -m 700 now && head -c 9000 /dev/zero | tr '\\0' x >now/provost.db");
    opened("no database at all");
    shell("rm -rf now && mkdir -p -m 700 now/lock");
    opened("where the lock is a folder");
    shell("rm -rf now && touch now");
    struct store *s = NULL;
    char why[STORE_WHY_BYTES];
    assert_int_equal(store_open(&s, STORE_AT(at), -1, NULL, why), PV_IO);
    shell("rm now");
    opened("nothing");
}

static void each_folder_is_found_as_it_is(void **state)
{
    char *text = NULL;
    size_t n = 0;
    temp_dir_make(dir);
    snprintf(at, sizeof at, "%s/now", dir);
    out = open_memstream(&text, &n);
    folders_make();
    parts();
    logs();
    payloads();
    programs();
    fclose(out);
    temp_dir_remove(dir);
    struct whole_file want = { 0 };
    struct file_why why;
    FILE *f = write_it ? fopen(golden, "w") : NULL;
    if (f) fwrite(text, 1, n, f), fclose(f);
    if (whole_file_read(&want, golden, 1 << 20, &why) != PV_OK) fail_msg("%s", golden);
    size_t same = 0;
    while (same < n && same < want.n && text[same] == (char)want.bytes[same]) same++;
    if (same < n || same < want.n) {
        while (same && text[same - 1] != '\n') same--;
        fail_msg("now:\n%.400s\nand in %s:\n%.400s", text + same, golden, (const char *)want.bytes + same);
    }
    whole_file_clear(&want);
    free(text);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_folder_is_found_as_it_is) };
    assert_true(argc > 1);
    umask(022);
    compat = argv[1];
    golden = argc > 2 ? argv[2] : "vectors/broker/parts.txt";
    write_it = argc > 3 && !strcmp(argv[3], "write");
    if (!access("/dev/shm", W_OK)) setenv("TMPDIR", "/dev/shm", 1); /* nothing here is about the disk */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
