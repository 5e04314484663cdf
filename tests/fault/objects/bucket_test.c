/* Payloads in a bucket of a radosgw: what is put is brought, looked at and deleted; what cancels a deletion; what is swept and what is
 * not; when a payload is lost, and when the bucket only seems to say so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bucket.h"
#include "bucket_sweep.h"
#include "s3_server.h"
#include "temp_dir.h"

#include "clock.h"
#include "sha256.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct s3_server server;
static char endpoint[64], key[128];
static atomic_bool has_store;
static atomic_uint asked;

static pthread_mutex_t keeper = PTHREAD_MUTEX_INITIALIZER; /* held: a deletion stops right before its request */

static bool ours(const void *context)
{
    atomic_fetch_add(&asked, 1);
    pthread_mutex_lock(&keeper);
    pthread_mutex_unlock(&keeper);
    return atomic_load(&has_store);
}

/* One broker's side: a folder, and a place in the bucket. */
struct side {
    char dir[64];
    struct blobs blobs;
    struct bucket *bucket;
};

static void side_open(struct side *s, const char *where)
{
    char why[S3_WHY_BYTES];
    const struct bucket_config c = { .settings = { .where = where, .endpoint = endpoint, .key_file = key },
                                     .cache_bytes = 1 << 20,
                                     .wake = -1,
                                     .ours = ours };
    temp_dir_make(s->dir);
    assert_int_equal(blobs_open_named(&s->blobs, s->dir, "cache", NULL), PV_OK);
    if (bucket_open(&s->bucket, &s->blobs, &c, why) != PV_OK) fail_msg("%s", why);
    atomic_store(&has_store, true);
}

static void side_close(struct side *s)
{
    bucket_close(&s->bucket);
    blobs_close(&s->blobs);
    temp_dir_remove(s->dir);
}

static const char *payload(unsigned n, wire_hash *hash)
{
    static char text[64];
    snprintf(text, sizeof text, "payload %u", n);
    assert_int_equal(sha256_of(hash, text, strlen(text)), PV_OK);
    return text;
}

static wire_hash kept(struct side *s, unsigned n)
{
    struct blob_writer w;
    wire_hash hash;
    const char *text = payload(n, &hash);
    assert_int_equal(blob_writer_start(&w, &s->blobs, strlen(text), hash), PV_OK);
    assert_int_equal(blob_writer_feed(&w, text, strlen(text)), PV_OK);
    assert_int_equal(blob_writer_keep(&w), PV_OK);
    return hash;
}

static pv_status brought(struct side *s, wire_hash hash)
{
    return s->blobs.far->calls->bring(s->blobs.far, hash, strlen("payload 1"));
}

static pv_status looked(struct side *s, wire_hash hash)
{
    return s->blobs.far->calls->look(s->blobs.far, hash, strlen("payload 1"));
}

static bool here(struct side *s, wire_hash hash)
{
    return blobs_there(&s->blobs, hash, strlen("payload 1")) == PV_OK;
}

static void until_gone(struct side *s, wire_hash hash, bool gone)
{
    pv_status st = PV_OK;
    for (int i = 0; i < 500 && (st = looked(s, hash)) != (gone ? PV_GONE : PV_OK); i++) usleep(10000);
    assert_int_equal(st, gone ? PV_GONE : PV_OK);
}

static void what_one_keeps_another_brings(void **state)
{
    struct side a, b;
    side_open(&a, "s3://payloads/one");
    side_open(&b, "s3://payloads/one");
    wire_hash hash = kept(&a, 1), none;
    payload(2, &none);
    assert_true(here(&a, hash) && !here(&b, hash));
    assert_true(blobs_away(&b.blobs, hash, 9) && !blobs_away(&a.blobs, hash, 9));
    assert_int_equal(blobs_trusted(&b.blobs, none, 9), PV_OK);
    assert_int_equal(brought(&b, hash), PV_OK);
    assert_true(here(&b, hash));
    assert_int_equal(looked(&b, hash), PV_OK);
    assert_int_equal(brought(&b, none), PV_GONE);
    assert_int_equal(looked(&b, none), PV_GONE);
    assert_false(here(&b, none));
    blobs_remove(&a.blobs, hash);
    assert_false(here(&a, hash));
    assert_true(blobs_distrust(&b.blobs, hash));
    until_gone(&b, hash, true);
    side_close(&b);
    side_close(&a);
}

