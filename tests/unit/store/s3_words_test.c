/* What the client of S3 reads without a server: settings, key files, lists, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "s3_key.h"
#include "s3_list.h"
#include "s3_place.h"
#include "s3_refusal.h"
#include "temp_dir.h"

#include <fcntl.h>
#include <sys/stat.h>

/* ---- settings ---- */

static const struct s3_settings good = { .where = "s3://payloads/fleet/a",
                                         .endpoint = "https://s3.example.org:9000",
                                         .region = "eu-central-1",
                                         .key_file = "/etc/key" };

static void settings_become_a_place(void **state)
{
    struct s3_place p;
    char why[S3_WHY_BYTES];
    assert_int_equal(s3_place_read(&p, &good, why), PV_OK);
    assert_string_equal(p.endpoint, "https://s3.example.org:9000");
    assert_string_equal(p.bucket, "payloads");
    assert_string_equal(p.prefix, "fleet/a/");
    assert_string_equal(p.region, "eu-central-1");
    assert_string_equal(p.key_file, "/etc/key");
    assert_null(p.ca_file);
    assert_true(p.tls);
}

static void what_is_left_out_has_a_value(void **state)
{
    struct s3_place p;
    struct s3_settings s = good;
    char why[S3_WHY_BYTES];
    s.where = "s3://payloads/";
    s.endpoint = "http://127.0.0.1:9000/";
    s.region = "";
    s.ca_file = "";
    assert_int_equal(s3_place_read(&p, &s, why), PV_OK);
    assert_string_equal(p.prefix, "");
    assert_string_equal(p.endpoint, "http://127.0.0.1:9000");
    assert_string_equal(p.region, "us-east-1");
    assert_null(p.ca_file);
    assert_false(p.tls);
    s.where = "s3://payloads/a/";
    assert_int_equal(s3_place_read(&p, &s, why), PV_OK);
    assert_string_equal(p.prefix, "a/");
    s.where = "s3://payloads";
    s.ca_file = "/etc/ca.pem";
    assert_int_equal(s3_place_read(&p, &s, why), PV_OK);
    assert_string_equal(p.prefix, "");
    assert_string_equal(p.ca_file, "/etc/ca.pem");
}

static void place_refused(const struct s3_settings *s, const char *begins)
{
    struct s3_place p;
    char why[S3_WHY_BYTES] = "";
    if (s3_place_read(&p, s, why) != PV_BAD_CONFIG) fail_msg("%s %s is taken", s->where, s->endpoint);
    if (strncmp(why, begins, strlen(begins))) fail_msg("\"%s\" does not begin with \"%s\"", why, begins);
}

static void no_bucket_is_refused(void **state)
{
    static const char *const wrong[] = { "/srv/payloads",     "s3:/payloads",      "s3://",
                                         "s3://ab/p",         "s3://Payloads/p",   "s3://.abc",
                                         "s3://abc-/p",       "s3://a_bc/p",       "s3://payloads/a//b",
                                         "s3://payloads/.",   "s3://payloads/..",  "s3://payloads/a/../b",
                                         "s3://payloads/a b", "s3://payloads/%41", "s3://payloads/a?b",
                                         "s3://payloads//" };
    struct s3_settings s = good;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        s.where = wrong[i];
        place_refused(&s, "payloads: ");
    }
    assert_true(s3_place_named("s3://x"));
    assert_false(s3_place_named("/s3://x"));
    assert_false(s3_place_named(NULL));
}

static void lengths_end_where_they_are_said_to(void **state)
{
    char where[S3_PREFIX_MAX + 80];
    struct s3_settings s = good;
    struct s3_place p;
    char why[S3_WHY_BYTES];
    s.where = where;
    snprintf(where, sizeof where, "s3://%063d", 0);
    assert_int_equal(s3_place_read(&p, &s, why), PV_OK);
    snprintf(where, sizeof where, "s3://%064d", 0);
    place_refused(&s, "payloads: ");
    snprintf(where, sizeof where, "s3://abc/%0*d", S3_PREFIX_MAX, 0);
    assert_int_equal(s3_place_read(&p, &s, why), PV_OK);
    assert_int_equal(strlen(p.prefix), S3_PREFIX_MAX + 1);
    snprintf(where, sizeof where, "s3://abc/%0*d", S3_PREFIX_MAX + 1, 0);
    place_refused(&s, "payloads: ");
}

