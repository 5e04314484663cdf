/* Who may ask what: names, tokens, origins, and how often one may be wrong. No socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_access.h"
#include "http_address.h"
#include "temp_dir.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_TOKEN "read-0123456789abcdef"
#define ADMIN_TOKEN "admin-0123456789abcdef"

static char dir[64], read_file[96], admin_file[96], why[320];
static struct http_access a;
static struct sockaddr_in from;

static void file_put(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static pv_status set(const char *reads, const char *admin)
{
    const struct http_access_files files = { .hosts = "prover.example, b.example",
                                             .read_token = reads,
                                             .admin_token = admin };
    return http_access_set(&a, &files, why, sizeof why);
}

static struct http_asker asker(const char *authorization)
{
    return (struct http_asker){ .host = "localhost:9090",
                                .hosts_n = 1,
                                .authorization = authorization,
                                .authorizations_n = authorization != NULL,
                                .from = (struct sockaddr *)&from };
}

static unsigned judged(enum http_class class, const char *authorization)
{
    struct http_asker who = asker(authorization);
    return http_access_judge(&a, class, &who, 1000).code;
}

static void on_loopback_reads_are_open_and_writes_do_not_exist(void **state)
{
    http_access_init(&a, true);
    assert_int_equal(set("", ""), PV_OK);
    assert_int_equal(judged(HTTP_OPEN, NULL), 0);
    assert_int_equal(judged(HTTP_READ, NULL), 0);
    assert_int_equal(judged(HTTP_READ, "Bearer whatever"), 0); /* as a scraper may say to everybody */
    assert_int_equal(judged(HTTP_WRITE, NULL), 404);
    assert_int_equal(judged(HTTP_WRITE, "Bearer " ADMIN_TOKEN), 404);
    assert_false(http_access_writes(&a));
    http_access_clear(&a);
}

static void beyond_loopback_only_health_is_open(void **state)
{
    http_access_init(&a, false);
    assert_int_equal(set("", ""), PV_OK);
    assert_int_equal(judged(HTTP_OPEN, NULL), 0);
    assert_int_equal(judged(HTTP_READ, NULL), 401);
    assert_int_equal(judged(HTTP_READ, "Bearer "), 401); /* no token is not the empty token */
    assert_int_equal(set(read_file, ""), PV_OK);
    assert_int_equal(judged(HTTP_READ, "Bearer " READ_TOKEN), 0);
    assert_int_equal(judged(HTTP_READ, "bearer   " READ_TOKEN), 0);
    assert_int_equal(judged(HTTP_READ, "Basic " READ_TOKEN), 401);
    assert_int_equal(judged(HTTP_READ, "Bearer " READ_TOKEN "x"), 401);
    assert_int_equal(judged(HTTP_READ, NULL), 401);
    http_access_clear(&a);
}

static void the_token_for_reads_does_not_write(void **state)
{
    http_access_init(&a, true);
    assert_int_equal(set(read_file, admin_file), PV_OK);
    assert_int_equal(judged(HTTP_WRITE, "Bearer " READ_TOKEN), 403);
    assert_int_equal(judged(HTTP_WRITE, "Bearer " ADMIN_TOKEN), 0);
    assert_int_equal(judged(HTTP_READ, "Bearer " ADMIN_TOKEN), 0);
    assert_int_equal(judged(HTTP_READ, NULL), 401);
    http_access_clear(&a);
}

static void a_page_of_another_origin_writes_nothing(void **state)
{
    static const struct {
        const char *host, *origin, *site;
        unsigned code;
    } cases[] = {
        { "localhost:9090", NULL, NULL, 0 },
        { "localhost:9090", "http://localhost:9090", "same-origin", 0 },
        { "prover.example", "https://prover.example", NULL, 0 }, /* behind a proxy that ends TLS */
        { "localhost:9090", "http://localhost:9091", NULL, 403 },
        { "localhost:9090", "http://evil.example", "cross-site", 403 },
        { "localhost:9090", "null", NULL, 403 },
        { "localhost:9090", "", NULL, 403 },
        { "localhost:9090", NULL, "cross-site", 403 },
        { "localhost:9090", NULL, "same-site", 403 },
        { "evil.example", "http://evil.example", "same-origin", 421 },
    };
    http_access_init(&a, true);
    assert_int_equal(set("", admin_file), PV_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_asker who = asker("Bearer " ADMIN_TOKEN);
        who.host = cases[i].host;
        who.origin = cases[i].origin;
        who.site = cases[i].site;
        if (http_access_judge(&a, HTTP_WRITE, &who, 1000).code != cases[i].code) fail_msg("case %zu", i);
    }
    http_access_clear(&a);
}

