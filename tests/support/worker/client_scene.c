#include "client_scene.h"

#include <string.h>

struct scene *scene_of(struct fake *f)
{
    return f->state;
}

void scene_open(struct scene *s, struct pv_client_options *o)
{
    o->endpoints = o->endpoints ? o->endpoints : s->f.endpoint;
    o->insecure = true;
    o->name = "shop";
    o->reconnect_ms = 20;
    o->reconnect_max_ms = 100;
    assert_int_equal(pv_client_open(&s->c, o), PV_OK);
}

int scene_set_up(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    fake_init(&s->f);
    s->f.state = s;
    fake_start(&s->f);
    scene_open(s, &(struct pv_client_options){ 0 });
    *state = s;
    return 0;
}

int scene_tear_down(void **state)
{
    struct scene *s = *state;
    pv_client_close(&s->c);
    assert_null(s->c);
    fake_clear(&s->f);
    free(s->in);
    free(s);
    return 0;
}

void scene_filter(void)
{
    const char *pattern = getenv("PV_TEST_FILTER");
    if (pattern) cmocka_set_test_filter(pattern);
}

void scene_handle(struct scene *s, enum wire_type type, fake_handler *h)
{
    fake_lock(&s->f);
    s->f.on[type] = h;
    fake_unlock(&s->f);
}

const struct pv_submit_options scene_plain = { .queue = "outer", .circuit = "withdraw" };

pv_task_id scene_id(wire_id w)
{
    pv_task_id id;
    memcpy(id.bytes, w.bytes, sizeof id.bytes);
    return id;
}

void scene_expect_error(pv_client *c, const char *part)
{
    char text[PV_TEXT_BYTES];
    pv_client_error(c, text, sizeof text);
    if (!strstr(text, part)) fail_msg("\"%s\" is not in \"%s\"", part, text);
}

void scene_expect_ok(pv_client *c, pv_status status)
{
    char text[PV_TEXT_BYTES];
    pv_client_error(c, text, sizeof text);
    if (status != PV_OK) fail_msg("%s: %s", pv_status_word(status), text);
}

void scene_accept(struct fake *f, const struct wire_msg *m)
{
    scene_of(f)->task = m->task;
    fake_submit_ok(f, m, TASK_QUEUED);
}

void scene_prove(struct fake *f, const struct wire_msg *m)
{
    scene_accept(f, m);
    fake_deliver(f, 0, m->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
}

void scene_deliver(struct fake *f, const struct wire_msg *m)
{
    fake_task(f, m, TASK_SUCCEEDED);
    fake_deliver(f, 0, m->task, TASK_SUCCEEDED, PV_OK, "proof", 5);
}

void scene_refuse(struct fake *f, const struct wire_msg *m, pv_status status)
{
    fake_error(f, m, status, "because the test says so");
}

void scene_conflict(struct fake *f, const struct wire_msg *m)
{
    scene_refuse(f, m, PV_CONFLICT);
}

void scene_gone(struct fake *f, const struct wire_msg *m)
{
    scene_refuse(f, m, PV_GONE);
}

void scene_expect_proof(const struct pv_result *r)
{
    assert_int_equal(r->status, PV_OK);
    assert_int_equal(r->state, PV_TASK_SUCCEEDED);
    assert_int_equal(r->bytes_n, 5);
    assert_memory_equal(r->bytes, "proof", 5);
    assert_string_equal(r->prover, "p1");
    assert_int_equal(r->measured_ms, 42);
}

void *scene_submit(void *call)
{
    struct scene_submit_call *k = call;
    k->status = pv_submit(k->s->c, &k->id, &k->what, k->input, k->bytes, LONG);
    return NULL;
}

void scene_cancelled(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg a = { .type = WIRE_CANCELLED };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, state, TASK_CANCELLED);
    fake_send(f, &a);
}
