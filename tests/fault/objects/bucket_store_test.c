/* The store in PostgreSQL whose large payloads lie in a bucket: what the sweep asks the database, and what a store that is opened again, or
 * by another, finds of its payloads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../store/store_scene.h"

#include "blobs_far.h"
#include "s3_server.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static struct s3_server s3;
static char endpoint[64], key[128];
static char why[STORE_WHY_BYTES];

static struct store_place place_in(const char *dir, const char *payloads)
{
    return (struct store_place){ .where = scene_url,
                                 .folder = dir,
                                 .payloads = payloads,
                                 .s3_endpoint = endpoint,
                                 .s3_key_file = key,
                                 .orphan_s = 1 };
}

static pv_status try_open(struct store **s, const char *dir, const char *payloads)
{
    struct store_place place = place_in(dir, payloads);
    why[0] = 0;
    return store_open(s, &place, -1, NULL, why);
}

static struct store *opened(const char *dir, const char *payloads)
{
    struct store *s = NULL;
    uint32_t epoch;
    if (try_open(&s, dir, payloads) != PV_OK) fail_msg("%s", why);
    assert_int_equal(store_boot(s, 0, &epoch), PV_OK);
    return s;
}

static struct store_payload saved(struct store *s, uint64_t row, uint8_t fill)
{
    struct store_payload p;
    struct task_record t = task_of(row);
    t.has_input = true;
    assert_int_equal(file_payload(s, fill, &p), PV_OK);
    assert_int_equal(store_put_task(s, &t), PV_OK);
    assert_int_equal(store_put_payload(s, STORE_INPUT, row, &p), PV_OK);
    return p;
}

static pv_status look(struct store *s, const struct store_payload *p)
{
    return blobs_look(store_blobs(s), p->sha256, p->length);
}

static void tidied(struct store *s, unsigned tenths)
{
    for (unsigned i = 0; i < tenths; i++) {
        store_tidy(s);
        store_sync(s);
        usleep(100000);
    }
}

static void what_rows_name_stays_and_the_rest_is_swept(void **state)
{
    struct store_payload orphan;
    struct store *s = opened(*state, "s3://payloads/sweep");
    struct store_payload row = saved(s, 1, 1), leaves = saved(s, 2, 2);
    committed(s, STORE_NOW);
    assert_int_equal(file_payload(s, 3, &orphan), PV_OK);
    struct store_payload open = saved(s, 3, 4); /* not committed */
    for (int i = 0; i < 100 && look(s, &orphan) != PV_GONE; i++) tidied(s, 10);
    assert_int_equal(look(s, &orphan), PV_GONE);
    assert_int_equal(look(s, &row), PV_OK);
    assert_int_equal(look(s, &leaves), PV_OK);
    assert_int_equal(look(s, &open), PV_OK);
    committed(s, STORE_NOW);
    assert_int_equal(store_delete_payload(s, STORE_INPUT, 2), PV_OK);
    assert_int_equal(store_delete_task(s, 2), PV_OK);
    committed(s, STORE_NOW);
    for (int i = 0; i < 100 && look(s, &leaves) != PV_GONE; i++) tidied(s, 1);
    assert_int_equal(look(s, &leaves), PV_GONE);
    assert_int_equal(look(s, &open), PV_OK);
    store_close(&s);
}

static void another_broker_finds_them_and_another_database_is_refused(void **state)
{
    char first[512], second[512];
    snprintf(first, sizeof first, "%s/a", (char *)*state);
    snprintf(second, sizeof second, "%s/b", (char *)*state);
    assert_int_equal(mkdir(first, 0700), 0);
    assert_int_equal(mkdir(second, 0700), 0);
    struct store *s = opened(first, "s3://payloads/takes/over");
    struct store_payload p = saved(s, 1, 1);
    committed(s, STORE_NOW);
    store_close(&s);
    s = opened(second, "s3://payloads/takes/over");
    assert_true(blobs_away(store_blobs(s), p.sha256, p.length));
    assert_int_equal(blobs_bring(store_blobs(s), p.sha256, p.length), PV_OK);
    int fd = blobs_read(store_blobs(s), p.sha256);
    assert_true(fd >= 0);
    close(fd);
    store_close(&s);
    assert_int_equal(try_open(&s, second, "s3://payloads/elsewhere"), PV_BAD_CONFIG);
    assert_non_null(strstr(why, "lacks their mark"));
    pg_server_fresh(&scene_server, scene_url);
    assert_int_equal(try_open(&s, *state, "s3://payloads/takes/over"), PV_BAD_CONFIG);
    assert_non_null(strstr(why, "another database"));
    assert_int_equal(try_open(&s, *state, "s3://payloads/takes"), PV_BAD_CONFIG);
    assert_non_null(strstr(why, "no mark says whose"));
}

