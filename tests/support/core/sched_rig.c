#include "sched_rig.h"

#include "rig_lines.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

wire_id rig_id(unsigned n)
{
    wire_id id = { { 0 } };
    memcpy(id.bytes, &n, sizeof n);
    id.bytes[15] = 1;
    return id;
}

unsigned rig_number(wire_id id)
{
    unsigned n;
    memcpy(&n, id.bytes, sizeof n);
    return n;
}

wire_hash rig_hash(unsigned n)
{
    wire_hash h = { { 0 } };
    memcpy(h.bytes, &n, sizeof n);
    h.bytes[31] = 2;
    return h;
}

/* ---- what happened ---- */

static void keep_setting(struct rig *r, const struct setting_record *s)
{
    struct setting_record *at = NULL;
    for (int i = 0; i < RIG_SETTINGS; i++) {
        struct setting_record *k = &r->settings[i];
        bool same = k->key == s->key && !strcmp(k->name, s->name) && !strcmp(k->principal, s->principal);
        if (same || (!at && !k->name[0])) at = k;
        if (same) break;
    }
    assert_non_null(at);
    *at = *s;
    if (s->cleared) at->name[0] = 0;
}

static void remember(struct rig *r, const struct sched_action *a)
{
    unsigned n = rig_number(a->task);
    if (a->type == SCHED_OFFER || a->type == SCHED_CLAIMED) {
        r->older[n] = r->token[n];
        r->token[n] = a->token;
        r->offers[n]++;
    } else if (a->type == SCHED_SAVE_TASK) {
        r->saved[n] = *a->record;
    } else if (a->type == SCHED_DELETE_TASK && r->saved[n].order == a->row) {
        memset(&r->saved[n], 0, sizeof r->saved[n]);
    } else if (a->type == SCHED_SAVE_SETTING) {
        keep_setting(r, a->setting);
    } else if (a->type == SCHED_COUNTS) {
        r->counts = *a->counts;
    }
}

void rig_step(struct rig *r, struct sched_event ev)
{
    sched_step(r->s, &ev, &r->out);
    for (size_t i = 0; i < r->out.n; i++) remember(r, &r->out.at[i]);
    for (size_t i = 0; i < r->out.n; i++) {
        assert_true(r->lines_n < RIG_LINES);
        rig_line(r, &r->out.at[i], r->lines[r->lines_n]);
        if (r->lines[r->lines_n][0]) r->lines_n++;
    }
    assert_false(r->out.failed);
    sched_actions_clear(&r->out);
}

void ignore(struct rig *r)
{
    r->lines_n = 0;
}

bool said(const struct rig *r, const char *line)
{
    for (size_t i = 0; i < r->lines_n; i++)
        if (!strcmp(r->lines[i], line)) return true;
    return false;
}

size_t said_times(const struct rig *r, const char *start)
{
    size_t n = 0;
    for (size_t i = 0; i < r->lines_n; i++) n += !strncmp(r->lines[i], start, strlen(start));
    return n;
}

void expect(struct rig *r, const char *first, ...)
{
    va_list list;
    va_start(list, first);
    size_t i = 0;
    bool same = true;
    const char *want[64];
    size_t want_n = 0;
    for (const char *w = first; w; w = va_arg(list, const char *)) want[want_n++] = w;
    va_end(list);
    for (; i < want_n && i < r->lines_n; i++) same = same && !strcmp(want[i], r->lines[i]);
    same = same && want_n == r->lines_n;
    if (!same) {
        for (size_t k = 0; k < want_n || k < r->lines_n; k++)
            print_error("%-36s | %s\n", k < want_n ? want[k] : "", k < r->lines_n ? r->lines[k] : "");
        fail_msg("at %u ms: expected on the left, happened on the right", (unsigned)r->now_ms);
    }
    ignore(r);
}

/* ---- opening ---- */

static void boot(struct rig *r)
{
    assert_int_equal(sched_new(&r->s, &r->cfg), PV_OK);
    static const char *const queues[] = { "outer", "keccak" };
    for (int i = 0; i < 2; i++) {
        struct sched_event ev = rig_event(r, SCHED_QUEUE, NULL, 0);
        ev.queue.name = queues[i];
        rig_step(r, ev);
    }
}

