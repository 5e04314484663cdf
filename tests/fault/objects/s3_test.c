/* The client of S3 against radosgw, which checks signatures and the SHA-256 of bodies: what is put is got, and each way in which a
 * server refuses or is away is told apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "s3.h"
#include "s3_server.h"

#include "sha256.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { LARGE = 5 << 20 };

static struct s3_server server;
static char endpoint[64], tls_endpoint[64], key[128], ca[128];

/* ---- clients ---- */

static const struct s3_settings ours = { .where = "s3://payloads/fleet/a", .endpoint = endpoint, .key_file = key };

static struct s3 *client(struct s3_place *place, const struct s3_settings *settings, const atomic_bool *stop)
{
    char why[S3_WHY_BYTES] = "";
    struct s3 *s;
    if (s3_place_read(place, settings, why) != PV_OK) fail_msg("%s", why);
    if (s3_open(&s, place, stop, why) != PV_OK) fail_msg("%s", why);
    return s;
}

static void says(const struct s3 *s, const char *word)
{
    if (!strstr(s3_why(s), word)) fail_msg("\"%s\" does not say \"%s\"", s3_why(s), word);
}

static void must(const struct s3 *s, pv_status st)
{
    if (st != PV_OK) fail_msg("%s: %s", pv_status_word(st), s3_why(s));
}

/* ---- bytes ---- */

static uint8_t *bytes_make(size_t n, unsigned seed, wire_hash *hash)
{
    uint8_t *at = malloc(n + 1);
    for (size_t i = 0; i < n; i++) at[i] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
    assert_int_equal(sha256_of(hash, at, n), PV_OK);
    return at;
}

static int file_of(const void *bytes, size_t n)
{
    int fd = memfd_create("payload", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), n);
    return fd;
}

struct got {
    uint8_t *bytes;
    size_t n, most;
};

static pv_status piece(void *context, const void *data, size_t n)
{
    struct got *g = context;
    if (n > g->most - g->n) return PV_TOO_LARGE;
    memcpy(g->bytes + g->n, data, n);
    g->n += n;
    return PV_OK;
}

/* ---- what is put is got ---- */

static void round_trip(struct s3 *s, size_t n, unsigned seed)
{
    wire_hash hash;
    char name[WIRE_HASH_TEXT];
    uint64_t length = 77;
    uint8_t *bytes = bytes_make(n, seed, &hash);
    struct got g = { malloc(n + 1), 0, n };
    int fd = file_of(bytes, n);
    wire_hash_text(name, hash);
    must(s, s3_put(s, name, fd, n, hash));
    must(s, s3_look(s, name, &length));
    assert_int_equal(length, n);
    must(s, s3_get(s, name, piece, &g));
    assert_int_equal(g.n, n);
    assert_memory_equal(g.bytes, bytes, n);
    must(s, s3_delete(s, name));
    assert_int_equal(s3_look(s, name, &length), PV_NOT_FOUND);
    g.n = 0;
    assert_int_equal(s3_get(s, name, piece, &g), PV_NOT_FOUND);
    says(s, "NoSuchKey");
    assert_int_equal(g.n, 0);
    must(s, s3_delete(s, name));
    close(fd);
    free(g.bytes);
    free(bytes);
}

static void what_is_put_is_got_until_it_is_deleted(void **state)
{
    struct s3_place place;
    struct s3 *s = client(&place, &ours, NULL);
    static const size_t sizes[] = { 0, 1, 65537, LARGE };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) round_trip(s, sizes[i], (unsigned)i);
    s3_close(&s);
}

static void a_reader_ends_a_get(void **state)
{
    struct s3_place place;
    struct s3 *s = client(&place, &ours, NULL);
    uint8_t byte;
    struct got small = { &byte, 0, 1 };
    must(s, s3_put_bytes(s, "identity", "twelve bytes", 12));
    assert_int_equal(s3_get(s, "identity", piece, &small), PV_TOO_LARGE);
    must(s, s3_delete(s, "identity"));
    s3_close(&s);
}

static void other_bytes_than_were_named_are_not_taken(void **state)
{
    struct s3_place place;
    struct s3 *s = client(&place, &ours, NULL);
    wire_hash hash;
    char name[WIRE_HASH_TEXT];
    uint64_t length;
    uint8_t *bytes = bytes_make(70000, 9, &hash);
    bytes[69999] ^= 1;
    int fd = file_of(bytes, 70000);
    assert_int_equal(s3_put(s, wire_hash_text(name, hash), fd, 70000, hash), PV_HASH_MISMATCH);
    says(s, "other bytes came");
    assert_int_equal(s3_look(s, name, &length), PV_NOT_FOUND);
    assert_int_equal(s3_put(s, name, fd, 70001, hash), PV_IO); /* the file is shorter */
    close(fd);
    free(bytes);
    s3_close(&s);
}

/* ---- lists ---- */

static void numbered(struct s3 *s, unsigned n, bool put)
{
    for (unsigned i = 0; i < n; i++) {
        wire_hash hash;
        char name[WIRE_HASH_TEXT];
        assert_int_equal(sha256_of(&hash, &i, sizeof i), PV_OK);
        wire_hash_text(name, hash);
        must(s, put ? s3_put_bytes(s, name, &i, sizeof i) : s3_delete(s, name));
    }
}

