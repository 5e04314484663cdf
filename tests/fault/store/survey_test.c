/* R20: the look at all payloads after a start finds what is missing, cut or not as its row says, and nothing else, in slices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store_scene.h"
#include "survey.h"

#include <poll.h>

enum { MANY = 2 * STORE_SURVEY_ROWS + 1 };

struct found {
    unsigned n, of[MANY + 1];
    enum store_kind kind[MANY + 1];
};

static void find(void *context, const struct store_named *n)
{
    struct found *f = context;
    uint64_t row;
    memcpy(&row, n->task.bytes, sizeof row);
    assert_string_equal(n->principal, "acme");
    f->of[f->n] = (unsigned)row;
    f->kind[f->n++] = n->kind;
}

/* Puts task n with this payload. */
static void put(struct store *s, uint64_t n, enum task_state state, bool has_input, enum store_kind kind,
                const struct store_payload *p)
{
    struct task_record t = task_of(n);
    t.state = (uint8_t)state;
    t.has_input = has_input;
    if (p) *(kind == STORE_INPUT ? &t.input : &t.result) = p->sha256;
    assert_int_equal(store_put_task(s, &t), PV_OK);
    if (p) assert_int_equal(store_put_payload(s, kind, n, p), PV_OK);
}

static struct found looked(struct store *s, uint64_t payloads)
{
    struct found f = { 0 };
    struct survey *v = NULL;
    unsigned turns = 0;
    assert_int_equal(survey_start(&v, s, -1), PV_OK);
    for (; survey_turn(v, find, &f) && turns < 20000; turns++) poll(NULL, 0, 1);
    assert_true(turns < 20000);
    assert_int_equal(survey_read_stats(v).payloads, payloads);
    assert_int_equal(survey_read_stats(v).damaged, f.n);
    survey_end(&v);
    return f;
}

static void blob(char path[200], const char *dir, wire_hash hash)
{
    char hex[WIRE_HASH_TEXT];
    snprintf(path, 200, "%s/blobs/%s", dir, wire_hash_text(hex, hash));
}

static void each_way_to_be_damaged_is_found(void **state)
{
    static const uint8_t small[] = "a small one";
    char *dir = *state, path[200];
    struct store *s = open_or_die(dir, NULL);
    struct store_payload file[6], row = inline_payload(small, sizeof small);
    for (uint8_t i = 1; i < 6; i++) {
        assert_int_equal(file_payload(s, i, &file[i]), PV_OK);
        put(s, i, i == 5 ? TASK_SUCCEEDED : TASK_QUEUED, i != 5, i == 5 ? STORE_RESULT : STORE_INPUT, &file[i]);
    }
    for (uint64_t n = 6; n <= 9; n++) put(s, n, TASK_RUNNING, true, STORE_INPUT, &row);
    put(s, 10, TASK_SUCCEEDED, false, STORE_RESULT, &row);
    put(s, 11, TASK_DEAD, true, STORE_INPUT, NULL);        /* over: looked at when it is to be revived */
    put(s, 12, TASK_DEAD, false, STORE_INPUT, NULL);       /* it has none */
    put(s, 13, TASK_SUCCEEDED, false, STORE_RESULT, NULL); /* it should have one */
    committed(s, STORE_NOW);
    sql(dir, "UPDATE input SET length = length + 1 WHERE row = 7");
    sql(dir, "UPDATE input SET sha256 = zeroblob(32) WHERE row = 8");
    sql(dir, "DELETE FROM input WHERE row = 9");
    blob(path, dir, file[2].sha256);
    assert_int_equal(unlink(path), 0);
    blob(path, dir, file[3].sha256);
    assert_int_equal(truncate(path, 99999), 0);
    blob(path, dir, file[4].sha256);
    assert_int_equal(unlink(path) || mkdir(path, 0700), 0);
    blob(path, dir, file[5].sha256);
    assert_int_equal(truncate(path, 100001), 0);
    struct found f = looked(s, 11);
    static const unsigned damaged[] = { 2, 3, 4, 5, 7, 8, 9, 13 };
    assert_int_equal(f.n, sizeof damaged / sizeof *damaged);
    for (unsigned i = 0; i < f.n; i++) {
        assert_int_equal(f.of[i], damaged[i]);
        assert_int_equal(f.kind[i], damaged[i] == 5 || damaged[i] == 13 ? STORE_RESULT : STORE_INPUT);
    }
    store_close(&s);
}

static void an_empty_store_is_through_at_once(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    assert_int_equal(looked(s, 0).n, 0);
    store_close(&s);
}

/* None is missed where one slice ends and the next begins, also where rows have gone in between. */
static void slices_join(void **state)
{
    struct store *s = open_or_die(*state, NULL);
    struct store_payload here;
    assert_int_equal(file_payload(s, 1, &here), PV_OK);
    for (uint64_t n = 1; n <= MANY; n++) {
        struct store_payload gone = here;
        gone.sha256.bytes[0] ^= (uint8_t)(n % 2); /* every other one is not there */
        put(s, 10 * n, TASK_QUEUED, true, STORE_INPUT, &gone);
    }
    committed(s, STORE_NOW);
    struct found f = looked(s, MANY);
    assert_int_equal(f.n, (MANY + 1) / 2);
    for (unsigned i = 0; i < f.n; i++) assert_int_equal(f.of[i], 10 * (2 * i + 1));
    store_close(&s);
}

/* The store is closed while the file system is asked. */
static void it_can_end_in_the_middle(void **state)
{
    struct found f = { 0 };
    struct survey *v = NULL;
    struct store *s = open_or_die(*state, NULL);
    struct store_payload p;
    assert_int_equal(file_payload(s, 1, &p), PV_OK);
    for (uint64_t n = 1; n <= MANY; n++) put(s, n, TASK_QUEUED, true, STORE_INPUT, &p);
    committed(s, STORE_NOW);
    assert_int_equal(survey_start(&v, s, -1), PV_OK);
    assert_true(survey_turn(v, find, &f));
    survey_end(&v);
    assert_null(v);
    survey_end(&v);
    store_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(each_way_to_be_damaged_is_found),
        IN_A_FOLDER(an_empty_store_is_through_at_once),
        IN_A_FOLDER(slices_join),
        IN_A_FOLDER(it_can_end_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
