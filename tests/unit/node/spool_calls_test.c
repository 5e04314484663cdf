/* Each call that a spool makes of files fails once, and each allocation, golden: what is answered and said, which results are there afterwards and which
 * files, and that nothing is left open or allocated. `spool_calls_test FILE write` writes the text anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "call_faults.h"
#include "golden.h"
#include "heap_watch.h"
#include "sha256.h"
#include "spool.h"
#include "temp_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *file;
static char dir[64], folder[96], why[SPOOL_WHY_BYTES];
static int call, error; /* which call fails, and how; -1: none */
static long allocation; /* which allocation fails; -1: none */

static void faults_on(void)
{
    call_faults_begin(dir, call, error);
    heap_fail_after(allocation);
}

static void faults_off(void)
{
    call_faults_begin(NULL, 0, 0);
    heap_fail_after(-1);
}

static unsigned descriptors(void)
{
    unsigned n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d)) n++;
    if (d) closedir(d);
    return n;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void tell_files(void)
{
    char names[32][64];
    size_t n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && n < 32 && (e = readdir(d));)
        if (*e->d_name != '.') snprintf(names[n++], sizeof *names, "%.63s", e->d_name);
    if (d) closedir(d);
    qsort(names, n, sizeof *names, by_name);
    golden_tell("  files");
    for (size_t i = 0; i < n; i++) golden_tell(" %s", names[i]);
    golden_tell("\n");
}

static void tell(const char *what, pv_status st)
{
    for (char *at; (at = strstr(why, dir));) memmove(at, at + strlen(dir) + 1, strlen(at + strlen(dir) + 1) + 1);
    golden_tell("  %s %s%s%s\n", what, pv_status_word(st), *why ? ": " : "", why);
}

static struct spool_entry entry_of(uint64_t seq, const char *text)
{
    struct spool_entry e = { .token = { 7, seq }, .length = strlen(text), .measured_ms = seq };
    assert_int_equal(sha256_of(&e.sha256, text, strlen(text)), PV_OK);
    return e;
}

static void put(struct spool *s, uint64_t seq, const char *text)
{
    struct spool_entry e = entry_of(seq, text);
    tell("put", spool_put(s, &e, (const uint8_t *)text, why));
}

static void read_back(struct spool *s, uint64_t seq)
{
    uint8_t *bytes = NULL;
    size_t n;
    pv_status st = spool_read(s, (wire_token){ 7, seq }, &bytes, why);
    tell("read", st);
    const struct spool_entry *e = spool_entries(s, &n);
    for (size_t i = 0; bytes && i < n; i++)
        if (e[i].token.seq == seq) golden_tell("  \"%.*s\"\n", (int)e[i].length, (char *)bytes);
    free(bytes);
}

static void tell_entries(const struct spool *s)
{
    size_t n;
    const struct spool_entry *e = spool_entries(s, &n);
    golden_tell("  has");
    for (size_t i = 0; i < n; i++) golden_tell(" %d", (int)e[i].token.seq);
    golden_tell("\n");
}

/* A first life, and a second that finds what the first left and what a crash may leave. */
static void live(void)
{
    struct spool *s = NULL;
    size_t damaged = 99;
    faults_on();
    tell("open", spool_open(&s, folder, &damaged, why));
    if (s) {
        put(s, 2, "two");
        put(s, 1, "one");
        put(s, 2, "two, again");
        read_back(s, 2);
        spool_drop(s, (wire_token){ 7, 1 });
        tell_entries(s);
        spool_close(&s);
    }
}

/* What another life left: one file at a time, since the order in which a folder is read is the file system's. */
static void find(void)
{
    struct spool *s = NULL;
    size_t damaged = 99;
    faults_on();
    tell("open", spool_open(&s, folder, &damaged, why));
    golden_tell("  damaged %d\n", (int)damaged);
    if (s) tell_entries(s);
    spool_close(&s);
}

static void leave(const char *name)
{
    struct spool *s = NULL;
    size_t damaged = 99;
    char from[160], to[160];
    struct spool_entry e = entry_of(5, "five");
    faults_off();
    assert_int_equal(spool_open(&s, folder, &damaged, why), PV_OK);
    assert_int_equal(spool_put(s, &e, (const uint8_t *)"five", why), PV_OK);
    spool_close(&s);
    snprintf(from, sizeof from, "%s/7-5.result", folder);
    snprintf(to, sizeof to, "%s/%s", folder, name);
    assert_int_equal(rename(from, to), 0);
}

static void find_a_result(void)
{
    leave("7-5.result");
    find();
}

static void find_one_with_anothers_name(void)
{
    leave("7-6.result");
    find();
}

static void find_one_half_written(void)
{
    leave("7-5.result.tmp");
    find();
}

static bool one(const char *name, void (*scene)(void))
{
    char failed[512];
    unsigned fds = descriptors();
    size_t blocks = heap_blocks();
    temp_dir_remove(folder);
    char *at = golden_told() + strlen(golden_told());
    golden_tell("@\n");
    scene();
    snprintf(failed, sizeof failed, "%s",
             call_faults_failed() ? call_faults_failed()
             : heap_failed()      ? "allocation"
                                  : "");
    faults_off();
    tell_files();
    /* Fewer: czmq begins before main, and ends a socket in a thread of its own. */
    if (descriptors() > fds) fail_msg("%s: %u descriptors, and %u before", failed, descriptors(), fds);
    if (heap_blocks() != blocks) fail_msg("%s: %zu blocks, and %zu before", failed, heap_blocks(), blocks);
    char rest[8192];
    snprintf(rest, sizeof rest, "%s", at + 2);
    *at = 0;
    golden_tell("%s, %s\n%s", name, *failed ? failed : "no fault", rest);
    return *failed;
}

static void each(const char *name, void (*scene)(void), bool of_calls)
{
    int n = 0;
    for (bool more = true; more && n < 200; n++) {
        call = of_calls ? n : -1;
        allocation = of_calls ? -1 : n;
        more = one(name, scene);
    }
    assert_in_range(n, 3, 199);
}

static void each_call_fails(void **state)
{
    error = EIO;
    each("a life", live, true);
    each("a result is found", find_a_result, true);
    each("with another's name", find_one_with_anothers_name, true);
    each("half of one", find_one_half_written, true);
    error = ENOSPC;
    each("a full disk", live, true);
}

static void each_allocation_fails(void **state)
{
    each("a life", live, false);
    each("a result is found", find_a_result, false);
    each("with another's name", find_one_with_anothers_name, false);
}

static void all_is_golden(void **state)
{
    golden_is(file);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_call_fails), cmocka_unit_test(each_allocation_fails),
                                        cmocka_unit_test(all_is_golden) };
    file = argv[1];
    golden_writes(argc > 2 && !strcmp(argv[2], "write"));
    temp_dir_make(dir);
    snprintf(folder, sizeof folder, "%s/spool", dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    temp_dir_remove(dir);
    return failed;
}
