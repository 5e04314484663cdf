/* One witness: what a generator may do and what comes of it, each in namespaces and without. Generators are scripts that the test writes;
 * circom's own are in tests/interop/witness_programs.sh. */
#include "witness_maker.h"

#include "clock.h"
#include "program_place.h"
#include "temp_dir.h"
#include "wtns.h"

#include <dirent.h>
#include <pthread.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { VALUES = 6 /* of hidden.zkey */ };

static struct scene {
    char folder[64], circuit[128], file[192];
    struct program_place place;
    struct witness_maker m;
    struct witness_made made;
    struct prove_error err;
    char why[PROGRAM_WHY_BYTES];
    atomic_int stop;
} s;

static int set_up(void **state)
{
    char work[96];
    memset(&s, 0, sizeof s);
    temp_dir_make(s.folder);
    chmod(s.folder, 0755);
    snprintf(s.circuit, sizeof s.circuit, "%s/circuit", s.folder);
    snprintf(s.file, sizeof s.file, "%s/witness", s.circuit);
    snprintf(work, sizeof work, "%s/work", s.folder);
    mkdir(s.circuit, 0755);
    if (program_place_open(&s.place, work, &s.err) != PV_OK) fail_msg("%s", s.err.text);
    s.place.launcher = strdup(PV_LAUNCH_PATH);
    const struct witness_maker_options o = { .run_as = geteuid() ? "" : "nobody", .node_js = "" };
    if (witness_maker_open(&s.m, &s.place, &o, s.why) != PV_OK) fail_msg("%s", s.why);
    return 0;
}

static unsigned entries_in(const char *folder)
{
    unsigned n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] != '.';
    if (d) closedir(d);
    return n;
}

static int tear_down(void **state)
{
    unsigned left = entries_in(s.place.work);
    if (left) print_error("%u folders are left\n", left);
    witness_made_clear(&s.made);
    witness_maker_clear(&s.m);
    program_place_close(&s.place);
    temp_dir_remove(s.folder);
    return left != 0;
}

static void script_write(const char *body)
{
    FILE *out = fopen(s.file, "w");
    if (!out || fprintf(out, "#!/bin/sh\n%s\n", body) < 0 || fclose(out) || chmod(s.file, 0755)) fail_msg("%s", s.file);
}

static pv_status make(const char *path)
{
    struct generator g;
    const struct handler_watch watch = { .stop = &s.stop };
    static const char input[] = "{\"a\": \"6\", \"b\": \"35\", \"c\": \"14\", \"d\": \"15\"}";
    witness_made_clear(&s.made);
    s.err = (struct prove_error){ 0 };
    if (generator_open(&g, path, s.why) != PV_OK) fail_msg("%s", s.why);
    const struct witness_order order = { &g, "task", (const uint8_t *)input, sizeof input - 1, VALUES, &watch };
    return witness_make(&s.made, &s.m, &order, &s.err);
}

static pv_status make_by(const char *body)
{
    script_write(body);
    return make(s.file);
}

static void each(void (*test)(void))
{
    static const enum launch_sandbox sandboxes[] = { LAUNCH_SANDBOX_AUTO, LAUNCH_SANDBOX_NONE };
    for (size_t i = 0; i < 2; i++) {
        s.m.as.sandbox = sandboxes[i];
        test();
    }
}

static void expect(const char *body, pv_status status, enum handler_verdict verdict, const char *has)
{
    pv_status was = make_by(body);
    if (was != status || s.made.verdict != verdict || !strstr(s.err.text, has))
        fail_msg("%s: status %d, verdict %d: %s", body, was, s.made.verdict, s.err.text);
    assert_null(s.made.bytes);
}

/* --- what it gets and gives --- */

