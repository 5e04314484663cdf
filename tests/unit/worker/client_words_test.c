/** What each call of the library says: with arguments that make no sense, and for what a broker refuses. Status and sentence of each, beside
 *  tests/vectors/base/client.txt (`client_words_test FILE write` makes it anew).
 */
#include "client_scene.h"
#include "golden_text.h"

#include <inttypes.h>
#include <string.h>

static const char *golden;
static bool write_it;

static void said(pv_client *c, const char *what, pv_status s)
{
    char text[PV_TEXT_BYTES];
    pv_client_error(c, text, sizeof text);
    golden_add("%s: %s, %s\n", what, pv_status_word(s), s == PV_OK ? "" : text);
}

#define SAID(call) said(s->c, #call, call)

/* ---- arguments ---- */

static void submits(struct scene *s)
{
    char long_name[66];
    pv_task_id id;
    memset(long_name, 'n', 65);
    long_name[65] = 0;
    static const char *const names[] = { NULL, "", "a b", "a/b", "\xc3\xa9" };
    for (int which = 0; which < 3; which++)
        for (size_t i = 0; i < 7; i++) {
            struct pv_submit_options w = scene_plain;
            const char *name = i < 5 ? names[i] : long_name + (i - 5);
            if (i == 6) continue; /* 64 letters are good */
            if (which == 0) w.queue = name;
            if (which == 1) w.circuit = name;
            if (which == 2) w.group = name ? name : "*";
            golden_add("%d %s ", which, name ? name : "NULL");
            said(s->c, "submit", pv_submit(s->c, &id, &w, "input", 5, 50));
        }
    static const int priorities[] = { PV_PRIORITY_LOWEST - 1, 10, 100 };
    for (size_t i = 0; i < 3; i++) {
        struct pv_submit_options w = scene_plain;
        w.priority = priorities[i];
        said(s->c, "priority", pv_submit(s->c, &id, &w, "input", 5, 50));
    }
    struct pv_submit_options w = scene_plain;
    w.local.policy = PV_LOCAL_AFTER;
    said(s->c, "local", pv_submit(s->c, &id, &w, "input", 5, 50));
    w = scene_plain;
    said(s->c, "an empty input", pv_submit(s->c, &id, &w, "", 0, 50));
}

static void questions(struct scene *s)
{
    pv_task_id id = scene_id((wire_id){ { 5 } });
    struct pv_result r;
    pv_table *t = NULL;
    SAID(pv_wait(s->c, &r, &id, 50));
    SAID(pv_ack(s->c, &id));
    SAID(pv_flush(s->c, 50));
    SAID(pv_queue_pause(s->c, &t, NULL, 50));
    SAID(pv_queue_pause(s->c, &t, "a b", 50));
    SAID(pv_queue_resume(s->c, &t, "", 50));
    SAID(pv_queue_set(s->c, &t, "q", (&(struct pv_queue_settings){ .run_timeout_ms = 0 }), 50));
    SAID(pv_queue_set(s->c, &t, "q", (&(struct pv_queue_settings){ .run_timeout_ms = -7 }), 50));
    SAID(pv_queue_set(s->c, &t, "q", (&(struct pv_queue_settings){ .stall_timeout_ms = -7 }), 50));
    SAID(pv_prover_drain(s->c, &t, NULL, 50));
    SAID(pv_prover_drain(s->c, &t, "a b", 50));
    SAID(pv_prover_drain_of(s->c, &t, "a b", "p", 50));
    SAID(pv_prover_resume_of(s->c, &t, "k", "p", 50));
    SAID(pv_prover_keys(s->c, &t, NULL, "", 50));
    SAID(pv_prover_keys(s->c, &t, "k", "p", 50));
    SAID(pv_list(s->c, &t, (&(struct pv_list_options){ .queue = "a b" }), 50));
    SAID(pv_list(s->c, &t, (&(struct pv_list_options){ .state = "Dead" }), 50));
    SAID(pv_list(s->c, &t, (&(struct pv_list_options){ .what = PV_LIST_EVENTS + 1 }), 50));
    SAID(pv_purge(s->c, NULL, (&(struct pv_purge_options){ .scope = PV_PURGE_QUEUE }), 50));
    SAID(pv_purge(s->c, NULL, (&(struct pv_purge_options){ .client = "a b" }), 50));
    SAID(pv_purge(s->c, NULL, (&(struct pv_purge_options){ .session = "12" }), 50));
    SAID(pv_purge(s->c, NULL, (&(struct pv_purge_options){ .states = 1u << PV_TASK_STATES }), 50));
    SAID(pv_purge_and_forget(s->c, NULL, (&(struct pv_purge_options){ .scope = PV_PURGE_CLIENT }), 50));
}