/* Payloads are witnesses: they cross no network in the clear, and go to nobody by a name that only looks like ours. */
static void no_endpoint_is_refused(void **state)
{
    static const char *const wrong[] = { "",
                                         "s3.example.org",
                                         "ftp://s3.example.org",
                                         "https://",
                                         "https://user@s3.example.org",
                                         "https://s3.example.org/path",
                                         "https://s3.example.org?x",
                                         "http://s3.example.org",
                                         "http://10.0.0.1:9000",
                                         "http://127.0.0.1.example.org:80",
                                         "http://169.254.169.254" };
    static const char *const local[] = { "http://127.0.0.1", "http://localhost:7480", "http://[::1]:7480",
                                         "http://[::1]" };
    struct s3_settings s = good;
    struct s3_place p;
    char why[S3_WHY_BYTES];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        s.endpoint = wrong[i];
        place_refused(&s, "s3_endpoint: ");
    }
    s.endpoint = NULL;
    place_refused(&s, "s3_endpoint: ");
    for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
        s.endpoint = local[i];
        if (s3_place_read(&p, &s, why) != PV_OK) fail_msg("%s: %s", local[i], why);
    }
}

static void region_and_key_are_looked_at(void **state)
{
    struct s3_settings s = good;
    s.region = "eu:west";
    place_refused(&s, "s3_region: ");
    s.region = "01234567890123456789012345678901234567890";
    place_refused(&s, "s3_region: ");
    s = good;
    s.key_file = NULL;
    place_refused(&s, "s3_key_file: ");
    s.key_file = "";
    place_refused(&s, "s3_key_file: ");
}

/* ---- key files ---- */

static void both_forms_of_a_key_are_read(void **state)
{
    static const char *const texts[] = {
        "AK\nSK/+=\n",
        "# ours\n\n  AK \r\n\tSK/+=",
        "[default]\naws_access_key_id=AK\naws_secret_access_key = SK/+=\nregion = x\n",
        "[other]\naws_access_key_id = XX\naws_session_token = "
        "t\n[default]\r\naws_secret_access_key=SK/+=\r\naws_access_key_id=AK\r\n"
        "[more]\naws_access_key_id = YY\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct s3_key key, same = { "AK", "SK/+=" }, other = { "AK", "SK" };
        const char *wrong = s3_key_of_text(&key, texts[i]);
        if (wrong) fail_msg("%zu: %s", i, wrong);
        assert_true(s3_key_equal(&key, &same));
        assert_false(s3_key_equal(&key, &other));
        other = (struct s3_key){ "AX", "SK/+=" };
        assert_false(s3_key_equal(&key, &other));
    }
}

static void no_key_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "\n# nothing\n",
        "AK\n",
        "AK\nSK\nmore\n",
        "A/K\nSK\n",
        "A,K\nSK\n",
        "AK\nS K\n",
        "AK\nS\x01K\n",
        "[default]\n",
        "[default]\naws_access_key_id=AK\n",
        "[default]\naws_access_key_id=AK\naws_secret_access_key=\n",
        "[default]\naws_access_key_id=A/K\naws_secret_access_key=SK\n",
        "[default]\naws_access_key_id AK\n",
        "[default]\naws_access_key_id=AK\naws_secret_access_key=SK\naws_session_token=T\n",
        "[other]\naws_access_key_id=AK\naws_secret_access_key=SK\n"
    };
    struct s3_key key;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!s3_key_of_text(&key, texts[i])) fail_msg("%zu is taken", i);
}

static void a_key_is_as_long_as_it_may_be(void **state)
{
    char text[300];
    struct s3_key key;
    snprintf(text, sizeof text, "%0*d\n%0*d\n", S3_KEY_MAX, 0, S3_KEY_MAX, 0);
    assert_null(s3_key_of_text(&key, text));
    snprintf(text, sizeof text, "%0*d\nSK\n", S3_KEY_MAX + 1, 0);
    assert_non_null(s3_key_of_text(&key, text));
    snprintf(text, sizeof text, "AK\n%0*d\n", S3_KEY_MAX + 1, 0);
    assert_non_null(s3_key_of_text(&key, text));
}

static void key_file(const char *path, const void *bytes, size_t n, mode_t mode)
{
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), n);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void file_refused(const char *path, const char *word)
{
    struct s3_key key;
    char why[S3_WHY_BYTES] = "";
    assert_int_equal(s3_key_read(&key, path, why), PV_BAD_KEY_FILE);
    if (!strstr(why, word) || !strstr(why, path)) fail_msg("\"%s\" does not say \"%s\"", why, word);
    assert_int_equal(key.id[0] | key.secret[0], 0);
}