static void gets_and_gives(void)
{
    assert_int_equal(make_by("cat \"$1\" > \"$2\"; id -u >> \"$2\"; ls >> \"$2\""), PV_OK);
    char *text = strndup((char *)s.made.bytes, s.made.n);
    assert_non_null(strstr(text, "\"c\": \"14\""));
    if (!geteuid()) {
        char uid[16];
        snprintf(uid, sizeof uid, "\n%u\n", getpwnam("nobody")->pw_uid);
        assert_true(strstr(text, uid + 1));
    }
    assert_non_null(strstr(text, "input.json\nresult\n"));
    free(text);
}

static void it_gets_the_input_and_gives_a_file(void **state)
{
    each(gets_and_gives);
}

static void wasm(void)
{
    struct wtns w, expected;
    pv_status status = make("data/code/hidden.wasm");
    if (status != PV_OK) fail_msg("%s", s.err.text);
    assert_int_equal(wtns_of(&w, s.made.bytes, s.made.n, "it", &s.err), PV_OK);
    assert_int_equal(wtns_open(&expected, "data/hidden/witness.wtns", &s.err), PV_OK);
    assert_int_equal(w.count, expected.count);
    assert_memory_equal(w.values, expected.values, 32 * (size_t)w.count);
    wtns_close(&w);
    wtns_close(&expected);
}

static void webassembly_is_run_by_node(void **state)
{
    if (!s.m.node_js) skip();
    s.m.script = realpath(PV_SCRIPT_PATH, NULL);
    each(wasm);
}

static void without_node_webassembly_is_refused_with_the_reason(void **state)
{
    struct generator g;
    free(s.m.node_js);
    s.m.node_js = NULL;
    snprintf(s.m.no_wasm, sizeof s.m.no_wasm, "not found");
    assert_int_equal(generator_open(&g, "data/code/hidden.wasm", s.why), PV_OK);
    assert_false(witness_maker_can(&s.m, &g, s.why));
    assert_non_null(strstr(s.why, "needs Node.js: not found"));
}

/* --- failures --- */

static void failures(void)
{
    const char *assert_line =
        "echo 'secret 5'; echo 'Failed assert in template/function X line 9. Followed trace of components: main'; "
        "echo 'w: w.cpp:1: Assertion false' >&2; kill -ABRT $$";
    expect(assert_line, PV_INVALID_INPUT, HANDLER_PERMANENT,
           "signal 6 (Aborted): Failed assert in template/function X line 9. Followed trace of components: main");
    assert_null(strstr(s.err.text, "secret"));
    expect("echo 'Assert Failed. Error in template X_1 line: 9' >&2; exit 1", PV_INVALID_INPUT, HANDLER_PERMANENT,
           "exit status 1: Assert Failed. Error in template X_1 line: 9");
    expect("echo secret; exit 3", PV_INVALID_INPUT, HANDLER_PERMANENT, "exit status 3");
    assert_null(strstr(s.err.text, "secret"));
    expect("echo \"what(): parse error at 9; last read: 'secret'\" >&2; exit 1", PV_INVALID_INPUT, HANDLER_PERMANENT,
           "parse error at 9");
    assert_null(strstr(s.err.text, "secret"));
    expect("echo 'std::bad_alloc' >&2; kill -ABRT $$", PV_RESOURCES, HANDLER_RESOURCE, "bad_alloc");
    expect("echo 'x.dat file not found: x.dat'; exit 1", PV_RESOURCES, HANDLER_RESOURCE, ".dat file not found");
    expect("kill -SEGV $$", PV_FAILED, HANDLER_RETRYABLE, "signal 11");
    expect("printf 'a\\001b\\377c' >&2; exit 1", PV_INVALID_INPUT, HANDLER_PERMANENT, "a b?c");
}

static void a_failure_says_what_circom_printed_and_nothing_private(void **state)
{
    each(failures);
}