static void hosts_are_addresses_localhost_and_what_is_listed(void **state)
{
    static const char names[] = "prover.example, b.example";
    static const char *const good[] = { "localhost", "LOCALHOST:1",    "127.0.0.1",      "10.0.0.7:9090",
                                        "[::1]",     "[fe80::1]:9090", "Prover.Example", "b.example:80" };
    static const char *const bad[] = { "",
                                       "example",
                                       "b.example.",
                                       "b.example:",
                                       "b.example:x",
                                       "[::1",
                                       "[b.example]",
                                       "[::1]x",
                                       ":80",
                                       "xb.example",
                                       "b.example,",
                                       "1.2.3",
                                       "localhost.evil.example",
                                       "prover.example b.example" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!http_host_allowed(good[i], names)) fail_msg("%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (http_host_allowed(bad[i], names)) fail_msg("%s", bad[i]);
    struct http_asker who = asker(NULL);
    http_access_init(&a, true);
    who.hosts_n = 2;
    assert_int_equal(http_access_judge(&a, HTTP_READ, &who, 1000).code, 400);
    who.hosts_n = 0;
    who.host = NULL; /* HTTP/1.0: no browser */
    assert_int_equal(http_access_judge(&a, HTTP_READ, &who, 1000).code, 0);
    http_access_clear(&a);
}

/* At the limit, above it, and back; and the one beside it is not disturbed. */
static void who_is_wrong_too_often_waits(void **state)
{
    struct sockaddr_in other = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000001) };
    struct http_asker wrong = asker("Bearer wrong-0123456789abcdef"), right = asker("Bearer " ADMIN_TOKEN);
    http_access_init(&a, true);
    assert_int_equal(set("", admin_file), PV_OK);
    for (int i = 0; i < HTTP_WRONG_MOST; i++)
        assert_int_equal(http_access_judge(&a, HTTP_WRITE, &wrong, 1000).code, 401);
    assert_int_equal(http_access_judge(&a, HTTP_WRITE, &wrong, 1000).code, 429);
    assert_int_equal(http_access_judge(&a, HTTP_WRITE, &right, 1999).code, 429); /* else one could guess on */
    right.from = (struct sockaddr *)&other;
    assert_int_equal(http_access_judge(&a, HTTP_WRITE, &right, 1000).code, 0);
    right.from = wrong.from;
    assert_int_equal(http_access_judge(&a, HTTP_WRITE, &right, 2000).code, 0);
    assert_int_equal(http_access_judge(&a, HTTP_WRITE, &wrong, 2000).code, 401);
    assert_int_equal(http_access_judge(&a, HTTP_WRITE, &wrong, 2000).code, 429);
    http_access_clear(&a);
}

static void writes_are_counted(void **state)
{
    struct http_asker who = asker("Bearer " ADMIN_TOKEN);
    unsigned let = 0;
    http_access_init(&a, true);
    assert_int_equal(set("", admin_file), PV_OK);
    for (int i = 0; i < 3 * HTTP_WRITES_MOST; i++) let += !http_access_judge(&a, HTTP_WRITE, &who, 5000).code;
    assert_int_equal(let, HTTP_WRITES_MOST);
    let = 0;
    for (int i = 0; i < 3 * HTTP_WRITES_MOST; i++) let += !http_access_judge(&a, HTTP_WRITE, &who, 6000).code;
    assert_int_equal(let, HTTP_WRITES_A_SECOND);
    http_access_clear(&a);
}