void rig_open(struct rig *r, const struct sched_config *config)
{
    memset(r, 0, sizeof *r);
    if (config) r->cfg = *config;
    r->cfg.boot_epoch = 1;
    if (!r->cfg.seed) r->cfg.seed = 7;
    print_message("seed %u\n", (unsigned)r->cfg.seed);
    r->wall_ms = 1700000000000;
    r->queue = "outer";
    r->lines = calloc(RIG_LINES, RIG_LINE);
    assert_non_null(r->lines);
    boot(r);
    rig_step(r, rig_event(r, SCHED_BOOT, NULL, 0));
    ignore(r);
}

void rig_close(struct rig *r)
{
    sched_destroy(&r->s);
    sched_actions_destroy(&r->out);
    free(r->lines);
}

void rig_restart(struct rig *r)
{
    sched_destroy(&r->s);
    r->cfg.boot_epoch++;
    for (int i = 0; i < RIG_PEERS; i++) r->peers[i].peer = 0;
    boot(r);
    for (int i = 0; i < RIG_SETTINGS; i++) {
        struct sched_event ev = rig_event(r, SCHED_SETTING, NULL, 0);
        ev.setting = &r->settings[i];
        if (r->settings[i].name[0]) rig_step(r, ev);
    }
    for (uint64_t last = 0;;) { /* in order of row */
        const struct task_record *next = NULL;
        for (int i = 0; i < RIG_TASKS; i++)
            if (r->saved[i].order > last && (!next || r->saved[i].order < next->order)) next = &r->saved[i];
        if (!next) break;
        last = next->order;
        struct sched_event ev = rig_event(r, SCHED_RESTORE, NULL, 0);
        ev.record = next;
        rig_step(r, ev);
    }
    rig_step(r, rig_event(r, SCHED_BOOT, NULL, 0));
    ignore(r);
}

/* ---- peers ---- */

static struct rig_peer *peer_named(struct rig *r, const char *who)
{
    for (int i = 0; i < RIG_PEERS; i++) {
        if (!strcmp(r->peers[i].name, who)) return &r->peers[i];
        if (r->peers[i].name[0]) continue;
        snprintf(r->peers[i].name, sizeof r->peers[i].name, "%s", who);
        r->peers[i].process = 1;
        return &r->peers[i];
    }
    abort();
}

struct sched_event rig_event(const struct rig *r, enum sched_event_type type, const char *who, unsigned task)
{
    struct sched_event ev = { .type = type, .now_ms = r->now_ms, .wall_ms = r->wall_ms, .req = 1 };
    if (who) ev.peer = peer_named((struct rig *)r, who)->peer;
    ev.task = rig_id(task);
    ev.owner = type == SCHED_INPUT ? "c1" : NULL;
    if (task < RIG_TASKS) ev.token = r->token[task];
    return ev;
}

void at(struct rig *r, uint64_t ms)
{
    assert_true(ms >= r->now_ms);
    while (sched_next_ms(r->s) < ms) { /* as the loop does: not later than due */
        uint64_t due = sched_next_ms(r->s) > r->now_ms ? sched_next_ms(r->s) : r->now_ms;
        r->wall_ms += due - r->now_ms;
        r->now_ms = due;
        rig_step(r, rig_event(r, SCHED_TICK, NULL, 0));
        assert_true(sched_next_ms(r->s) > r->now_ms);
    }
    r->wall_ms += ms - r->now_ms;
    r->now_ms = ms;
    rig_step(r, rig_event(r, SCHED_TICK, NULL, 0));
}

static wire_id process_id(const struct rig_peer *p)
{
    wire_id id = { { 0 } };
    memcpy(id.bytes, p->name, strnlen(p->name, 14));
    id.bytes[15] = p->process;
    return id;
}

/* "ops" is the administrator; "alice.1" and "alice.2" are clients of the principal alice. */
static const char *principal_of_name(const char *who, char to[32])
{
    snprintf(to, 32, "%s", who);
    to[strcspn(to, ".")] = 0;
    return to;
}

static void hello_kept(struct rig *r, const char *who)
{
    struct rig_peer *p = peer_named(r, who);
    p->peer = ++r->next_peer;
    char principal[32];
    struct sched_event ev = rig_event(r, SCHED_CLIENT_HELLO, who, 0);
    ev.client.principal = principal_of_name(who, principal);
    ev.client.name = who;
    ev.client.session = process_id(p);
    ev.client.admin = !strcmp(who, "ops");
    rig_step(r, ev);
}

void hello(struct rig *r, const char *who)
{
    hello_kept(r, who);
}

void restarted(struct rig *r, const char *who)
{
    gone(r, who);
    peer_named(r, who)->process++;
    hello(r, who);
}

