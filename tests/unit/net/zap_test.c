/* The thread that answers for keys, asked frame by frame: its whole answer to each question, and one line a second for all whom it
 * refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth.h"
#include "log.h"
#include "temp_dir.h"

#include <czmq.h>
#include <pthread.h>

static char dir[64], known[41], unknown[41], known_secret[41], unknown_secret[41];
static uint8_t known_raw[32], unknown_raw[32];
static zactor_t *actor;
static _Atomic uint64_t now_ms;
static char lines[4096];

uint64_t __wrap_pv_clock_ms(void);
void __wrap_log_event(enum log_level level, const char *event, const char *format, ...);

uint64_t __wrap_pv_clock_ms(void)
{
    return now_ms;
}

/* Written before the answer goes out, and read after it came. */
void __wrap_log_event(enum log_level level, const char *event, const char *format, ...)
{
    va_list ap;
    size_t n = strlen(lines);
    n += (size_t)snprintf(lines + n, sizeof lines - n, "%s ", event);
    va_start(ap, format);
    n += (size_t)vsnprintf(lines + n, sizeof lines - n, format, ap);
    va_end(ap);
    snprintf(lines + n, sizeof lines - n, "\n");
}

/* What the thread takes out of questions, and has not given back: czmq allocates it, so the heap watch does not see it. */
static _Atomic long taken;
static pthread_t asker;

static void count(long n)
{
    if (!pthread_equal(pthread_self(), asker)) taken += n;
}

char *__real_zmsg_popstr(zmsg_t *m);
char *__wrap_zmsg_popstr(zmsg_t *m);
zframe_t *__real_zmsg_pop(zmsg_t *m);
zframe_t *__wrap_zmsg_pop(zmsg_t *m);
void __real_zstr_free(char **text);
void __wrap_zstr_free(char **text);
void __real_zframe_destroy(zframe_t **frame);
void __wrap_zframe_destroy(zframe_t **frame);
void __real_zmsg_destroy(zmsg_t **m);
void __wrap_zmsg_destroy(zmsg_t **m);
zmsg_t *__real_zmsg_recv(void *source);
zmsg_t *__wrap_zmsg_recv(void *source);

char *__wrap_zmsg_popstr(zmsg_t *m)
{
    char *text = __real_zmsg_popstr(m);
    count(text != NULL);
    return text;
}

zframe_t *__wrap_zmsg_pop(zmsg_t *m)
{
    zframe_t *frame = __real_zmsg_pop(m);
    count(frame != NULL);
    return frame;
}

void __wrap_zstr_free(char **text)
{
    count(-(*text != NULL));
    __real_zstr_free(text);
}

void __wrap_zframe_destroy(zframe_t **frame)
{
    count(-(*frame != NULL));
    __real_zframe_destroy(frame);
}

void __wrap_zmsg_destroy(zmsg_t **m)
{
    count(-(*m != NULL));
    __real_zmsg_destroy(m);
}

zmsg_t *__wrap_zmsg_recv(void *source)
{
    zmsg_t *m = __real_zmsg_recv(source);
    count(m != NULL);
    return m;
}

static struct auth_keys *keys_of(const char *key)
{
    char path[96], why[AUTH_WHY_BYTES];
    struct auth_keys *keys = NULL;
    snprintf(path, sizeof path, "%s/keys.yaml", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "keys:\n  - { name: acme, key: \"%s\", roles: [client] }\n", key);
    assert_int_equal(fclose(f), 0);
    if (auth_keys_read(&keys, path, why) != PV_OK) fail_msg("%s", why);
    return keys;
}

static int setup(void **state)
{
    temp_dir_make(dir);
    asker = pthread_self();
    zsys_handler_set(NULL);
    assert_int_equal(zmq_curve_keypair(known, known_secret), 0);
    assert_int_equal(zmq_curve_keypair(unknown, unknown_secret), 0);
    assert_non_null(zmq_z85_decode(known_raw, known));
    assert_non_null(zmq_z85_decode(unknown_raw, unknown));
    struct auth_keys *keys = keys_of(known);
    assert_int_equal(auth_start(&actor, &keys), PV_OK);
    assert_null(keys);
    return 0;
}

static int teardown(void **state)
{
    assert_null(actor);
    temp_dir_remove(dir);
    return 0;
}