static void a_store_that_is_opened_again_goes_on_with_its_bucket(void **state)
{
    struct store *s = opened(*state, "s3://payloads/again");
    struct store_payload p = saved(s, 1, 1);
    uint32_t epoch;
    committed(s, STORE_NOW);
    pg_server_kill(&scene_server, SIGINT);
    pg_server_wait(&scene_server);
    pg_server_again(&scene_server);
    struct task_record t = task_of(2);
    store_put_task(s, &t);
    assert_int_equal(commit(s, STORE_NOW), PV_STORE);
    blobs_far_stop(store_blobs(s));
    assert_int_equal(look(s, &p), PV_IO); /* it was cancelled */
    s3_server_do(&s3, "stop");
    for (int i = 0; i < 200 && !strstr(store_failure(s), endpoint); i++) { /* the lease has to run out first */
        assert_int_equal(store_reopen(s), PV_STORE);
        assert_true(store_heals(s));
        usleep(50000);
    }
    assert_non_null(strstr(store_failure(s), endpoint));
    s3_server_do(&s3, "start");
    pv_status st = PV_STORE;
    for (int i = 0; i < 200 && (st = store_reopen(s)) != PV_OK; i++) usleep(50000);
    if (st != PV_OK) fail_msg("%s", store_failure(s));
    assert_int_equal(store_boot(s, 0, &epoch), PV_OK);
    assert_int_equal(look(s, &p), PV_OK);
    p = saved(s, 2, 2);
    committed(s, STORE_NOW);
    assert_int_equal(look(s, &p), PV_OK);
    store_close(&s);
}

static void a_cache_without_a_folder_leaves_nothing(void **state)
{
    struct store *s = NULL;
    struct store_payload p;
    struct store_place place = place_in(NULL, "s3://payloads/no/folder");
    if (store_open(&s, &place, -1, NULL, why) != PV_OK) fail_msg("%s", why);
    assert_int_equal(file_payload(s, 1, &p), PV_OK);
    assert_int_equal(blobs_there(store_blobs(s), p.sha256, p.length), PV_OK);
    char path[64], link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", store_blobs(s)->root);
    ssize_t n = readlink(link, path, sizeof path - 1);
    assert_true(n > 0);
    path[n] = 0;
    assert_non_null(strstr(path, "/var/tmp/provost-cache-"));
    store_close(&s);
    assert_int_equal(access(path, F_OK), -1);
}

static int up(void **state)
{
    pg_server_start(&scene_server, NULL);
    s3_server_start(&s3);
    s3_server_endpoint(&s3, false, endpoint);
    s3_server_key(&s3, "key", "AK\nSK\n", key);
    s3_server_bucket(&s3, "AK:SK", "payloads");
    return 0;
}

static int down(void **state)
{
    s3_server_end(&s3);
    pg_server_end(&scene_server);
    return 0;
}

static int scene_begin(void **state)
{
    static char dir[64];
    temp_dir_make(dir);
    *state = dir;
    pg_server_fresh(&scene_server, scene_url);
    return 0;
}

static int scene_end(void **state)
{
    temp_dir_remove(*state);
    return 0;
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(what_rows_name_stays_and_the_rest_is_swept),
        SCENE(another_broker_finds_them_and_another_database_is_refused),
        SCENE(a_store_that_is_opened_again_goes_on_with_its_bucket),
        SCENE(a_cache_without_a_folder_leaves_nothing),
    };
    if (!s3_server_here() || !pg_server_here()) return 77;
    return cmocka_run_group_tests(tests, up, down);
}