static unsigned listed(struct s3 *s, unsigned a_page, unsigned *pages)
{
    struct s3_page *p = calloc(1, sizeof *p);
    int64_t now;
    unsigned n = 0;
    *pages = 0;
    do {
        char after[S3_NAME_MAX + 1];
        strcpy(after, p->last);
        must(s, s3_list(s, after, a_page, p, &now));
        n += (unsigned)p->n;
        ++*pages;
        for (size_t i = 0; i < p->n; i++) {
            assert_int_equal(p->at[i].bytes, sizeof(unsigned));
            assert_in_range(now - p->at[i].changed_s + 2, 0, 120); /* one clock; Date was read before the list */
        }
    } while (p->more);
    free(p);
    return n;
}

static void a_list_has_each_payload_once_and_nothing_else(void **state)
{
    struct s3_place place, above;
    struct s3_settings all = ours;
    unsigned pages;
    all.where = "s3://payloads";
    struct s3 *s = client(&place, &ours, NULL), *whole = client(&above, &all, NULL);
    assert_int_equal(listed(s, 1000, &pages), 0);
    numbered(s, 11, true);
    must(s, s3_put_bytes(s, "identity", "x", 1));
    must(s, s3_put_bytes(s, "a%20b%26%3C", "x", 1)); /* "a b&<" */
    must(whole, s3_put_bytes(whole, "0000000000000000000000000000000000000000000000000000000000000000", "abcd", 4));
    assert_int_equal(listed(s, 1000, &pages), 11);
    assert_int_equal(pages, 1);
    assert_int_equal(listed(s, 3, &pages), 11);
    assert_int_equal(pages, 5);                    /* 13 names */
    assert_int_equal(listed(whole, 1, &pages), 1); /* what lies deeper is not named like a payload */
    assert_int_equal(pages, 14);
    numbered(s, 11, false);
    assert_int_equal(listed(s, 1000, &pages), 0);
    must(s, s3_delete(s, "identity"));
    s3_close(&whole);
    s3_close(&s);
}

/* ---- refused ---- */

static void refused(const char *key_text, const char *where, pv_status status, const char *word)
{
    struct s3_place place;
    struct s3_settings settings = ours;
    char wrong[128];
    uint64_t length;
    s3_server_key(&server, "wrong", key_text, wrong);
    settings.key_file = wrong;
    settings.where = where;
    struct s3 *s = client(&place, &settings, NULL);
    assert_int_equal(s3_put_bytes(s, "identity", "x", 1), status);
    says(s, word);
    says(s, endpoint);
    assert_null(strstr(s3_why(s), "SX"));
    if (status == PV_UNAUTHORIZED) assert_int_equal(s3_look(s, "identity", &length), PV_UNAUTHORIZED);
    s3_close(&s);
}

static void a_wrong_key_is_refused(void **state)
{
    refused("AK\nSX\n", ours.where, PV_UNAUTHORIZED, "secret in s3_key_file is not the one of its id");
    refused("AX\nSK\n", ours.where, PV_UNAUTHORIZED, "does not know the id");
    refused("NARROW\nSK\n", ours.where, PV_UNAUTHORIZED, "may not do that"); /* another user's bucket */
}

static void a_bucket_that_is_not_there_is_told(void **state)
{
    refused("AK\nSK\n", "s3://nowhere/fleet", PV_BAD_CONFIG, "no such bucket");
}

static void a_full_bucket_is_told(void **state)
{
    struct s3_place place;
    struct s3_settings settings = ours;
    char full[128];
    s3_server_key(&server, "full", "FULL\nSK\n", full);
    settings.key_file = full;
    settings.where = "s3://narrow/a";
    struct s3 *s = client(&place, &settings, NULL);
    assert_int_equal(s3_put_bytes(s, "identity", "x", 1), PV_DISK_FULL);
    says(s, "quota");
    s3_close(&s);
}

static void a_key_that_was_changed_counts_at_once(void **state)
{
    struct s3_place place;
    struct s3_settings settings = ours;
    char path[128];
    uint64_t length;
    s3_server_key(&server, "turns", "AK\nSX\n", path);
    settings.key_file = path;
    struct s3 *s = client(&place, &settings, NULL);
    assert_int_equal(s3_look(s, "identity", &length), PV_UNAUTHORIZED);
    s3_server_key(&server, "turns", "[default]\naws_access_key_id = AK\naws_secret_access_key = SK\n", path);
    assert_int_equal(s3_look(s, "identity", &length), PV_NOT_FOUND);
    s3_close(&s);
    s3_server_key(&server, "turns", "AX\nSK\n", path);
    s = client(&place, &settings, NULL);
    s3_server_key(&server, "turns", "AK\nSX\n", path);
    assert_int_equal(s3_put_bytes(s, "identity", "x", 1), PV_UNAUTHORIZED);
    says(s, "secret in s3_key_file"); /* of the second refusal */
    s3_server_key(&server, "turns", "AK\nSK\n", path);
    assert_int_equal(s3_look(s, "identity", &length), PV_NOT_FOUND);
    unlink(path);
    assert_int_equal(s3_look(s, "identity", &length), PV_NOT_FOUND);
    s3_close(&s);
}

