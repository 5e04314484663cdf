/* Each call that a start makes of files fails once, golden: what is answered and said, that no descriptor and no memory is left, and that the same
 * folder opens once more. (The statements of SQLite fail in statements_test, the steps in open_steps_test.) `open_calls_test write` writes it anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker.h"
#include "broker_open.h"
#include "call_faults.h"
#include "golden.h"
#include "heap_watch.h"
#include "temp_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { CALLS_MOST = 400 };

static char dir[64], folder[80], key_file[96], keys_file[96], port_file[96], why[BROKER_WHY_BYTES];
static struct config config;
static struct config_args args;

static void file_write(char *path, const char *name, const char *text)
{
    snprintf(path, 96, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static int setup(void **state)
{
    char public[41], secret[41], text[300];
    temp_dir_make(dir);
    snprintf(folder, sizeof folder, "%s/state", dir);
    snprintf(port_file, sizeof port_file, "%s/port", dir);
    assert_int_equal(zmq_curve_keypair(public, secret), 0);
    snprintf(text, sizeof text, "curve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n", public, secret);
    file_write(key_file, "own.key", text);
    snprintf(text, sizeof text, "keys:\n  - { name: acme, key: \"%s\", roles: [client] }\n", public);
    file_write(keys_file, "keys.yaml", text);
    args = (struct config_args){ .values[CONFIG_bind] = "tcp://127.0.0.1:*",
                                 .values[CONFIG_state] = folder,
                                 .values[CONFIG_disk_reserve] = "0",
                                 .values[CONFIG_key] = key_file,
                                 .values[CONFIG_authorized_keys] = keys_file,
                                 .values[CONFIG_port_file] = port_file,
                                 .queues = { "outer" },
                                 .queues_n = 1 };
    return config_read(&config, &args, why) != PV_OK;
}

static int teardown(void **state)
{
    call_faults_begin(NULL, 0, 0);
    config_clear(&config);
    temp_dir_remove(dir);
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

/* Sockets are closed by libzmq's thread, behind the caller's back. */
static void expect_descriptors(unsigned n, const char *failed)
{
    for (int ms = 0; ms < 2000 && descriptors() > n; ms += 5) usleep(5000);
    if (descriptors() > n) fail_msg("%s: %u descriptors are left open", failed, descriptors() - n);
}

static pv_status opened(struct broker **b, int n)
{
    call_faults_begin(dir, n, EIO);
    pv_status st = broker_open(b, &config, &args, why);
    call_faults_begin(NULL, 0, 0);
    return st;
}

static void tell(const char *failed, pv_status st)
{
    golden_tell("%s: %s", failed, pv_status_word(st));
    for (char *at; (at = strstr(why, dir));) memmove(at, at + strlen(dir) + 1, strlen(at + strlen(dir) + 1) + 1);
    if (st != PV_OK) golden_tell(" \"%s\"", why);
    golden_tell("\n");
}

/* False: it did not come to so many calls. */
static bool one(int n, void (*prepare)(void), unsigned fds, size_t blocks)
{
    struct broker *b = NULL;
    char failed[512] = "";
    prepare();
    pv_status st = opened(&b, n);
    if (call_faults_failed()) snprintf(failed, sizeof failed, "%s", call_faults_failed());
    tell(failed[0] ? failed : "no call", st);
    assert_int_equal(st == PV_OK, b != NULL);
    if (b) broker_close(&b);
    expect_descriptors(fds, failed);
    if (heap_blocks() > blocks) fail_msg("%s: %zu blocks are left", failed, heap_blocks() - blocks);
    if (st != PV_OK && opened(&b, -1) != PV_OK) fail_msg("after %s it does not open: %s", failed, why);
    if (b) broker_close(&b);
    return failed[0];
}

static void each(void (*prepare)(void), const char *file)
{
    struct broker *b = NULL;
    for (int i = 0; i < 2; i++) { /* what libraries keep from now on is theirs */
        assert_int_equal(opened(&b, -1), PV_OK);
        broker_close(&b);
    }
    unsigned fds = descriptors();
    size_t blocks = heap_blocks();
    int n = 0;
    golden_told()[0] = '\0';
    while (n < CALLS_MOST && one(n, prepare, fds, blocks)) n++;
    assert_in_range(n, 10, CALLS_MOST - 1);
    golden_is(file);
}

static void no_folder(void)
{
    temp_dir_remove(folder);
}

static void a_folder(void)
{
}

static void each_call_of_a_first_start(void **state)
{
    each(no_folder, "vectors/broker/first_start_calls.txt");
}

static void each_call_of_a_start(void **state)
{
    each(a_folder, "vectors/broker/start_calls.txt");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(each_call_of_a_first_start, setup, teardown),
                                        cmocka_unit_test_setup_teardown(each_call_of_a_start, setup, teardown) };
    if (!access("/dev/shm", W_OK | X_OK)) setenv("TMPDIR", "/dev/shm", 0); /* where syncs cost nothing */
    call_faults_no_statements();
    call_faults_but("/blobs-"); /* a hundred names that are looked for, all alike */
    golden_writes(argc > 1 && !strcmp(argv[1], "write"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