static void a_fetch_ends_on_the_loop(void **state)
{
    struct side a, b;
    wire_hash got;
    pv_status st;
    side_open(&a, "s3://payloads/two");
    side_open(&b, "s3://payloads/two");
    wire_hash hash = kept(&a, 1);
    blobs_fetch(&b.blobs, hash, 9);
    blobs_fetch(&b.blobs, hash, 9); /* one fetch */
    for (int i = 0; i < 500 && !blobs_fetched(&b.blobs, &got, &st); i++) usleep(10000);
    assert_int_equal(st, PV_OK);
    assert_true(wire_hash_equal(got, hash) && here(&b, hash));
    usleep(100000);
    assert_false(blobs_fetched(&b.blobs, &got, &st));
    side_close(&b);
    side_close(&a);
}

static atomic_bool put_again;

static void *put_it(void *side)
{
    kept(side, 1);
    atomic_store(&put_again, true);
    return NULL;
}

/* Of two deletions the first is under way and the second waits when both are put again. */
static void a_put_comes_before_a_deletion_that_waits(void **state)
{
    struct side a;
    pthread_t thread;
    side_open(&a, "s3://payloads/three");
    wire_hash under_way = kept(&a, 1), waits = kept(&a, 2);
    unsigned before = atomic_load(&asked);
    pthread_mutex_lock(&keeper);
    blobs_remove(&a.blobs, under_way);
    while (atomic_load(&asked) == before) usleep(1000);
    blobs_remove(&a.blobs, waits);
    kept(&a, 2);
    assert_int_equal(pthread_create(&thread, NULL, put_it, &a), 0);
    usleep(200000);
    assert_false(atomic_load(&put_again)); /* the deletion would come after it */
    pthread_mutex_unlock(&keeper);
    pthread_join(thread, NULL);
    assert_true(blobs_distrust(&a.blobs, under_way) && blobs_distrust(&a.blobs, waits));
    usleep(200000);
    assert_int_equal(looked(&a, under_way), PV_OK);
    assert_int_equal(looked(&a, waits), PV_OK);
    assert_int_equal(atomic_load(&asked), before + 1);
    side_close(&a);
}

static void who_has_not_the_store_deletes_nothing(void **state)
{
    struct side a;
    side_open(&a, "s3://payloads/four");
    wire_hash hash = kept(&a, 1), other = kept(&a, 2);
    atomic_store(&has_store, false);
    unsigned before = atomic_load(&asked);
    blobs_remove(&a.blobs, hash);
    blobs_remove(&a.blobs, other);
    for (int i = 0; i < 500 && atomic_load(&asked) == before; i++) usleep(10000);
    usleep(100000);
    atomic_store(&has_store, true);
    assert_int_equal(looked(&a, hash), PV_OK);
    assert_int_equal(looked(&a, other), PV_OK);
    bucket_rest(a.bucket);
    blobs_remove(&a.blobs, hash); /* it rests */
    assert_int_equal(looked(&a, hash), PV_CANCELLED);
    assert_int_equal(brought(&a, hash), PV_CANCELLED);
    bucket_rest(a.bucket);
    bucket_again(a.bucket);
    usleep(100000);
    assert_int_equal(looked(&a, hash), PV_OK);
    side_close(&a);
}

/* ---- the sweep ---- */

static wire_hash named[4];
static size_t named_n;
static unsigned questions;