static void what_makes_no_sense(void **state)
{
    struct scene *s = *state;
    scene_expect_ok(s->c, pv_client_ready(s->c, LONG));
    questions(s);
    submits(s);
    char text[PV_ID_TEXT];
    pv_task_id id;
    static const char *const ids[] = { "",
                                       "00",
                                       "000102030405060708090a0b0c0d0e0f",
                                       "000102030405060708090A0B0C0D0E0F",
                                       "000102030405060708090a0b0c0d0e0g",
                                       "000102030405060708090a0b0c0d0e0f0" };
    for (size_t i = 0; i < 6; i++) {
        memset(&id, 0, sizeof id);
        golden_add("id %s: %d", ids[i], pv_task_id_of_text(&id, ids[i]));
        golden_add(" %s\n", pv_task_id_text(text, &id));
    }
    for (int i = -1; i <= PV_TASK_STATES; i++) {
        enum pv_task_state is = PV_TASK_DEAD;
        const char *word = pv_task_state_word((enum pv_task_state)i);
        golden_add("state %d %s", i, word);
        golden_add(" %d", pv_task_state_of_word(&is, word));
        golden_add(" %d\n", is);
    }
}

/* ---- refusals ---- */

static pv_status refused;
static const char *text_of_it, *which_of_it;

static void refuse(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg e = { .type = WIRE_ERROR };
    if (m->has.req) WIRE_SET(&e, req, m->req);
    if (m->has.task) WIRE_SET(&e, task, m->task);
    WIRE_SET(&e, status, refused);
    if (text_of_it) WIRE_SET(&e, text, text_of_it);
    if (which_of_it) WIRE_SET(&e, which, which_of_it);
    fake_send(f, &e);
}

static void calls(struct scene *s)
{
    pv_task_id id = scene_id((wire_id){ { 5, (uint8_t)refused, text_of_it != NULL } });
    struct pv_submit_options w = scene_plain;
    struct pv_task_info info;
    enum pv_task_state is;
    struct pv_result r;
    pv_table *t = NULL;
    w.when_busy = PV_BUSY_FAIL;
    w.id = &id;
    golden_add("%s, %s, %s\n", pv_status_word(refused), text_of_it ? text_of_it : "-", which_of_it ? which_of_it : "-");
    SAID(pv_submit(s->c, NULL, &w, "input", 5, LONG));
    SAID(pv_attach(s->c, &id, &w, LONG));
    SAID(pv_show(s->c, &info, &id, LONG));
    SAID(pv_kick(s->c, &info, &id, LONG));
    SAID(pv_cancel(s->c, &is, &id, LONG));
    SAID(pv_fetch(s->c, &r, &id, LONG));
    SAID(pv_list(s->c, &t, (&(struct pv_list_options){ .what = PV_LIST_TASKS }), LONG));
    SAID(pv_purge(s->c, NULL, (&(struct pv_purge_options){ .scope = PV_PURGE_SESSION }), LONG));
    SAID(pv_queue_pause(s->c, &t, "outer", LONG));
    SAID(pv_prover_drain(s->c, &t, "p", LONG));
    pv_forget(s->c, &id);
}

static void what_a_broker_refuses(void **state)
{
    struct scene *s = *state;
    static const pv_status statuses[] = { PV_NOT_FOUND, PV_CONFLICT, PV_UNKNOWN_QUEUE, PV_TOO_LARGE };
    static const enum wire_type types[] = { WIRE_SUBMIT, WIRE_ATTACH, WIRE_SHOW,  WIRE_KICK,  WIRE_CANCEL,
                                            WIRE_FETCH,  WIRE_LIST,   WIRE_PURGE, WIRE_QUEUE, WIRE_PROVER };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) scene_handle(s, types[i], refuse);
    scene_expect_ok(s->c, pv_client_ready(s->c, LONG));
    for (size_t i = 0; i < 2 * sizeof statuses / sizeof *statuses; i++) {
        fake_lock(&s->f);
        refused = statuses[i / 2];
        text_of_it = i % 2 ? "a sentence of its own" : NULL;
        which_of_it = refused == PV_TOO_LARGE ? "rate" : NULL;
        fake_unlock(&s->f);
        calls(s);
    }
}

static void it_is_as_it_was(void **state)
{
    golden_compare(golden, write_it);
}

int main(int argc, char **argv)
{
    golden = argc > 1 ? argv[1] : "vectors/base/client.txt";
    write_it = argc > 2 && !strcmp(argv[2], "write");
    const struct CMUnitTest tests[] = {
        SCENE_TEST(what_makes_no_sense),
        SCENE_TEST(what_a_broker_refuses),
        cmocka_unit_test(it_is_as_it_was),
    };
    return SCENE_RUN(tests);
}