/* A bounded table: the one heard of longest ago makes room. */
static void many_addresses_take_no_more_room(void **state)
{
    static struct http_limit l;
    struct sockaddr_in6 at = { .sin6_family = AF_INET6 };
    for (unsigned i = 0; i < 3 * HTTP_LIMIT_ADDRESSES; i++) {
        at.sin6_addr.s6_addr[0] = (uint8_t)(i >> 8);
        at.sin6_addr.s6_addr[1] = (uint8_t)i;
        struct http_bucket *b = http_limit_of(&l, (struct sockaddr *)&at, 1000 + i, 1, 2);
        assert_true(http_bucket_take(b) && http_bucket_take(b));
        assert_false(http_bucket_take(b));
        at.sin6_addr.s6_addr[15] ^= 1; /* of the same host */
        assert_ptr_equal(http_limit_of(&l, (struct sockaddr *)&at, 1000 + i, 1, 2), b);
    }
}

static void a_token_file_is_refused_with_a_sentence(void **state)
{
    static const struct {
        const char *text, *says;
        mode_t mode;
    } cases[] = {
        { READ_TOKEN, "others than its owner may read it", 0640 },
        { READ_TOKEN, "others than its owner may read it", 0604 },
        { "", "16 to 256 visible", 0600 },
        { "short", "16 to 256 visible", 0600 },
        { "two words of which it is made", "16 to 256 visible", 0600 },
        { "line-one-0123456789\nline-two-0123456789\n", "16 to 256 visible", 0600 },
        { "sch\xc3\xb6n-0123456789abcdef", "16 to 256 visible", 0600 },
    };
    char path[96], long_one[400];
    http_access_init(&a, true);
    snprintf(path, sizeof path, "%s/token", dir);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file_put(path, cases[i].text, cases[i].mode);
        assert_int_equal(set("", path), PV_BAD_CONFIG);
        if (!strstr(why, cases[i].says) || !strstr(why, "http_admin_token")) fail_msg("%zu: %s", i, why);
        if (strlen(cases[i].text) > 4 && strstr(why, cases[i].text)) fail_msg("the sentence tells the token: %s", why);
    }
    memset(long_one, 'x', sizeof long_one);
    long_one[257] = 0;
    file_put(path, long_one, 0600);
    assert_int_equal(set("", path), PV_BAD_CONFIG);
    long_one[256] = 0;
    file_put(path, long_one, 0600);
    assert_int_equal(set("", path), PV_OK);
    assert_int_equal(set("", dir), PV_BAD_CONFIG);
    assert_non_null(strstr(why, "is not a file"));
    assert_int_equal(set("", "/nonexistent/token"), PV_BAD_CONFIG);
    assert_non_null(strstr(why, "No such file"));
    assert_int_equal(set(admin_file, admin_file), PV_BAD_CONFIG);
    assert_non_null(strstr(why, "are the same"));
    assert_true(http_access_writes(&a)); /* what was in force still is */
    unlink(path);
    http_access_clear(&a);
}

static int prepare(void **state)
{
    temp_dir_make(dir);
    snprintf(read_file, sizeof read_file, "%s/read", dir);
    snprintf(admin_file, sizeof admin_file, "%s/admin", dir);
    file_put(read_file, READ_TOKEN "\n", 0600);
    file_put(admin_file, ADMIN_TOKEN "\r\n", 0400);
    from = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    return 0;
}

static int clean(void **state)
{
    temp_dir_remove(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_loopback_reads_are_open_and_writes_do_not_exist),
        cmocka_unit_test(beyond_loopback_only_health_is_open),
        cmocka_unit_test(the_token_for_reads_does_not_write),
        cmocka_unit_test(a_page_of_another_origin_writes_nothing),
        cmocka_unit_test(hosts_are_addresses_localhost_and_what_is_listed),
        cmocka_unit_test(who_is_wrong_too_often_waits),
        cmocka_unit_test(writes_are_counted),
        cmocka_unit_test(many_addresses_take_no_more_room),
        cmocka_unit_test(a_token_file_is_refused_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, prepare, clean);
}