/* ---- TLS, and the environment ---- */

static void a_certificate_that_nobody_signed_is_not_believed(void **state)
{
    struct s3_place place;
    struct s3_settings settings = ours;
    char other_name[64];
    uint64_t length;
    settings.endpoint = tls_endpoint;
    struct s3 *s = client(&place, &settings, NULL);
    assert_int_equal(s3_look(s, "identity", &length), PV_UNAUTHORIZED);
    says(s, "certificate");
    s3_close(&s);
    settings.ca_file = ca;
    s = client(&place, &settings, NULL);
    round_trip(s, LARGE, 5);
    s3_close(&s);
    snprintf(other_name, sizeof other_name, "https://localhost:%u", server.tls_port); /* not the certificate's */
    settings.endpoint = other_name;
    s = client(&place, &settings, NULL);
    assert_int_equal(s3_look(s, "identity", &length), PV_UNAUTHORIZED);
    s3_close(&s);
}

static void the_environment_has_no_say(void **state)
{
    static const char *const names[] = { "http_proxy", "https_proxy", "all_proxy", "ALL_PROXY" };
    struct s3_place place;
    for (size_t i = 0; i < 4; i++) setenv(names[i], "http://127.0.0.1:1", 1);
    setenv("AWS_ACCESS_KEY_ID", "AX", 1);
    struct s3 *s = client(&place, &ours, NULL);
    round_trip(s, 100, 6);
    s3_close(&s);
    for (size_t i = 0; i < 4; i++) unsetenv(names[i]);
    unsetenv("AWS_ACCESS_KEY_ID");
}

/* ---- away ---- */

static void a_server_that_is_away_may_come_back(void **state)
{
    struct s3_place place;
    struct s3 *s = client(&place, &ours, NULL);
    round_trip(s, 100, 7);
    s3_server_do(&server, "stop");
    assert_int_equal(s3_put_bytes(s, "identity", "x", 1), PV_UNREACHABLE);
    says(s, endpoint);
    s3_server_do(&server, "start");
    round_trip(s, 100, 7);
    s3_close(&s);
}

static void *stop_soon(void *stop)
{
    nanosleep(&(struct timespec){ .tv_nsec = 300000000 }, NULL);
    atomic_store((atomic_bool *)stop, true);
    return NULL;
}

static void a_call_to_a_server_that_stands_still_ends_when_it_is_told_to(void **state)
{
    struct s3_place place;
    atomic_bool stop = false;
    pthread_t thread;
    struct timespec before, after;
    struct s3 *s = client(&place, &ours, &stop);
    round_trip(s, 100, 8);
    s3_server_do(&server, "freeze");
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stop), 0);
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(s3_put_bytes(s, "identity", "x", 1), PV_CANCELLED);
    clock_gettime(CLOCK_MONOTONIC, &after);
    pthread_join(thread, NULL);
    s3_server_do(&server, "thaw");
    assert_in_range(after.tv_sec - before.tv_sec, 0, S3_SLOW_S / 2);
    s3_close(&s);
}

/* ---- */

static int up(void **state)
{
    s3_server_start(&server);
    s3_server_endpoint(&server, false, endpoint);
    s3_server_endpoint(&server, true, tls_endpoint);
    s3_server_key(&server, "key", "AK\nSK\n", key);
    snprintf(ca, sizeof ca, "%s/ca.pem", server.dir);
    s3_server_do(&server, "user create --uid=narrow --display-name=narrow --access-key=NARROW --secret-key=SK");
    s3_server_do(&server, "user create --uid=full --display-name=full --access-key=FULL --secret-key=SK");
    s3_server_do(&server, "quota set --quota-scope=user --uid=full --max-objects=0");
    s3_server_do(&server, "quota enable --quota-scope=user --uid=full");
    s3_server_bucket(&server, "AK:SK", "payloads");
    s3_server_bucket(&server, "FULL:SK", "narrow");
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
        cmocka_unit_test(what_is_put_is_got_until_it_is_deleted),
        cmocka_unit_test(a_reader_ends_a_get),
        cmocka_unit_test(other_bytes_than_were_named_are_not_taken),
        cmocka_unit_test(a_list_has_each_payload_once_and_nothing_else),
        cmocka_unit_test(a_wrong_key_is_refused),
        cmocka_unit_test(a_bucket_that_is_not_there_is_told),
        cmocka_unit_test(a_full_bucket_is_told),
        cmocka_unit_test(a_key_that_was_changed_counts_at_once),
        cmocka_unit_test(a_certificate_that_nobody_signed_is_not_believed),
        cmocka_unit_test(the_environment_has_no_say),
        cmocka_unit_test(a_server_that_is_away_may_come_back),
        cmocka_unit_test(a_call_to_a_server_that_stands_still_ends_when_it_is_told_to),
    };
    if (!s3_server_here()) return 77;
    return cmocka_run_group_tests(tests, up, down);
}
