/* Each question to http_access.h takes its lock once and gives it back, whatever the answer: it is changed while the server asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_access.h"

#include <arpa/inet.h>

static struct http_access a;
static int held, taken;

int __real_pthread_mutex_lock(pthread_mutex_t *m);
int __wrap_pthread_mutex_lock(pthread_mutex_t *m);
int __wrap_pthread_mutex_lock(pthread_mutex_t *m)
{
    if (m == &a.lock) held++, taken++;
    return __real_pthread_mutex_lock(m);
}

int __real_pthread_mutex_unlock(pthread_mutex_t *m);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *m);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *m)
{
    if (m == &a.lock) held--;
    return __real_pthread_mutex_unlock(m);
}

static void expect_taken(int n)
{
    assert_int_equal(taken, n);
    assert_int_equal(held, 0);
    taken = 0;
}

static void each_question_is_asked_under_the_lock(void **state)
{
    static const struct http_access_files files = { "", "", "" }, bad = { "", "/nowhere/token", "" };
    struct sockaddr_in from = { .sin_family = AF_INET };
    struct http_asker who = { .host = "localhost", .hosts_n = 1, .from = (struct sockaddr *)&from };
    char why[320];
    http_access_init(&a, true);
    assert_int_equal(http_access_set(&a, &files, why, sizeof why), PV_OK);
    expect_taken(1);
    assert_int_equal(http_access_set(&a, &bad, why, sizeof why), PV_BAD_CONFIG);
    expect_taken(0);
    assert_int_equal(http_access_judge(&a, HTTP_OPEN, &who, 1000).code, 0);
    expect_taken(0);
    assert_int_equal(http_access_judge(&a, HTTP_READ, &who, 1000).code, 0);
    expect_taken(1);
    assert_int_equal(http_access_judge(&a, HTTP_WRITE, &who, 1000).code, 404);
    expect_taken(1);
    who.host = "evil.example";
    assert_int_equal(http_access_judge(&a, HTTP_READ, &who, 1000).code, 421);
    expect_taken(1);
    assert_false(http_access_writes(&a));
    expect_taken(1);
    assert_false(http_access_closed(&a));
    expect_taken(1);
    http_access_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_question_is_asked_under_the_lock) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
