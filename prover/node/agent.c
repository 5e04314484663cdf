#include "agent.h"

#include "agent_attempts.h"
#include "agent_link.h"
#include "agent_results.h"
#include "agent_session.h"
#include "clock.h"
#include "log.h"
#include "notify.h"

#include <stdlib.h>
#include <string.h>

enum {
    TURN_MOST_MS = 1000,
    FIGURES_MS = 500,
    DRAIN_AHEAD_MS = 30000, /* a drain that still lives is given so long from each second on */
};

static pv_status options_check(const struct agent_options *o, char *why)
{
    const char *wrong = NULL;
    if (!o->link.endpoints) wrong = "no broker to dial";
    if (!o->name || !wire_name_valid(o->name, strlen(o->name))) wrong = "the node's name is not a name";
    if (!o->queues_n || o->queues_n > AGENT_QUEUES_MAX) wrong = "no queue to serve, or too many";
    for (size_t i = 0; i < o->queues_n; i++)
        if (!wire_name_valid(o->queues[i].name, strlen(o->queues[i].name))) wrong = "a queue's name is not a name";
    if (o->slots > AGENT_SLOTS_MAX || o->prefetch > AGENT_SLOTS_MAX) wrong = "too many slots";
    if (wrong) snprintf(why, AGENT_WHY_BYTES, "%s", wrong);
    return wrong ? PV_USAGE : PV_OK;
}

static pv_status parts_new(struct agent *a, char *why)
{
    TRY(agent_link_open(a, why));
    TRY(agent_results_open(a, why));
    a->attempts_room = 2 * (a->o.slots + a->o.prefetch) + 2;
    a->attempts = calloc(a->attempts_room, sizeof *a->attempts);
    if (!a->attempts) return PV_NO_MEMORY;
    for (unsigned i = 0; i < a->o.slots; i++)
        if (!(a->runners[i] = runner_new(a->o.numa, i, a->o.threads))) return PV_NO_MEMORY;
    return PV_OK;
}

pv_status agent_new(struct agent **agent_p, const struct agent_options *options, char why[AGENT_WHY_BYTES])
{
    *why = 0;
    TRY(options_check(options, why));
    struct agent *a = calloc(1, sizeof *a);
    if (!a) return PV_NO_MEMORY;
    a->o = *options;
    if (!a->o.slots) a->o.slots = 1;
    if (!a->o.input_most) a->o.input_most = 512u << 20;
    if (!a->o.software) a->o.software = "provost-prover";
    pv_status s = parts_new(a, why);
    if (s == PV_OK)
        *agent_p = a;
    else
        agent_destroy(&a);
    if (s != PV_OK && !*why) snprintf(why, AGENT_WHY_BYTES, "%s", pv_status_text(s));
    return s;
}

/* Tells a runner that still computes to stop, and takes its job back before the thread is joined. */
static void runner_end(struct agent *a, unsigned i)
{
    struct runner_report report = { .news = RUNNER_NOTHING };
    for (size_t k = 0; k < a->attempts_n; k++)
        if (a->attempts[k].state == AGENT_ATTEMPT_RUNNING && a->attempts[k].runner == i)
            atomic_store(&a->attempts[k].job->stop, 1);
    while (a->busy[i] && report.news != RUNNER_DONE) {
        zmq_pollitem_t wait = { .socket = zsock_resolve(runner_socket(a->runners[i])), .events = ZMQ_POLLIN };
        if (zmq_poll(&wait, 1, -1) < 0 && errno == ETERM) break;
        runner_read(a->runners[i], &report);
    }
    job_destroy(&report.job);
    runner_destroy(&a->runners[i]);
}

void agent_destroy(struct agent **agent_p)
{
    struct agent *a = *agent_p;
    if (!a) return;
    for (unsigned i = 0; i < a->o.slots; i++) runner_end(a, i);
    agent_attempts_clear(a);
    agent_results_clear(a);
    link_clear(&a->link);
    free(a->attempts);
    free(a);
    *agent_p = NULL;
}