static void a_key_file_is_its_owner_s_alone(void **state)
{
    static char much[8 * 1024 + 1];
    struct s3_key key;
    char dir[64], path[80], why[S3_WHY_BYTES];
    temp_dir_make(dir);
    snprintf(path, sizeof path, "%s/key", dir);
    file_refused(path, "No such file");
    key_file(path, "AK\nSK\n", 6, 0600);
    assert_int_equal(s3_key_read(&key, path, why), PV_OK);
    assert_string_equal(key.id, "AK");
    assert_string_equal(key.secret, "SK");
    s3_key_clear(&key);
    assert_int_equal(key.id[0] | key.secret[0], 0);
    key_file(path, "AK\nSK\n", 6, 0640);
    file_refused(path, "chmod 600");
    key_file(path, "AK\nSK\n", 6, 0604);
    file_refused(path, "chmod 600");
    key_file(path, "AK\nSK\n\0more", 11, 0600);
    file_refused(path, "neither");
    memset(much, '\n', sizeof much);
    memcpy(much, "AK\nSK", 5);
    key_file(path, much, sizeof much - 1, 0600);
    assert_int_equal(s3_key_read(&key, path, why), PV_OK);
    key_file(path, much, sizeof much, 0600);
    file_refused(path, "neither");
    file_refused(dir, "not a file");
    temp_dir_remove(dir);
}

/* ---- lists ---- */

#define A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ENTRY(name, time, size)                                                                                        \
    "<Contents><Key>" name "</Key><LastModified>" time "</LastModified><Size>" size "</Size></Contents>"
#define PAGE(more, entries) "<ListBucketResult x><IsTruncated>" more "</IsTruncated>" entries "</ListBucketResult>"
#define DAY "1970-01-02T00:00:01.500Z"

static pv_status page(struct s3_page **to, const char *xml)
{
    static struct s3_page p;
    *to = &p;
    return s3_page_read(&p, xml, "p/");
}

static void a_page_has_what_is_named_like_a_payload(void **state)
{
    struct s3_page *p;
    assert_int_equal(page(&p, PAGE("false", "")), PV_OK);
    assert_int_equal(p->n, 0);
    assert_false(p->more);
    assert_int_equal(
        page(&p, PAGE("true", ENTRY("p%2F" A, DAY, "70000") ENTRY("q/" A, DAY, "1") ENTRY("p/" A "0", DAY, "1")
                                  ENTRY("p/identity", DAY, "1") ENTRY("p/x+y%2Bz%26", DAY, "1"))),
        PV_OK);
    assert_int_equal(p->n, 1);
    assert_int_equal(p->at[0].bytes, 70000);
    assert_int_equal(p->at[0].changed_s, 86401);
    assert_int_equal(p->at[0].hash.bytes[1], 0x11);
    assert_true(p->more);
    assert_string_equal(p->last, "p/x y+z&");
    assert_int_equal(page(&p, PAGE("false", ENTRY("p/00112233445566778899AABBCCDDEEFF" A, DAY, "1"))), PV_OK);
    assert_int_equal(p->n, 0);
}

static void no_page_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "<html>",
        "<ListBucketResult><IsTruncated>false</IsTruncated>",
        "<ListBucketResult></ListBucketResult>",
        PAGE("true", ""), /* more, and no name to go on from */
        PAGE("false", "<Contents><Key>p/x</Key>"),
        PAGE("false", ENTRY("p/x%2", DAY, "1")),
        PAGE("false", ENTRY("p/x%00", DAY, "1")),
        PAGE("false", ENTRY("p/x", "yesterday", "1")),
        PAGE("false", ENTRY("p/x", DAY, "")),
        PAGE("false", ENTRY("p/x", DAY, "1k")),
        PAGE("false", "<Contents><Key>p/x</Key><Size>1</Size></Contents>"),
        PAGE("false", "<Contents><Key>p/x</Key><LastModified>" DAY "</LastModified></Contents>"),
        PAGE("false", "<Contents><LastModified>" DAY "</LastModified><Size>1</Size></Contents>"),
    };
    struct s3_page *p;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (page(&p, wrong[i]) != PV_BAD_MESSAGE) fail_msg("%zu is taken", i);
}

static void a_page_has_no_more_than_was_asked_for(void **state)
{
    static const char entry[] = ENTRY("p/" A, DAY, "1");
    char *xml = malloc((S3_PAGE_MOST + 1) * sizeof entry + 200), *at;
    struct s3_page *p;
    for (int n = S3_PAGE_MOST; n <= S3_PAGE_MOST + 1; n++) {
        at = xml + sprintf(xml, "<ListBucketResult><IsTruncated>false</IsTruncated>");
        for (int i = 0; i < n; i++) at += sprintf(at, "%s", entry);
        sprintf(at, "</ListBucketResult>");
        assert_int_equal(page(&p, xml), n == S3_PAGE_MOST ? PV_OK : PV_BAD_MESSAGE);
    }
    free(xml);
}