void gone(struct rig *r, const char *who)
{
    rig_step(r, rig_event(r, SCHED_PEER_GONE, who, 0));
    peer_named(r, who)->peer = 0;
}

static void present(struct rig *r, const char *who)
{
    size_t n = r->lines_n;
    if (peer_named(r, who)->peer) return;
    hello_kept(r, who);
    if (r->lines_n == n + 1) r->lines_n = n; /* the plain welcome is not worth a line */
}

struct sched_event submit_event(struct rig *r, const char *who, unsigned n)
{
    present(r, who);
    struct sched_event ev = rig_event(r, SCHED_SUBMIT, who, n);
    ev.submit.queue = r->queue;
    ev.submit.circuit = "c";
    ev.submit.payload = SCHED_COMPLETE;
    ev.submit.length = 100;
    ev.submit.sha256 = rig_hash(n);
    ev.submit.priority = 4;
    return ev;
}

void submit(struct rig *r, const char *who, unsigned n)
{
    rig_step(r, submit_event(r, who, n));
}

static void about(struct rig *r, enum sched_event_type type, const char *who, unsigned n)
{
    present(r, who);
    rig_step(r, rig_event(r, type, who, n));
}

void attach_to(struct rig *r, const char *who, unsigned n)
{
    about(r, SCHED_ATTACH, who, n);
}
void fetch(struct rig *r, const char *who, unsigned n)
{
    about(r, SCHED_FETCH, who, n);
}
void cancel(struct rig *r, const char *who, unsigned n)
{
    about(r, SCHED_CANCEL, who, n);
}
void claim(struct rig *r, const char *who, unsigned n)
{
    about(r, SCHED_CLAIM, who, n);
}
void kick(struct rig *r, const char *who, unsigned n)
{
    about(r, SCHED_KICK, who, n);
}

void ack(struct rig *r, const char *who, unsigned n)
{
    struct sched_event ev = rig_event(r, SCHED_ACK, who, n);
    ev.generation = view_of(r, n).record.generation;
    rig_step(r, ev);
}

void purge(struct rig *r, const char *who, enum wire_scope scope, bool dry)
{
    present(r, who);
    struct sched_event ev = rig_event(r, SCHED_PURGE, who, 0);
    ev.purge.scope = scope;
    ev.purge.dry = dry;
    ev.purge.queue = scope == WIRE_SCOPE_QUEUE ? r->queue : NULL;
    rig_step(r, ev);
}

/* ---- provers ---- */

static size_t words(char *text, const char *to[32])
{
    size_t n = 0;
    for (char *save, *w = strtok_r(text, " ", &save); w && n < 32; w = strtok_r(NULL, " ", &save)) to[n++] = w;
    return n;
}

void prover_with(struct rig *r, const char *who, const struct rig_prover *with)
{
    char queues[128], circuits[512];
    const char *queue[32], *circuit[32];
    struct sched_circuit list[32] = { { 0 } };
    struct rig_peer *p = peer_named(r, who);
    p->peer = ++r->next_peer;
    snprintf(queues, sizeof queues, "%s", with->queues ? with->queues : "outer");
    snprintf(circuits, sizeof circuits, "%s", with->circuits ? with->circuits : "");
    char principal[32];
    struct sched_event ev = rig_event(r, SCHED_PROVER_HELLO, who, 0);
    ev.prover.principal = strchr(who, '.') ? principal_of_name(who, principal) : "fleet";
    ev.prover.name = who;
    ev.prover.incarnation = process_id(p);
    ev.prover.queues_n = words(queues, queue);
    ev.prover.queues = queue;
    ev.prover.circuits_n = words(circuits, circuit);
    for (size_t i = 0; i < ev.prover.circuits_n; i++) {
        bool json = circuit[i][0] == '*', warm = (circuit[i] += json)[0] == '+';
        list[i] = (struct sched_circuit){ .name = circuit[i] + warm, .warm = warm, .has_digest = true };
        list[i].digest = rig_hash((unsigned)circuit[i][warm]);
        list[i].load_ms = with->load_ms;
        list[i].slower = with->slower;
        list[i].kinds = json ? 1u << WIRE_INPUT_KIND_JSON : 0;
    }
    ev.prover.circuits = list;
    ev.prover.any_circuit = !with->circuits;
    ev.prover.slots = with->slots;
    ev.prover.prefetch = with->prefetch;
    ev.prover.vram = with->vram;
    ev.prover.kinds = with->kinds;
    ev.prover.held = with->held;
    ev.prover.held_n = with->held_n;
    size_t n = r->lines_n;
    rig_step(r, ev);
    if (r->lines_n > n && !strncmp(r->lines[n], "WELCOME", 7)) {
        memmove(r->lines + n, r->lines + n + 1, (r->lines_n - n - 1) * RIG_LINE);
        r->lines_n--;
    }
    if (!with->silent) ready(r, who, with->slots + with->prefetch);
}

