/* A client proves its own task, against the broker as a process: a result of every size comes whole, and what is claimed
 * and forgotten goes back at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker_process.h"
#include "provost.h"
#include "temp_dir.h"

#include <pthread.h>
#include <time.h>

enum { LONG_MS = 60000, SOON_MS = 5000 };

static char dir[64];
static struct broker_process broker;
/* A lease longer than the test may take: nothing here comes from one that ends. The grace is for a client that closes: when
 * the broker notices the closed connection before it has read the client's last words, they are a stranger's. */
static const char *const usual[] = { "--insecure", "--queue", "outer",      "--heartbeat-ms", "15000",
                                     "--lease-ms", "60000",   "--grace-ms", "1000",           NULL };

static int start_broker(void **state)
{
    temp_dir_make(dir);
    if (broker_process_start(&broker, dir, NULL, usual)) return 0;
    broker_process_print_log(&broker);
    return -1;
}

static int stop_broker(void **state)
{
    broker_process_end(&broker, SIGKILL);
    temp_dir_remove(dir);
    return 0;
}

static pv_client *client(const char *name)
{
    pv_client *c = NULL;
    struct pv_client_options o = { .endpoints = broker.endpoint, .name = name, .insecure = true };
    assert_int_equal(pv_client_open(&c, &o), PV_OK);
    return c;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The n-th byte of every result here. */
static uint8_t byte_at(size_t n)
{
    return (uint8_t)(n * 2654435761u >> 13);
}

static pv_status prove_bytes(void *user, pv_local *job)
{
    size_t n = *(const size_t *)user;
    uint8_t *bytes = malloc(n ? n : 1);
    if (!bytes) return PV_NO_MEMORY;
    for (size_t i = 0; i < n; i++) bytes[i] = byte_at(i);
    pv_status s = pv_local_result(job, bytes, n);
    free(bytes);
    return s;
}

static void expect_bytes(const struct pv_result *r, size_t n)
{
    assert_int_equal(r->bytes_n, n);
    for (size_t i = 0; i < n; i++)
        if (r->bytes[i] != byte_at(i)) fail_msg("byte %zu of %zu is wrong", i, n);
}

static struct pv_submit_options here(pv_status (*prove)(void *, pv_local *), void *user)
{
    struct pv_submit_options o = { .queue = "outer", .circuit = "any" };
    o.local.policy = PV_LOCAL_UNSERVABLE;
    o.local.prove = prove;
    o.local.user = user;
    return o;
}

static void claimed_and_fetched(pv_client *mine, pv_client *other, size_t n)
{
    struct pv_submit_options o = here(prove_bytes, &n);
    struct pv_result r = { 0 };
    pv_task_id id;
    assert_int_equal(pv_task_id_new(&id), PV_OK);
    o.id = &id;
    pv_status s = pv_prove(mine, &r, &o, "input", 5, LONG_MS);
    if (s != PV_OK) {
        char why[PV_TEXT_BYTES];
        pv_client_error(mine, why, sizeof why);
        broker_process_print_log(&broker);
        fail_msg("%zu bytes: %s", n, why);
    }
    expect_bytes(&r, n);
    pv_result_clear(&r);
    /* What the broker keeps is the same. */
    assert_int_equal(pv_fetch(other, &r, &id, LONG_MS), PV_OK);
    expect_bytes(&r, n);
    pv_result_clear(&r);
}

static void a_claimed_result_of_any_size_comes_whole(void **state)
{
    /* Inline; the first in chunks; one chunk; the first with two; several windows, the last chunk a stump. */
    static const size_t sizes[] = { 1, 65536, 65537, 262144, 262145, 9 * 1048576 + 12345 };
    pv_client *mine = client("mine"), *other = client("other");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) claimed_and_fetched(mine, other, sizes[i]);
    pv_client_close(&mine);
    pv_client_close(&other);
}

static void never(void *user, struct pv_result *r)
{
    fail_msg("it is not over");
}

static bool is_state(pv_client *c, const pv_task_id *id, enum pv_task_state state)
{
    struct pv_task_info info;
    assert_int_equal(pv_show(c, &info, id, LONG_MS), PV_OK);
    return info.state == state;
}

static void wait_for_state(pv_client *c, const pv_task_id *id, enum pv_task_state state)
{
    uint64_t end = now_ms() + SOON_MS;
    while (!is_state(c, id, state))
        if (now_ms() > end) fail_msg("not %s in time", pv_task_state_word(state));
}

/* Claimed, and left lying: somebody is there for it, who does nothing. */
static pv_task_id claim_and_leave(pv_client *mine, pv_client *other, size_t *n)
{
    struct pv_submit_options o = here(prove_bytes, n);
    pv_task_id id;
    o.done = never;
    assert_int_equal(pv_submit(mine, &id, &o, "input", 5, LONG_MS), PV_OK);
    struct pollfd granted = { .fd = pv_client_fd(mine), .events = POLLIN };
    assert_int_equal(poll(&granted, 1, SOON_MS), 1); /* the client knows of its claim: there is something to run */
    assert_true(is_state(other, &id, PV_TASK_OFFERED));
    return id;
}

static void what_is_claimed_and_forgotten_goes_back_at_once(void **state)
{
    pv_client *mine = client("mine"), *other = client("other");
    size_t n = 10;
    pv_task_id id = claim_and_leave(mine, other, &n);
    pv_forget(mine, &id);
    wait_for_state(other, &id, PV_TASK_QUEUED);
    id = claim_and_leave(mine, other, &n);
    pv_client_close(&mine);
    wait_for_state(other, &id, PV_TASK_QUEUED);
    pv_client_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_claimed_result_of_any_size_comes_whole, start_broker, stop_broker),
        cmocka_unit_test_setup_teardown(what_is_claimed_and_forgotten_goes_back_at_once, start_broker, stop_broker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