static void mode_set(struct agent *a, enum agent_mode mode)
{
    if (mode <= a->mode) return;
    LOG_INFO(mode == AGENT_DRAIN ? "prover.draining" : "prover.handback", "attempts=%zu unacknowledged=%zu",
             a->attempts_n, a->results_n);
    if (a->mode == AGENT_SERVE) agent_link_say(a, &(struct wire_msg){ .type = WIRE_DRAIN });
    if (a->mode == AGENT_SERVE && a->o.notify) notify_stopping(a->o.notify);
    a->mode = mode;
    a->mode_ms = a->now_ms;
    a->told_ms = 0;
    agent_attempts_drain(a);
    if (mode == AGENT_HANDBACK) agent_attempts_handback(a);
}

static void reload(struct agent *a)
{
    char why[AGENT_WHY_BYTES];
    if (agent_link_keys(a, why) != PV_OK) LOG_ERROR("prover.keys", "status=bad-key-file text=%s", why);
    node_trace_reopen(a->o.trace);
    agent_session_announce(a);
    if (a->o.notify && a->mode == AGENT_SERVE) notify_ready(a->o.notify);
}

/* True to go on, false at $TERM. */
static bool command_read(struct agent *a, zsock_t *pipe)
{
    char *word = zstr_recv_nowait(pipe);
    if (!word) return true;
    bool end = !strcmp(word, "$TERM");
    if (!strcmp(word, "DRAIN")) mode_set(a, AGENT_DRAIN);
    if (!strcmp(word, "HANDBACK")) mode_set(a, AGENT_HANDBACK);
    if (!strcmp(word, "RELOAD")) reload(a);
    if (!strcmp(word, "CIRCUITS")) agent_session_announce(a);
    zstr_free(&word);
    return !end;
}

/* A drain is over when nothing runs and every result is acknowledged. A hand-back does not wait for acknowledgements:
 * the results are in the spool. It waits for last messages (RELEASE, FAIL) only while there is a link to send them
 * on. */
static void mode_tick(struct agent *a)
{
    if (a->mode == AGENT_SERVE) return;
    bool late = a->o.grace_ms && a->now_ms - a->mode_ms >= a->o.grace_ms;
    if (a->mode == AGENT_DRAIN && late) mode_set(a, AGENT_HANDBACK);
    if (agent_attempts_unfinished(a)) return;
    if (a->mode == AGENT_DRAIN && (a->attempts_n || a->results_n)) return;
    if (a->link.state == LINK_UP && a->attempts_n) return;
    a->over = true;
}

/* What the service manager hears. "Alive" comes from here, the loop that heartbeats and proofs hang on. A drain may take as long as its
 * grace allows, so it asks for more time again and again; a hand-back does not, and is killed where it hangs. */
static void service_tell(struct agent *a)
{
    static const char *const modes[] = { "", "draining, ", "handing back, " };
    struct notify *n = a->o.notify;
    if (!n) return;
    bool up = a->link.state == LINK_UP;
    notify_alive(n, a->now_ms);
    if (a->now_ms < a->told_ms && up == a->told_up) return;
    a->told_up = up;
    a->told_ms = a->now_ms + TURN_MOST_MS;
    if (a->mode == AGENT_DRAIN) notify_extend(n, DRAIN_AHEAD_MS);
    notify_status(n, "%s%s %s: %zu tasks held, %zu results to hand over", modes[a->mode],
                  up ? "connected to" : "no broker at", a->link.options.endpoint[a->link.at], a->attempts_n,
                  a->results_n);
}

