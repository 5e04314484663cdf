/* "Verified" means the caller's own statement: an old proof of another input is refused, wherever a key is known. */
#include "client_scene.h"

#include <stdio.h>
#include <string.h>

/* Circuit chain-5: the key, a witness, the proof of that witness with its public values; and another witness, whose
 * values are not that proof's. */
static struct {
    pv_vkey *vkey;
    char key[65536], proof[16384], publics[4096], result[24576];
    uint8_t witness[4096], other[4096];
    size_t witness_n, publics_n;
} chain;

static size_t read_data(const char *file, void *to, size_t room)
{
    char path[128];
    snprintf(path, sizeof path, "data/chain-5/%s", file);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(to, 1, room, f);
    fclose(f);
    return n;
}

static int chain_set_up(void **state)
{
    enum { FIRST_PUBLIC = 12 + 12 + 40 + 12 + 32 };
    size_t key_n = read_data("vkey.json", chain.key, sizeof chain.key);
    read_data("proof.json", chain.proof, sizeof chain.proof - 1);
    chain.publics_n = read_data("public.json", chain.publics, sizeof chain.publics - 1);
    chain.witness_n = read_data("witness.wtns", chain.witness, sizeof chain.witness);
    memcpy(chain.other, chain.witness, chain.witness_n);
    chain.other[FIRST_PUBLIC] ^= 1;
    snprintf(chain.result, sizeof chain.result, "{\"proof\": %s, \"public\": %s}", chain.proof, chain.publics);
    return pv_vkey_of_json(&chain.vkey, chain.key, key_n, NULL) == PV_OK ? 0 : -1;
}

static int chain_tear_down(void **state)
{
    pv_vkey_free(&chain.vkey);
    return 0;
}

static void deliver(struct fake *f, uint32_t req, wire_id task)
{
    fake_deliver(f, req, task, TASK_SUCCEEDED, PV_OK, chain.result, strlen(chain.result));
}

/* Whatever is asked for, this prover has one proof. */
static void on_submit_replay(struct fake *f, const struct wire_msg *m)
{
    scene_accept(f, m);
    deliver(f, 0, m->task);
}

static void on_attach_replay(struct fake *f, const struct wire_msg *m)
{
    fake_task(f, m, TASK_SUCCEEDED);
    deliver(f, 0, m->task);
}

static struct pv_submit_options with_key(const pv_vkey *vkey)
{
    struct pv_submit_options o = scene_plain;
    o.vkey = vkey;
    return o;
}

static void test_the_proof_of_its_own_witness_is_verified_with_its_statement(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, on_submit_replay);
    struct pv_submit_options o = with_key(chain.vkey);
    struct pv_result r;
    scene_expect_ok(s->c, pv_prove(s->c, &r, &o, chain.witness, chain.witness_n, LONG));
    assert_true(r.verified);
    assert_int_equal(r.checked, PV_CHECKED_STATEMENT);
    pv_result_clear(&r);
    fake_expect(&s->f, WIRE_ACK, 1);
}

static void expect_refused(struct scene *s, struct pv_result *r)
{
    assert_int_equal(r->status, PV_BAD_PROOF);
    assert_false(r->verified);
    assert_int_equal(r->checked, PV_CHECKED_NOTHING);
    assert_non_null(strstr(r->text, "another statement"));
    pv_result_clear(r);
    unsigned beats = fake_got(&s->f, WIRE_HEARTBEAT);
    fake_expect(&s->f, WIRE_HEARTBEAT, beats + 2);
    assert_int_equal(fake_got(&s->f, WIRE_ACK), 0); /* the broker keeps it, to be looked at */
}

static void test_the_proof_of_another_witness_is_refused(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, on_submit_replay);
    struct pv_submit_options o = with_key(chain.vkey);
    struct pv_result r;
    assert_int_equal(pv_prove(s->c, &r, &o, chain.other, chain.witness_n, LONG), PV_BAD_PROOF);
    scene_expect_error(s->c, "another statement: public value 0");
    pv_task_id id;
    scene_expect_ok(s->c, pv_submit(s->c, &id, &o, chain.other, chain.witness_n, LONG));
    scene_expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    expect_refused(s, &r);
}

static void on_done(void *user, struct pv_result *r)
{
    *(struct pv_result *)user = *r;
    r->bytes = NULL;
}

static void test_a_callers_own_loop_is_told_the_same(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, on_submit_replay);
    struct pv_result r = { 0 };
    struct pv_submit_options o = with_key(chain.vkey);
    o.nowait = true;
    o.done = on_done;
    o.user = &r;
    scene_expect_ok(s->c, pv_submit(s->c, NULL, &o, chain.other, chain.witness_n, LONG));
    scene_expect_ok(s->c, pv_client_process(s->c, NULL, LONG));
    expect_refused(s, &r);
}