static void an_element_fits_or_is_none(void **state)
{
    static const char text[] = "<A>four</A><B></B>";
    const char *end = text + sizeof text - 1;
    char to[5];
    assert_true(s3_element(text, end, "A", to, 5));
    assert_string_equal(to, "four");
    assert_false(s3_element(text, end, "A", to, 4));
    assert_true(s3_element(text, end, "B", to, 1));
    assert_string_equal(to, "");
    assert_false(s3_element(text, end, "C", to, 5));
    assert_false(s3_element(text, text + 10, "A", to, 5));
    assert_true(s3_element(text, text + 11, "A", to, 5));
}

/* ---- refusals ---- */

static void each_refusal_is_told_apart(void **state)
{
    static const struct {
        long code;
        const char *body;
        pv_status status;
        const char *says;
    } all[] = {
        { 403, "<Error><Code>SignatureDoesNotMatch</Code></Error>", PV_UNAUTHORIZED, "secret" },
        { 403, "<Error><Code>RequestTimeTooSkewed</Code></Error>", PV_UNAUTHORIZED, "clock" },
        { 403, "<Error><Code>QuotaExceeded</Code></Error>", PV_DISK_FULL, "quota" },
        { 400, "<Error><Code>AuthorizationHeaderMalformed</Code></Error>", PV_BAD_CONFIG, "s3_region" },
        { 301, "<Error><Code>PermanentRedirect</Code></Error>", PV_BAD_CONFIG, "another endpoint" },
        { 404, "<Error><Code>NoSuchBucket</Code></Error>", PV_BAD_CONFIG, "no such bucket" },
        { 404, "<Error><Code>NoSuchKey</Code></Error>", PV_NOT_FOUND, "no such object" },
        { 400, "<Error><Code>XAmzContentSHA256Mismatch</Code></Error>", PV_HASH_MISMATCH, "other bytes" },
        { 404, "", PV_NOT_FOUND, "no such object" },
        { 300, "", PV_BAD_CONFIG, "elsewhere" },
        { 307, "", PV_BAD_CONFIG, "elsewhere" },
        { 399, "", PV_BAD_CONFIG, "elsewhere" },
        { 401, "", PV_UNAUTHORIZED, "may not" },
        { 403, "", PV_UNAUTHORIZED, "may not" },
        { 408, "", PV_UNREACHABLE, "at the moment" },
        { 429, "", PV_UNREACHABLE, "at the moment" },
        { 500, "", PV_UNREACHABLE, "at the moment" },
        { 503, "<Error><Code>SlowDown</Code></Error>", PV_UNREACHABLE, "503 SlowDown" },
        { 507, "", PV_DISK_FULL, "full" },
        { 400, "", PV_BAD_MESSAGE, "protocol (400)" },
        { 400, "<Error><Code>x\n\x1b[31m</Code></Error>", PV_BAD_MESSAGE, "protocol (400)" },
    };
    struct s3_place place;
    char why[S3_WHY_BYTES];
    assert_int_equal(s3_place_read(&place, &good, why), PV_OK);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        pv_status st = s3_refusal(why, &place, "PUT", all[i].code, all[i].body);
        if (st != all[i].status) fail_msg("%zu: %s, %s", i, pv_status_word(st), why);
        if (!strstr(why, all[i].says)) fail_msg("%zu: \"%s\" does not say \"%s\"", i, why, all[i].says);
        if (!strstr(why, good.endpoint) || !strstr(why, "payloads")) fail_msg("%s", why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_become_a_place),
        cmocka_unit_test(what_is_left_out_has_a_value),
        cmocka_unit_test(no_bucket_is_refused),
        cmocka_unit_test(lengths_end_where_they_are_said_to),
        cmocka_unit_test(no_endpoint_is_refused),
        cmocka_unit_test(region_and_key_are_looked_at),
        cmocka_unit_test(both_forms_of_a_key_are_read),
        cmocka_unit_test(no_key_is_refused),
        cmocka_unit_test(a_key_is_as_long_as_it_may_be),
        cmocka_unit_test(a_key_file_is_its_owner_s_alone),
        cmocka_unit_test(a_page_has_what_is_named_like_a_payload),
        cmocka_unit_test(no_page_is_refused),
        cmocka_unit_test(a_page_has_no_more_than_was_asked_for),
        cmocka_unit_test(an_element_fits_or_is_none),
        cmocka_unit_test(each_refusal_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