static long wait_ms(const struct agent *a)
{
    uint64_t next = agent_session_next_ms(a), other = agent_attempts_next_ms(a);
    if (other < next) next = other;
    if ((other = agent_results_next_ms(a)) < next) next = other;
    if (a->mode == AGENT_DRAIN && a->o.grace_ms && a->mode_ms + a->o.grace_ms < next) next = a->mode_ms + a->o.grace_ms;
    if (a->o.notify && notify_next_ms(a->o.notify) < next) next = notify_next_ms(a->o.notify);
    uint64_t now = pv_clock_ms();
    if (next <= now) return 0;
    return next - now < TURN_MOST_MS ? (long)(next - now) : TURN_MOST_MS;
}

static void runners_read(struct agent *a)
{
    for (unsigned i = 0; i < a->o.slots; i++) {
        struct runner_report report;
        for (runner_read(a->runners[i], &report); report.news != RUNNER_NOTHING; runner_read(a->runners[i], &report))
            agent_attempts_report(a, i, &report);
    }
}

static void figures_leave(struct agent *a)
{
    struct node_now now = { .turned_ms = a->now_ms,
                            .slots = a->o.slots,
                            .unacknowledged = a->results_n,
                            .connected = a->link.state == LINK_UP,
                            .draining = a->mode != AGENT_SERVE };
    struct agent_gpu gpu = { .state = AGENT_GPU_FIT };
    bool news = now.connected != a->figures_up;
    if (!a->o.figures || (!news && a->now_ms < a->figures_ms + FIGURES_MS)) return;
    a->figures_ms = a->now_ms;
    a->figures_up = now.connected;
    for (unsigned i = 0; i < a->o.slots; i++) now.busy += a->busy[i];
    for (size_t i = 0; i < a->attempts_n; i++)
        now.waiting += a->attempts[i].state == AGENT_ATTEMPT_FETCHING || a->attempts[i].state == AGENT_ATTEMPT_WAITING;
    if (a->o.gpu) a->o.gpu(a->o.gpu_arg, &gpu);
    now.gpu_state = gpu.state;
    now.gpu_wrong_proofs = gpu.wrong_proofs;
    now.gpu_ended = gpu.ended;
    now.gpu_unused = *gpu.unused != 0;
    node_figures_now(a->o.figures, &now);
}

static void turn(struct agent *a, zsock_t *pipe)
{
    zmq_pollitem_t items[3 + AGENT_SLOTS_MAX] = { { .socket = zsock_resolve(pipe), .events = ZMQ_POLLIN } };
    int n = 1;
    for (unsigned i = 0; i < a->o.slots; i++)
        items[n++] = (zmq_pollitem_t){ .socket = zsock_resolve(runner_socket(a->runners[i])), .events = ZMQ_POLLIN };
    if (a->link.dealer.socket) {
        items[n++] = (zmq_pollitem_t){ .socket = a->link.dealer.socket, .events = ZMQ_POLLIN };
        items[n++] = (zmq_pollitem_t){ .socket = a->link.dealer.monitor, .events = ZMQ_POLLIN };
    }
    zmq_poll(items, n, wait_ms(a));
    a->now_ms = pv_clock_ms();
}

void agent_main(zsock_t *pipe, void *agent)
{
    struct agent *a = agent;
    bool go_on = true;
    zsock_signal(pipe, 0);
    a->now_ms = pv_clock_ms();
    if (a->o.notify) notify_ready(a->o.notify);
    while (go_on && !a->over) {
        turn(a, pipe);
        go_on = command_read(a, pipe);
        runners_read(a);
        agent_session_read(a);
        agent_session_events(a);
        agent_attempts_tick(a);
        agent_results_tick(a);
        mode_tick(a);
        agent_session_tick(a);
        service_tell(a);
        figures_leave(a);
    }
    if (a->link.state == LINK_UP)
        link_goodbye(&a->link, PV_OK);
    else
        link_fail(&a->link, PV_UNREACHABLE, "the node ends", a->now_ms);
    if (!go_on) return;
    zstr_send(pipe, "ENDED");
    char *word = zstr_recv(pipe);
    zstr_free(&word);
}