static pv_status nameless(void *context, const wire_hash *hashes, size_t n, bool *no)
{
    questions++;
    for (size_t i = 0; i < n; i++) {
        no[i] = true;
        for (size_t k = 0; k < named_n; k++) no[i] = no[i] && !wire_hash_equal(named[k], hashes[i]);
    }
    return PV_OK;
}

static void swept(struct side *s, struct bucket_sweep *w, uint64_t pages)
{
    uint64_t until = w->looked + pages;
    for (int i = 0; i < 1000 && w->looked < until; i++) {
        bucket_sweep_turn(w, s->bucket, pv_clock_ms(), nameless, NULL);
        usleep(10000);
    }
    assert_int_equal(w->looked, until);
}

static void what_has_no_name_and_is_old_enough_is_swept(void **state)
{
    struct side a;
    struct bucket_sweep w;
    struct blob_writer publishing = { .fd = -1 };
    side_open(&a, "s3://payloads/five");
    wire_hash orphan = kept(&a, 1), has_name = kept(&a, 2), comes = kept(&a, 3);
    assert_int_equal(bucket_take(a.bucket, &(struct bucket_mark){ { { 1 } }, 1 }, (char[S3_WHY_BYTES]){ 0 }), PV_OK);
    named[0] = has_name;
    named_n = 1;
    bucket_sweep_begin(&w, 3600, 0); /* all are young */
    w.next_ms = 0;
    swept(&a, &w, 3);
    assert_int_equal(questions, 0);
    publishing.blobs = &a.blobs;
    publishing.expected = comes;
    blob_writer_spare(&publishing);
    sleep(2);
    bucket_sweep_begin(&w, 1, 0);
    w.next_ms = 0;
    swept(&a, &w, 3);
    assert_int_equal(questions, 1); /* a page is one */
    until_gone(&a, orphan, true);
    assert_int_equal(looked(&a, has_name), PV_OK);
    assert_int_equal(looked(&a, comes), PV_OK);
    a.blobs.publishing = NULL;
    side_close(&a);
}

/* ---- lost, or not ---- */

/* It becomes ill in a while, which begins with its first failure. */
static void ill_because(struct side *s, const char *text)
{
    const char *why = NULL;
    for (int i = 0; i < BUCKET_ILL_MS / 10 + 500 && !(why = blobs_far_ill(&s->blobs)); i++) usleep(10000);
    if (!why || !strstr(why, text)) fail_msg("%s: not %s", why ? why : "well", text);
}

static void curl(const char *words)
{
    char command[600];
    snprintf(command, sizeof command,
             "curl -q -s -S -f -o /dev/null --noproxy '*' --aws-sigv4 aws:amz:us-east-1:s3 --user AK:SK "
             "-H x-amz-content-sha256:UNSIGNED-PAYLOAD %s",
             words);
    assert_int_equal(system(command), 0);
}

static void object_change(const char *prefix, wire_hash hash, const char *how)
{
    char words[400], hex[WIRE_HASH_TEXT];
    snprintf(words, sizeof words, "%s %s/payloads/%s/%s", how, endpoint, prefix, wire_hash_text(hex, hash));
    curl(words);
}