static void no_witness(void)
{
    expect("true", PV_FAILED, HANDLER_RETRYABLE, "it wrote no result");
    expect("rm -r result", PV_FAILED, HANDLER_RETRYABLE, "no folder for the result");
    expect("ln -s /etc/passwd \"$2\"", PV_FAILED, HANDLER_RETRYABLE, "it wrote no result");
    expect("mkfifo \"$2\"", PV_FAILED, HANDLER_RETRYABLE, "no file of its own");
    expect(": > \"$2\"", PV_FAILED, HANDLER_RETRYABLE, "is empty");
    expect("echo x > \"$2\"; echo y > result/more", PV_FAILED, HANDLER_RETRYABLE, "more than one result");
    expect("exec dd if=/dev/zero of=\"$2\" bs=1M count=64", PV_FAILED, HANDLER_RETRYABLE, "signal 25");
    expect("dd if=/dev/zero of=\"$2\" bs=1M count=64", PV_FAILED, HANDLER_RETRYABLE, "exit status 153");
    expect("dd if=/dev/zero of=\"$2\" bs=1M count=64 2>/dev/null; true", PV_FAILED, HANDLER_RETRYABLE,
           "larger than one of the key can be (6 values)");
}

static void what_is_no_witness_file_is_not_taken(void **state)
{
    each(no_witness);
}

/* --- time --- */

static void *stop_later(void *unused)
{
    usleep(200000);
    atomic_store(&s.stop, 1);
    return NULL;
}

static bool runs(const char *mark)
{
    bool found = false;
    char path[300], line[512];
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && !found && (e = readdir(d));) {
        snprintf(path, sizeof path, "/proc/%.20s/cmdline", e->d_name);
        FILE *in = fopen(path, "r");
        size_t n = in ? fread(line, 1, sizeof line - 1, in) : 0;
        for (size_t i = 0; i < n; i++)
            if (!line[i]) line[i] = ' ';
        line[n] = 0;
        found = strstr(line, mark);
        if (in) fclose(in);
    }
    if (d) closedir(d);
    return found;
}

static void stopped(void)
{
    pthread_t thread;
    uint64_t from = pv_clock_ms();
    atomic_store(&s.stop, 0);
    pthread_create(&thread, NULL, stop_later, NULL);
    /* deaf, and with children in sessions of their own */
    pv_status status = make_by("trap '' TERM; setsid sleep 8765 & setsid sh -c 'sleep 8765 & sleep 8765' & sleep 8765");
    pthread_join(thread, NULL);
    assert_int_equal(status, PV_CANCELLED);
    assert_in_range(pv_clock_ms() - from, 200, 8000);
    assert_false(runs("sleep 8765"));
    atomic_store(&s.stop, 0);
}

static void a_stop_ends_the_whole_tree(void **state)
{
    each(stopped);
}

static void late(void)
{
    s.m.limit_ms = 300;
    expect("sleep 8766", PV_RUN_TIMEOUT, HANDLER_RETRYABLE, "it did not end within 300 ms");
    assert_false(runs("sleep 8766"));
    s.m.limit_ms = 0;
}

static void a_generator_that_hangs_is_ended_at_its_limit(void **state)
{
    each(late);
}

static void left(void)
{
    assert_int_equal(make_by("setsid sleep 8767 & echo x > \"$2\""), PV_OK);
    assert_false(runs("sleep 8767"));
}

static void what_it_leaves_behind_is_gone(void **state)
{
    each(left);
}

/* --- who may write to it --- */

static void refused(const char *path, const char *has)
{
    struct generator g;
    pv_status status = generator_open(&g, path, s.why);
    if (status == PV_OK || !strstr(s.why, has)) fail_msg("%s: status %d: %s", path, status, s.why);
}

