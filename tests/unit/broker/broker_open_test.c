/* Opening a broker: each thing that can be wrong is refused with its own status and a sentence that names it, whatever was
 * opened before is closed again, and the same folder opens once the thing is right. */
#include "broker_open.h"

#include "broker.h"
#include "heap_watch.h"
#include "temp_dir.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64], state_folder[80], path[120], why[BROKER_WHY_BYTES];
static struct config config;
static struct config_args args;
static struct broker *b;

static int setup(void **state)
{
    temp_dir_make(dir);
    snprintf(state_folder, sizeof state_folder, "%s/state", dir);
    args = (struct config_args){ .values[CONFIG_insecure] = "yes",
                                 .values[CONFIG_bind] = "tcp://127.0.0.1:*",
                                 .values[CONFIG_state] = state_folder,
                                 .values[CONFIG_disk_reserve] = "0",
                                 .queues = { "outer" },
                                 .queues_n = 1 };
    return 0;
}

static int teardown(void **state)
{
    temp_dir_remove(dir);
    return 0;
}

static const char *named(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    FILE *f = fopen(named(name), "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static pv_status open_it(void)
{
    why[0] = 0;
    if (config_read(&config, &args, why) != PV_OK) fail_msg("%s", why);
    return broker_open(&b, &config, &args, why);
}

static void close_it(void)
{
    broker_close(&b);
    assert_null(b);
    config_clear(&config);
}

static void expect_refused(pv_status status, const char *words)
{
    b = NULL;
    pv_status got = open_it();
    if (got == PV_OK) close_it();
    if (got != status) fail_msg("%s: %s", pv_status_word(got), why);
    if (!strstr(why, words)) fail_msg("\"%s\" has not \"%s\"", why, words);
    assert_null(b);
    config_clear(&config);
}

static void expect_opens(void)
{
    if (open_it() != PV_OK) fail_msg("%s", why);
    close_it();
}

/* A socket that listens, and its port. */
static int listener(unsigned *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static void with_keys(void)
{
    char public[41], secret[41], text[400];
    assert_int_equal(zmq_curve_keypair(public, secret), 0);
    snprintf(text, sizeof text, "curve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n", public, secret);
    write_file("own.key", text, 0600);
    snprintf(text, sizeof text, "keys:\n  - { name: acme, key: \"%s\", roles: [client], queues: [outer] }\n", public);
    write_file("keys.yaml", text, 0600);
    static char own[120], theirs[120];
    snprintf(own, sizeof own, "%s/own.key", dir);
    snprintf(theirs, sizeof theirs, "%s/keys.yaml", dir);
    args.values[CONFIG_insecure] = NULL;
    args.values[CONFIG_key] = own;
    args.values[CONFIG_authorized_keys] = theirs;
}

static void its_keys_have_to_be_readable(void **state)
{
    with_keys();
    expect_opens();
    assert_int_equal(unlink(named("keys.yaml")), 0);
    expect_refused(PV_BAD_KEY_FILE, "keys.yaml");
    write_file("keys.yaml", "keys:\n  - { name: acme, key: \"short\", roles: [client] }\n", 0600);
    expect_refused(PV_BAD_KEY_FILE, "keys.yaml");
    with_keys();
    expect_opens();
    assert_int_equal(unlink(named("own.key")), 0);
    expect_refused(PV_BAD_KEY_FILE, "own.key");
}

static void its_folder_has_to_be_one(void **state)
{
    write_file("state", "a file", 0600);
    expect_refused(PV_IO, "state");
    assert_int_equal(unlink(named("state")), 0);
    expect_opens();
}

static void a_folder_has_one_broker(void **state)
{
    struct broker *first;
    struct config first_config;
    assert_int_equal(open_it(), PV_OK);
    first = b;
    first_config = config;
    config = (struct config){ 0 };
    expect_refused(PV_BUSY, "state");
    b = first;
    config = first_config;
    b->config = b->settings.started = &config;
    close_it();
    expect_opens();
}

static void its_ports_have_to_be_free(void **state)
{
    unsigned port;
    char endpoint[64], http[64];
    int fd = listener(&port);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", port);
    snprintf(http, sizeof http, "127.0.0.1:%u", port);
    args.values[CONFIG_bind] = endpoint;
    expect_refused(PV_FAILED, endpoint);
    args.values[CONFIG_bind] = "tcp://127.0.0.1:*";
    args.values[CONFIG_http] = http;
    expect_refused(PV_IO, http);
    close(fd);
    expect_opens();
}

static void its_port_file_has_to_be_writable(void **state)
{
    char file[120], has[300] = "", want[300];
    snprintf(file, sizeof file, "%s/nowhere/port", dir);
    args.values[CONFIG_port_file] = file;
    expect_refused(PV_IO, file);
    snprintf(file, sizeof file, "%s/port", dir);
    args.values[CONFIG_bind] = "tcp://127.0.0.1:*,tcp://127.0.0.2:*";
    assert_int_equal(open_it(), PV_OK);
    assert_int_equal(b->router.bound_n, 2);
    snprintf(want, sizeof want, "%s\n%s\n", b->router.bound[0], b->router.bound[1]);
    FILE *f = fopen(file, "r"); /* each endpoint on a line, and nothing else */
    assert_non_null(f);
    assert_int_equal(fread(has, 1, sizeof has - 1, f), strlen(want));
    fclose(f);
    assert_string_equal(has, want);
    assert_int_equal(access(named("port.new"), F_OK), -1);
    close_it();
}

/* What stands where the file should be cannot be replaced: the sentence says so, and the start is undone. */
static void its_port_file_may_not_be_a_folder(void **state)
{
    char file[120];
    snprintf(file, sizeof file, "%s/port", dir);
    assert_int_equal(mkdir(file, 0700), 0);
    args.values[CONFIG_port_file] = file;
    expect_refused(PV_IO, "Is a directory");
}

static void each_start_has_an_epoch_of_its_own(void **state)
{
    assert_int_equal(open_it(), PV_OK);
    uint32_t first = b->epoch;
    close_it();
    args.raise_epoch = first + 6;
    assert_int_equal(open_it(), PV_OK);
    assert_int_equal(b->epoch, first + 7);
    close_it();
    assert_int_equal(open_it(), PV_OK); /* the flag was left where it was */
    assert_int_equal(b->epoch, first + 8);
    close_it();
    args.raise_epoch = UINT32_MAX;
    expect_refused(PV_BAD_CONFIG, "--raise-epoch");
    args.raise_epoch = 0;
    assert_int_equal(open_it(), PV_OK);
    assert_int_equal(b->epoch, first + 9);
    close_it();
}

static void few_descriptors_are_said(void **state)
{
    struct rlimit was, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    few = was;
    few.rlim_cur = 24;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    pv_status got = open_it();
    if (got == PV_OK) close_it();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_int_equal(got, PV_BAD_CONFIG);
    assert_non_null(strstr(why, "open files"));
    config_clear(&config);
    expect_opens();
}

/* Whichever allocation fails, of the broker's own code: the open fails and is undone, or went without it. */
static void no_memory_is_a_refusal(void **state)
{
    expect_opens();
    bool came = true;
    unsigned refused = 0;
    for (long n = 0; came; n += n < 40 ? 1 : 7) {
        assert_int_equal(config_read(&config, &args, why), PV_OK);
        b = NULL;
        heap_fail_after(n);
        pv_status got = broker_open(&b, &config, &args, why);
        came = heap_failed();
        heap_fail_after(-1);
        if (!came) assert_int_equal(got, PV_OK);
        if (got != PV_OK && !why[0]) fail_msg("allocation %ld: %s without a sentence", n, pv_status_word(got));
        refused += got != PV_OK;
        if (got == PV_OK)
            broker_close(&b);
        else
            assert_null(b);
        config_clear(&config);
    }
    assert_true(refused > 10);
    expect_opens();
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(its_keys_have_to_be_readable),
        T(its_folder_has_to_be_one),
        T(a_folder_has_one_broker),
        T(its_ports_have_to_be_free),
        T(its_port_file_has_to_be_writable),
        T(its_port_file_may_not_be_a_folder),
        T(each_start_has_an_epoch_of_its_own),
        T(few_descriptors_are_said),
        T(no_memory_is_a_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
