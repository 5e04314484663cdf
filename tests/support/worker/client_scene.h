/** What the client's tests share: a client and the broker it talks to, usual answers of the broker, and expectations.
 *
 *  The handlers are the broker's answers: they run on its thread (fake_broker.h). */
#ifndef CLIENT_SCENE_H
#define CLIENT_SCENE_H

#include "fake_broker.h"
#include "provost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LONG = 20000 }; /* ms: longer than anything that a test waits for */

struct scene {
    struct fake f;
    pv_client *c;

    /* For handlers: read them with LOOK. */
    wire_id task;      /* of the latest SUBMIT or ATTACH */
    uint32_t req;      /* of the latest FETCH or CLAIM */
    unsigned refusals; /* how often to refuse before the answer is yes */
    unsigned page;     /* a count of the test's own */
    uint64_t deadlines[4];
    uint8_t *in; /* what came of an input */
    uint64_t in_length, in_got, cut_at;
    uint64_t in_seen; /* bytes of all chunks, taken or not */
    wire_hash in_sha256;
    const uint8_t *out; /* the result to send in chunks */
    uint64_t out_bytes, out_end;
    bool damage; /* send one chunk of it damaged */
};

/** Reads a member of the scene, which belongs to the broker's thread. */
#define LOOK(s, member)                                                                                                \
    __extension__({                                                                                                    \
        fake_lock(&(s)->f);                                                                                            \
        __typeof__((s)->member) seen_ = (s)->member;                                                                   \
        fake_unlock(&(s)->f);                                                                                          \
        seen_;                                                                                                         \
    })

/** A test with a broker that runs and a client that connects to it. */
#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)
int scene_set_up(void **state);
int scene_tear_down(void **state);

/** Runs the tests; PV_TEST_FILTER in the environment picks some of them by pattern. */
#define SCENE_RUN(tests) (scene_filter(), cmocka_run_group_tests(tests, NULL, NULL))
void scene_filter(void);

/** Opens s->c with these options, filled up: s's own broker unless there are endpoints, short pauses. */
void scene_open(struct scene *s, struct pv_client_options *o);

/** Queue "outer", circuit "withdraw". */
extern const struct pv_submit_options scene_plain;

pv_task_id scene_id(wire_id w);

/** pv_submit on a thread of its own: scene_submit is the thread's function, its argument is one of these. */
struct scene_submit_call {
    struct scene *s;
    struct pv_submit_options what;
    const uint8_t *input;
    size_t bytes;
    pv_task_id id;
    pv_status status; /* of the call */
};
void *scene_submit(void *call);

/* ---- the broker's answers ---- */

/** Sets the handler of a type of message. */
void scene_handle(struct scene *s, enum wire_type type, fake_handler *h);

/** The scene that a handler's broker belongs to. */
struct scene *scene_of(struct fake *f);

/** SUBMIT: SUBMIT_OK, queued; notes the task. */
void scene_accept(struct fake *f, const struct wire_msg *m);
/** SUBMIT: the same and DELIVER with the result "proof". */
void scene_prove(struct fake *f, const struct wire_msg *m);
/** ATTACH: TASK and DELIVER with the result "proof". */
void scene_deliver(struct fake *f, const struct wire_msg *m);
/** CANCEL: CANCELLED. */
void scene_cancelled(struct fake *f, const struct wire_msg *m);
/** ERROR with the text "because the test says so". */
void scene_refuse(struct fake *f, const struct wire_msg *m, pv_status status);
void scene_conflict(struct fake *f, const struct wire_msg *m);
void scene_gone(struct fake *f, const struct wire_msg *m);

/* ---- expectations ---- */

/** status is PV_OK; else the test fails with pv_client_error. */
void scene_expect_ok(pv_client *c, pv_status status);
/** pv_client_error contains part. */
void scene_expect_error(pv_client *c, const char *part);
/** r is the result "proof" of fake_deliver. */
void scene_expect_proof(const struct pv_result *r);

#endif