/* Asks with so many of the frames; the answer's frames, with | between them. */
static const char *asked(const char *version, const char *mechanism, const uint8_t *key, size_t bytes, size_t frames)
{
    static char answer[512];
    const char *words[] = { version, "7", "provost", "10.0.0.1", "id", mechanism };
    zsock_t *s = zsock_new_req("inproc://zeromq.zap.01");
    zmsg_t *m = zmsg_new();
    assert_non_null(s);
    for (size_t i = 0; i < 6 && i < frames; i++) zmsg_addstr(m, words[i]);
    if (frames > 6) zmsg_addmem(m, key, bytes);
    assert_int_equal(zmsg_send(&m, s), 0);
    m = zmsg_recv(s);
    assert_non_null(m);
    answer[0] = 0;
    for (char *word; (word = zmsg_popstr(m)); free(word)) {
        strcat(answer, word);
        strcat(answer, "|");
    }
    zmsg_destroy(&m);
    zsock_destroy(&s);
    return answer;
}

static void its_whole_answer(void **state)
{
    char yes[128];
    static const char no[] = "1.0|7|400|this key is not authorised|||";
    snprintf(yes, sizeof yes, "1.0|7|200|OK|%s||", known);
    assert_string_equal(asked("1.0", "CURVE", known_raw, 32, 7), yes);
    assert_string_equal(asked("1.0", "CURVE", unknown_raw, 32, 7), no);
    assert_string_equal(asked("1.1", "CURVE", known_raw, 32, 7), no);
    assert_string_equal(asked("1.0", "PLAIN", known_raw, 32, 7), no);
    assert_string_equal(asked("1.0", "CURVE", known_raw, 31, 7), no);
    assert_string_equal(asked("1.0", "CURVE", known_raw, 32, 6), "1.0||400|this key is not authorised|||");
    assert_string_equal(asked("1.0", "CURVE", known_raw, 32, 7), yes);
}

static void refused(const uint8_t *key, size_t times)
{
    while (times--) asked("1.0", "CURVE", key, 32, 7);
}

static void one_line_a_second(void **state)
{
    char want[512];
    now_ms = 100000;
    lines[0] = 0;
    refused(unknown_raw, 1);
    lines[0] = 0; /* with what was refused before it */
    refused(unknown_raw, 2);
    asked("1.0", "CURVE", known_raw, 32, 7);
    now_ms = 100999;
    refused(unknown_raw, 1);
    assert_string_equal(lines, "");
    now_ms = 101000;
    refused(unknown_raw, 2);
    snprintf(want, sizeof want, "key.refused key=%s address=10.0.0.1 times=4\n", unknown);
    assert_string_equal(lines, want);
    lines[0] = 0;
    now_ms = 102000;
    asked("1.0", "CURVE", known_raw, 32, 3);
    assert_string_equal(lines, "key.refused key= address= times=2\n");
}

static void another_table_counts_at_once(void **state)
{
    char yes[128];
    struct auth_keys *keys = keys_of(unknown);
    auth_change(actor, &keys);
    assert_null(keys);
    snprintf(yes, sizeof yes, "1.0|7|200|OK|%s||", unknown);
    assert_string_equal(asked("1.0", "CURVE", unknown_raw, 32, 7), yes);
    assert_string_equal(asked("1.0", "CURVE", known_raw, 32, 7), "1.0|7|400|this key is not authorised|||");
    keys = keys_of(known);
    auth_change(actor, &keys);
}

static void only_one_answers(void **state)
{
    zactor_t *second = NULL;
    struct auth_keys *keys = keys_of(unknown);
    assert_int_equal(auth_start(&second, &keys), PV_FAILED);
    assert_null(second);
    assert_null(keys);
    assert_int_equal(strncmp(asked("1.0", "CURVE", known_raw, 32, 7), "1.0|7|200|", 10), 0);
}

static void nothing_of_a_question_is_kept(void **state)
{
    auth_stop(&actor); /* the thread has ended: what it took and did not give back is lost */
    assert_null(actor);
    enum { COMMANDS = 3 }; /* two tables and the end: they come by zsock_recv, and are given back too */
    assert_int_equal(taken, -COMMANDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_whole_answer),
        cmocka_unit_test(one_line_a_second),
        cmocka_unit_test(another_table_counts_at_once),
        cmocka_unit_test(only_one_answers),
        cmocka_unit_test(nothing_of_a_question_is_kept),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