static void a_payload_is_lost_only_beside_the_mark(void **state)
{
    struct side a, b;
    const struct bucket_mark mark = { { { 1, 2 } }, 3 };
    struct bucket_mark is;
    char why[S3_WHY_BYTES], words[200];
    bool holds;
    side_open(&a, "s3://payloads/six");
    side_open(&b, "s3://payloads/six");
    assert_int_equal(bucket_look(b.bucket, &is, &holds, why), PV_OK);
    assert_false(holds);
    assert_int_equal(bucket_take(b.bucket, &mark, why), PV_OK);
    assert_int_equal(bucket_look(b.bucket, &is, &holds, why), PV_OK);
    assert_true(holds && wire_id_equal(is.id, mark.id) && is.epoch == 3);
    bucket_known(b.bucket, &mark);
    wire_hash hash = kept(&a, 1);
    object_change("six", hash, "-X DELETE");
    assert_int_equal(looked(&b, hash), PV_GONE);
    assert_int_equal(brought(&b, hash), PV_GONE);
    snprintf(words, sizeof words, "-X DELETE %s/payloads/six/identity", endpoint);
    curl(words);
    assert_int_equal(brought(&b, hash), PV_UNREACHABLE);
    assert_int_equal(looked(&b, hash), PV_UNREACHABLE);
    assert_int_equal(blobs_look(&b.blobs, hash, 9), PV_IO);
    ill_because(&b, "identity");
    assert_int_equal(bucket_take(b.bucket, &mark, why), PV_OK);
    assert_int_equal(looked(&a, hash), PV_OK); /* whose cache has it */
    assert_int_equal(brought(&b, hash), PV_OK);
    assert_null(blobs_far_ill(&b.blobs));
    side_close(&b);
    side_close(&a);
}

static void other_bytes_and_other_lengths_are_not_brought(void **state)
{
    struct side a, b;
    side_open(&a, "s3://payloads/seven");
    side_open(&b, "s3://payloads/seven");
    wire_hash hash = kept(&a, 1);
    static const char *const wrong[] = { "payload 2", "payload 10", "payload" };
    for (size_t i = 0; i < 3; i++) {
        char how[80];
        snprintf(how, sizeof how, "-X PUT --data-binary '%s'", wrong[i]);
        object_change("seven", hash, how);
        assert_int_equal(brought(&b, hash), PV_HASH_MISMATCH);
        assert_false(here(&b, hash));
    }
    assert_int_equal(access(b.dir, F_OK), 0);
    char incoming[96];
    snprintf(incoming, sizeof incoming, "%s/incoming", b.dir);
    assert_int_equal(rmdir(incoming), 0); /* nothing is left there */
    side_close(&b);
    side_close(&a);
}

static void a_server_that_is_away_is_told_after_a_while(void **state)
{
    struct side a;
    side_open(&a, "s3://payloads/eight");
    wire_hash hash = kept(&a, 1);
    assert_true(blobs_distrust(&a.blobs, hash));
    s3_server_do(&server, "stop");
    uint64_t from = pv_clock_ms();
    assert_int_equal(brought(&a, hash), PV_UNREACHABLE);
    assert_null(blobs_far_ill(&a.blobs)); /* once is no state */
    for (unsigned i = 0; i < 3; i++) assert_int_equal(brought(&a, hash), PV_UNREACHABLE);
    uint64_t paused = pv_clock_ms() - from;
    assert_true(paused >= 7 * BUCKET_PAUSE_MS); /* 1 + 2 + 4 */
    ill_because(&a, endpoint);
    s3_server_do(&server, "start");
    assert_int_equal(brought(&a, hash), PV_OK);
    assert_null(blobs_far_ill(&a.blobs));
    side_close(&a);
}

static int up(void **state)
{
    s3_server_start(&server);
    s3_server_endpoint(&server, false, endpoint);
    s3_server_key(&server, "key", "AK\nSK\n", key);
    s3_server_bucket(&server, "AK:SK", "payloads");
    return 0;
}

static int down(void **state)
{
    s3_server_end(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_keeps_another_brings),
        cmocka_unit_test(a_fetch_ends_on_the_loop),
        cmocka_unit_test(a_put_comes_before_a_deletion_that_waits),
        cmocka_unit_test(who_has_not_the_store_deletes_nothing),
        cmocka_unit_test(what_has_no_name_and_is_old_enough_is_swept),
        cmocka_unit_test(a_payload_is_lost_only_beside_the_mark),
        cmocka_unit_test(other_bytes_and_other_lengths_are_not_brought),
        cmocka_unit_test(a_server_that_is_away_is_told_after_a_while),
    };
    if (!s3_server_here()) return 77;
    return cmocka_run_group_tests(tests, up, down);
}