static void test_a_witness_that_is_too_short_has_no_proof(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, on_submit_replay);
    struct pv_submit_options o = with_key(chain.vkey);
    struct pv_result r;
    assert_int_equal(pv_prove(s->c, &r, &o, chain.witness, 90, LONG), PV_BAD_PROOF);
    scene_expect_error(s->c, "witness cannot be read");
}

/* Other kinds of input have no public values here: then the answer says that only the proof was checked. */
static void test_of_another_kind_of_input_only_the_proof_is_checked(void **state)
{
    struct scene *s = *state;
    scene_handle(s, WIRE_SUBMIT, on_submit_replay);
    struct pv_submit_options o = with_key(chain.vkey);
    struct pv_result r;
    scene_expect_ok(s->c, pv_prove(s->c, &r, &o, "abc", 3, LONG));
    assert_true(r.verified);
    assert_int_equal(r.checked, PV_CHECKED_PROOF);
    pv_result_clear(&r);
    o.vkey = NULL;
    scene_expect_ok(s->c, pv_prove(s->c, &r, &o, chain.witness, chain.witness_n, LONG));
    assert_false(r.verified);
    assert_int_equal(r.checked, PV_CHECKED_NOTHING);
    pv_result_clear(&r);
}

static enum pv_checked attach_with(struct scene *s, uint8_t number, const pv_vkey *vkey, pv_status expect)
{
    pv_task_id id = { { number } };
    struct pv_submit_options o = with_key(vkey);
    struct pv_result r;
    scene_expect_ok(s->c, pv_attach(s->c, &id, &o, LONG));
    scene_expect_ok(s->c, pv_wait(s->c, &r, &id, LONG));
    assert_int_equal(r.status, expect);
    enum pv_checked checked = r.checked;
    pv_result_clear(&r);
    return checked;
}

static void test_attach_takes_the_values_that_are_expected(void **state)
{
    struct scene *s = *state;
    pv_vkey *own = NULL, *others = NULL;
    scene_handle(s, WIRE_ATTACH, on_attach_replay);
    assert_int_equal(pv_vkey_for_publics(&own, chain.vkey, chain.publics, chain.publics_n, NULL), PV_OK);
    assert_int_equal(pv_vkey_for_witness(&others, chain.vkey, chain.other, chain.witness_n, NULL), PV_OK);
    assert_int_equal(attach_with(s, 1, chain.vkey, PV_OK), PV_CHECKED_PROOF);
    assert_int_equal(attach_with(s, 2, own, PV_OK), PV_CHECKED_STATEMENT);
    assert_int_equal(attach_with(s, 3, others, PV_BAD_PROOF), PV_CHECKED_NOTHING);
    assert_int_equal(attach_with(s, 4, NULL, PV_OK), PV_CHECKED_NOTHING);
    pv_vkey_free(&own);
    pv_vkey_free(&others);
}

/* A function of the caller's own that gives the wrong proof is no exception. */
static pv_status prove_the_other(void *user, pv_local *job)
{
    return pv_local_result(job, chain.result, strlen(chain.result));
}

static void on_claim_grant(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg a = { .type = WIRE_CLAIMED };
    wire_token token = { 1, 5 };
    WIRE_SET(&a, req, m->req);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, token, token);
    fake_send(f, &a);
}

static void on_result_ok(struct fake *f, const struct wire_msg *m)
{
    struct wire_msg a = { .type = WIRE_RESULT_OK };
    WIRE_SET(&a, token, m->token);
    WIRE_SET(&a, task, m->task);
    WIRE_SET(&a, status, PV_OK);
    fake_send(f, &a);
}

static void test_a_proof_made_here_is_compared_too(void **state)
{
    struct scene *s = *state;
    s->f.on[WIRE_CLAIM] = on_claim_grant;
    s->f.on[WIRE_RESULT] = on_result_ok;
    scene_handle(s, WIRE_SUBMIT, scene_accept);
    struct pv_submit_options o = with_key(chain.vkey);
    o.local = (struct pv_local_options){ .policy = PV_LOCAL_AFTER, .prove = prove_the_other };
    struct pv_result r;
    assert_int_equal(pv_prove(s->c, &r, &o, chain.other, chain.witness_n, LONG), PV_BAD_PROOF);
    scene_expect_ok(s->c, pv_prove(s->c, &r, &o, chain.witness, chain.witness_n, LONG));
    assert_int_equal(r.checked, PV_CHECKED_STATEMENT);
    pv_result_clear(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_the_proof_of_its_own_witness_is_verified_with_its_statement),
        SCENE_TEST(test_the_proof_of_another_witness_is_refused),
        SCENE_TEST(test_a_callers_own_loop_is_told_the_same),
        SCENE_TEST(test_a_witness_that_is_too_short_has_no_proof),
        SCENE_TEST(test_of_another_kind_of_input_only_the_proof_is_checked),
        SCENE_TEST(test_attach_takes_the_values_that_are_expected),
        SCENE_TEST(test_a_proof_made_here_is_compared_too),
    };
    scene_filter();
    return cmocka_run_group_tests(tests, chain_set_up, chain_tear_down);
}
