/* What a broker may answer to HELLO, and what it may say of the connection afterwards: which of it ends the connection,
 * which makes the client say hello again, and what the caller is told. */
#include "client_scene.h"
#include "clock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SOON = 4000, REHELLO_MS = 1000 };

static pv_status answer;
static enum wire_type answer_type;
static bool answer_text;

/* An answer without a request number, as it is to HELLO. */
static void say(struct fake *f)
{
    struct wire_msg e = { .type = answer_type };
    WIRE_SET(&e, status, answer);
    if (answer_text) WIRE_SET(&e, text, "because the test says so");
    fake_send(f, &e);
}

static void on_hello(struct fake *f, const struct wire_msg *m)
{
    say(f);
}

static const pv_status statuses[] = { PV_UNAUTHORIZED, PV_BUSY,         PV_BAD_STATE, PV_CONFLICT, PV_BAD_VERSION,
                                      PV_BAD_MESSAGE,  PV_STALE_BROKER, PV_STANDBY,   PV_INTERNAL };

/* Every attempt ends with what the broker said, and the next begins. */
static void refused(struct scene *s, enum wire_type type, bool with_text)
{
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        fake_stop(&s->f);
        answer = statuses[i];
        answer_type = type;
        answer_text = with_text;
        s->f.no_welcome = true;
        s->f.on[WIRE_HELLO] = on_hello;
        unsigned hellos = s->f.got[WIRE_HELLO];
        fake_start(&s->f);
        fake_expect(&s->f, WIRE_HELLO, hellos + 2);
        assert_int_equal(pv_client_ready(s->c, 0), statuses[i]);
        if (with_text) scene_expect_error(s->c, "because the test says so");
        scene_expect_error(s->c, s->f.endpoint);
        fake_stop(&s->f);
        s->f.no_welcome = false;
        s->f.on[WIRE_HELLO] = NULL;
        fake_start(&s->f);
        scene_expect_ok(s->c, pv_client_ready(s->c, SOON));
    }
}

static void test_an_error_at_hello_is_told_and_the_next_attempt_made(void **state)
{
    refused(*state, WIRE_ERROR, true);
}

static void test_an_end_at_hello_is_told_and_the_next_attempt_made(void **state)
{
    refused(*state, WIRE_DISCONNECT, false);
}

/* One that says "ok" is no welcome. */
static void test_an_ok_that_is_no_welcome_is_none(void **state)
{
    static const enum wire_type types[] = { WIRE_ERROR, WIRE_DISCONNECT };
    static const pv_status told[] = { PV_BAD_MESSAGE, PV_UNREACHABLE };
    struct scene *s = *state;
    for (size_t i = 0; i < 2; i++) {
        fake_stop(&s->f);
        answer = PV_OK;
        answer_type = types[i];
        s->f.no_welcome = true;
        s->f.on[WIRE_HELLO] = on_hello;
        unsigned hellos = s->f.got[WIRE_HELLO];
        fake_start(&s->f);
        fake_expect(&s->f, WIRE_HELLO, hellos + 2);
        assert_int_equal(pv_client_ready(s->c, 0), told[i]);
    }
}

/* ---- once connected ---- */

static uint64_t connects(struct scene *s)
{
    struct pv_client_info info;
    pv_client_about(s->c, &info);
    return info.connects;
}

static void tell(struct scene *s, enum wire_type type, pv_status status)
{
    fake_lock(&s->f);
    answer_type = type;
    answer = status;
    say(&s->f);
    fake_unlock(&s->f);
}

static void on_show(struct fake *f, const struct wire_msg *m)
{
    fake_task(f, m, TASK_QUEUED);
}

/* What was said before is handled when this has its answer. */
static void answered(struct scene *s)
{
    pv_task_id id = scene_id((wire_id){ { 1 } });
    struct pv_task_info info;
    scene_expect_ok(s->c, pv_show(s->c, &info, &id, SOON));
}

static void test_the_end_of_a_connection_is_dialled_again(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SHOW, on_show);
    scene_expect_ok(s->c, pv_client_ready(s->c, SOON));
    tell(s, WIRE_DISCONNECT, PV_OK);
    fake_expect(&s->f, WIRE_HELLO, 2);
    answered(s);
    assert_int_equal(connects(s), 2);
    tell(s, WIRE_ERROR, PV_UNAUTHORIZED); /* the key was revoked */
    fake_expect(&s->f, WIRE_HELLO, 3);
    answered(s);
    assert_int_equal(connects(s), 3);
}

static void test_an_error_about_nothing_changes_nothing(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SHOW, on_show);
    scene_expect_ok(s->c, pv_client_ready(s->c, SOON));
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        if (statuses[i] == PV_UNAUTHORIZED || statuses[i] == PV_BAD_STATE) continue;
        tell(s, WIRE_ERROR, statuses[i]);
        answered(s);
    }
    assert_int_equal(connects(s), 1);
    assert_int_equal(fake_got(&s->f, WIRE_HELLO), 1);
}

static void heartbeat(struct scene *s, uint32_t epoch)
{
    fake_lock(&s->f);
    struct wire_msg h = { .type = WIRE_HEARTBEAT };
    WIRE_SET(&h, epoch, epoch);
    fake_send(&s->f, &h);
    fake_unlock(&s->f);
}

/* The broker's word alone makes the client say hello again, but at most once a second. */
static void test_hello_is_said_again_at_most_once_a_second(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SHOW, on_show);
    unsigned hellos = 1;
    for (bool in_time = false; !in_time; hellos = fake_got(&s->f, WIRE_HELLO)) { /* a machine may be slower than that */
        uint64_t before = pv_clock_ms();
        fake_expect(&s->f, WIRE_HELLO, hellos);
        answered(s);
        heartbeat(s, 2);
        tell(s, WIRE_ERROR, PV_BAD_STATE);
        answered(s);
        in_time = pv_clock_ms() < before + REHELLO_MS - 50;
        if (in_time) assert_int_equal(fake_got(&s->f, WIRE_HELLO), hellos);
    }
    usleep((REHELLO_MS + 50) * 1000);
    heartbeat(s, 2);
    fake_expect(&s->f, WIRE_HELLO, hellos + 1);
    answered(s);
    usleep((REHELLO_MS + 50) * 1000);
    tell(s, WIRE_ERROR, PV_BAD_STATE);
    fake_expect(&s->f, WIRE_HELLO, hellos + 2);
    answered(s);
    assert_int_equal(connects(s), hellos + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_an_error_at_hello_is_told_and_the_next_attempt_made),
        SCENE_TEST(test_an_end_at_hello_is_told_and_the_next_attempt_made),
        SCENE_TEST(test_an_ok_that_is_no_welcome_is_none),
        SCENE_TEST(test_the_end_of_a_connection_is_dialled_again),
        SCENE_TEST(test_an_error_about_nothing_changes_nothing),
        SCENE_TEST(test_hello_is_said_again_at_most_once_a_second),
    };
    return SCENE_RUN(tests);
}