void prover(struct rig *r, const char *who, uint32_t slots, uint32_t prefetch)
{
    prover_with(r, who, &(struct rig_prover){ .slots = slots, .prefetch = prefetch });
}

void ready(struct rig *r, const char *who, uint32_t credit)
{
    struct sched_event ev = rig_event(r, SCHED_READY, who, 0);
    ev.ready.credit = credit;
    rig_step(r, ev);
}

void started(struct rig *r, const char *who, unsigned n)
{
    rig_step(r, rig_event(r, SCHED_STARTED, who, n));
}

void beat(struct rig *r, const char *who, unsigned n, ...)
{
    struct sched_held held[64];
    memset(held, 0, sizeof held);
    struct sched_event ev = rig_event(r, SCHED_HEARTBEAT, who, 0);
    va_list list;
    va_start(list, n);
    for (unsigned k = n; k; k = va_arg(list, unsigned)) held[ev.heartbeat.held_n++].token = r->token[k];
    va_end(list);
    ev.heartbeat.held = held;
    rig_step(r, ev);
}

void progress(struct rig *r, const char *who, unsigned n, uint32_t percent)
{
    struct sched_event ev = rig_event(r, SCHED_PROGRESS, who, n);
    ev.progress.percent = percent;
    rig_step(r, ev);
}

void result_of(struct rig *r, const char *who, unsigned n, wire_token token, unsigned c, uint64_t measured_ms)
{
    struct sched_event ev = rig_event(r, SCHED_RESULT, who, n);
    ev.token = token;
    ev.result.payload = SCHED_COMPLETE;
    ev.result.input = rig_hash(n);
    ev.result.sha256 = rig_hash(c);
    ev.result.length = 10;
    ev.result.measured_ms = measured_ms;
    rig_step(r, ev);
}

void result(struct rig *r, const char *who, unsigned n, unsigned c)
{
    result_of(r, who, n, r->token[n], c, 500);
}

void failed_as(struct rig *r, const char *who, unsigned n, enum wire_failure how, pv_status status)
{
    struct sched_event ev = rig_event(r, SCHED_FAIL, who, n);
    ev.fail.failure = how;
    ev.fail.status = status;
    ev.fail.text = "it said so";
    rig_step(r, ev);
}

void failed(struct rig *r, const char *who, unsigned n, enum wire_failure how)
{
    failed_as(r, who, n, how,
              how == WIRE_FAILURE_PERMANENT  ? PV_BAD_WITNESS
              : how == WIRE_FAILURE_RESOURCE ? PV_RESOURCES
                                             : PV_FAILED);
}

void released(struct rig *r, const char *who, unsigned n, enum wire_reason why)
{
    struct sched_event ev = rig_event(r, SCHED_RELEASE, who, n);
    ev.reason = why;
    rig_step(r, ev);
}

void revoked(struct rig *r, const char *who, wire_token token)
{
    struct sched_event ev = rig_event(r, SCHED_REVOKED, who, 0);
    ev.token = token;
    rig_step(r, ev);
}

/* ---- looking ---- */

struct sched_view view_of(const struct rig *r, unsigned n)
{
    struct sched_view v;
    memset(&v, 0, sizeof v);
    if (sched_show(r->s, 0, NULL, rig_id(n), &v) != PV_OK) fail_msg("task %u is not there", n);
    return v;
}

enum task_state state_of(const struct rig *r, unsigned n)
{
    return view_of(r, n).record.state;
}

struct sched_stats stats_of(const struct rig *r)
{
    struct sched_stats s;
    sched_read_stats(r->s, &s);
    return s;
}

struct sched_queue_view queue_of(const struct rig *r, const char *name)
{
    struct sched_queue_view v;
    for (size_t i = 0; sched_queue_at(r->s, i, r->now_ms, &v); i++)
        if (!strcmp(v.name, name)) return v;
    fail_msg("no queue %s", name);
    return v;
}