static void a_generator_that_others_may_write_to_is_refused(void **state)
{
    struct generator g;
    char data[224];
    script_write("true");
    assert_int_equal(generator_open(&g, s.file, s.why), PV_OK);
    chmod(s.file, 0775);
    refused(s.file, "writable by others");
    chmod(s.file, 0755);
    chmod(s.circuit, 0757);
    refused(s.file, "writable by others");
    chmod(s.circuit, 0755);
    snprintf(data, sizeof data, "%s.dat", s.file);
    fclose(fopen(data, "w"));
    chmod(data, 0646);
    refused(s.file, "witness.dat");
    remove(data);
    if (!geteuid()) {
        assert_int_equal(chown(s.file, getpwnam("nobody")->pw_uid, 0), 0);
        refused(s.file, "belongs to another user");
        assert_int_equal(chown(s.file, 0, 0), 0);
    }
    chmod(s.file, 0644);
    refused(s.file, "neither an executable nor WebAssembly");
    remove(s.file);
    refused(s.file, "No such file");
    mkdir(s.file, 0755);
    refused(s.file, "not a file");
}

/* It was good when it was announced. */
static void one_that_has_changed_since_is_not_run(void **state)
{
    struct generator g;
    const struct handler_watch watch = { .stop = &s.stop };
    script_write("echo x > \"$2\"");
    assert_int_equal(generator_open(&g, s.file, s.why), PV_OK);
    const struct witness_order order = { &g, "task", (const uint8_t *)"{}", 2, VALUES, &watch };
    chmod(s.file, 0777);
    assert_int_equal(witness_make(&s.made, &s.m, &order, &s.err), PV_BAD_CONFIG);
    assert_int_equal(s.made.verdict, HANDLER_RESOURCE);
    assert_non_null(strstr(s.err.text, "writable by others"));
    chmod(s.file, 0755);
    assert_int_equal(witness_make(&s.made, &s.m, &order, &s.err), PV_OK);
}

static void a_process_that_is_root_needs_a_user(void **state)
{
    struct witness_maker m;
    const struct witness_maker_options none = { .run_as = "", .node_js = "" },
                                       root = { .run_as = "root", .node_js = "" };
    if (geteuid()) skip();
    assert_int_equal(witness_maker_open(&m, &s.place, &none, s.why), PV_BAD_CONFIG);
    assert_non_null(strstr(s.why, "needs a user"));
    assert_int_equal(witness_maker_open(&m, &s.place, &root, s.why), PV_BAD_CONFIG);
    assert_non_null(strstr(s.why, "is root: a program never is"));
}

static void only_a_key_in_a_folder_of_its_own_has_a_generator(void **state)
{
    char path[PATH_MAX], key[192], other[192];
    snprintf(key, sizeof key, "%s/circuit.zkey", s.circuit);
    snprintf(other, sizeof other, "%s/other.zkey", s.circuit);
    assert_false(generator_beside(path, key));
    script_write("true");
    assert_false(generator_beside(path, other));
    assert_false(generator_beside(path, "circuit.zkey"));
    assert_true(generator_beside(path, key));
    assert_string_equal(path, s.file);
    remove(s.file);
    snprintf(other, sizeof other, "%s/circuit.wasm", s.circuit);
    fclose(fopen(other, "w"));
    assert_true(generator_beside(path, key));
    assert_string_equal(path, other);
    script_write("true");
    assert_true(generator_beside(path, key));
    assert_string_equal(path, s.file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_gets_the_input_and_gives_a_file),
        TEST(webassembly_is_run_by_node),
        TEST(without_node_webassembly_is_refused_with_the_reason),
        TEST(a_failure_says_what_circom_printed_and_nothing_private),
        TEST(what_is_no_witness_file_is_not_taken),
        TEST(a_stop_ends_the_whole_tree),
        TEST(a_generator_that_hangs_is_ended_at_its_limit),
        TEST(what_it_leaves_behind_is_gone),
        TEST(a_generator_that_others_may_write_to_is_refused),
        TEST(one_that_has_changed_since_is_not_run),
        TEST(a_process_that_is_root_needs_a_user),
        TEST(only_a_key_in_a_folder_of_its_own_has_a_generator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
