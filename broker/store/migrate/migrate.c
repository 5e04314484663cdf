#include "migrate.h"

#include "migrate_copy.h"
#include "store_open.h"

#include "clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* One that was killed has its lease for five seconds more. */
enum { LEASE_WAIT_MS = 6500, LEASE_PAUSE_MS = 200 };

struct moving {
    struct store_place from_place, to_place;
    struct store *from, *to;
    struct store_gate gate; /* of the target */
    uint32_t above;
    struct migrate_done *done;
    char *why; /* borrowed, as above */
};

static pv_status refuse(struct moving *m, pv_status st, const char *what, const char *detail)
{
    snprintf(m->why, STORE_WHY_BYTES, "%.180s: %.300s", what, detail);
    return st;
}

/* --- opening --- */

static pv_status opened(struct store **out, const struct store_place *place, char *why)
{
    uint64_t until = pv_clock_ms() + (store_in_database(place->where) ? LEASE_WAIT_MS : 0);
    for (;;) {
        pv_status st = store_open(out, place, -1, NULL, why);
        if (st != PV_BUSY || pv_clock_ms() >= until) return st;
        nanosleep(&(struct timespec){ .tv_nsec = LEASE_PAUSE_MS * 1000000L }, NULL);
    }
}

/* store_open's sentences name a folder, and not a database. */
static pv_status open_side(struct moving *m, struct store **out, const struct store_place *place, char *text)
{
    char why[STORE_WHY_BYTES] = "";
    pv_status st = opened(out, place, why);
    store_where_text(text, place->where);
    if (st == PV_OK) return PV_OK;
    if (!why[0]) snprintf(why, sizeof why, "%s", pv_status_text(st));
    if (store_in_database(place->where)) return refuse(m, st, text, why);
    snprintf(m->why, STORE_WHY_BYTES, "%s", why);
    return st;
}

static pv_status both_open(struct moving *m)
{
    bool databases = store_in_database(m->from_place.where);
    if (databases == store_in_database(m->to_place.where))
        return refuse(m, PV_BAD_CONFIG, "migrate",
                      databases ? "both are databases: pg_dump copies one"
                                : "both are folders: backup and restore copy one");
    TRY(open_side(m, &m->from, &m->from_place, m->done->from));
    TRY(open_side(m, &m->to, &m->to_place, m->done->to));
    m->done->commits_lost = store_found(m->from)->commits_lost;
    return PV_OK;
}

/* --- what was done before --- */

/* What a call on one of the stores answered, with the reason. */
static pv_status answered(struct moving *m, pv_status st)
{
    const char *from = m->from ? store_failure(m->from) : NULL, *to = m->to ? store_failure(m->to) : NULL;
    if (st == PV_OK || m->why[0]) return st;
    if (to) return refuse(m, store_full(m->to) ? PV_DISK_FULL : st, m->done->to, to);
    if (from) return refuse(m, st, m->done->from, from);
    return refuse(m, st, "migrate", pv_status_text(st));
}

/* *left: the source is marked already, and only the target's gate is to be opened. */
static pv_status source_look(struct moving *m, bool *left)
{
    struct store_gate gate;
    TRY(answered(m, store_get_gate(m->from, &gate)));
    *left = gate.state == STORE_GATE_MOVED;
    if (!*left || !strcmp(gate.text, m->done->to)) return PV_OK;
    char text[STORE_GATE_TEXT + 32];
    snprintf(text, sizeof text, "it was moved to %s", gate.text);
    return refuse(m, PV_BAD_CONFIG, m->done->from, text);
}

static pv_status target_refuse(struct moving *m, const char *what)
{
    char text[STORE_GATE_TEXT + 64];
    snprintf(text, sizeof text, "%s %s", what, m->gate.text);
    return refuse(m, PV_BAD_CONFIG, m->done->to, text);
}

static pv_status target_look(struct moving *m, bool left)
{
    uint64_t last = 0;
    TRY(answered(m, store_get_gate(m->to, &m->gate)));
    m->done->before = left && m->gate.state == STORE_GATE_OPEN;
    m->done->resumed = m->gate.state == STORE_GATE_FILLING;
    if (m->done->before) return PV_OK;
    if (m->gate.state == STORE_GATE_MOVED) return target_refuse(m, "name another target: it was itself moved to");
    if (m->done->resumed && strcmp(m->gate.text, m->done->from))
        return target_refuse(m, "name another target: a migration into it has not ended, from");
    if (m->done->resumed) return PV_OK;
    TRY(answered(m, store_last_row(m->to, &last)));
    return last ? refuse(m, PV_BAD_CONFIG, m->done->to, "it holds tasks: name an empty one") : PV_OK;
}

/* --- filling --- */

static pv_status fill_anew(struct moving *m)
{
    m->gate = (struct store_gate){ .state = STORE_GATE_FILLING };
    snprintf(m->gate.text, sizeof m->gate.text, "%s", m->done->from);
    TRY(answered(m, store_put_gate(m->to, &m->gate)));
    TRY(answered(m, migrate_empty(m->to)));
    return answered(m, migrate_copy(m->from, m->to, &m->gate));
}

/* What was written is in memory too: only a store that was opened anew says what it has. */
static pv_status target_again(struct moving *m)
{
    store_close(&m->to);
    return open_side(m, &m->to, &m->to_place, m->done->to);
}

static pv_status compare(struct moving *m, bool *same)
{
    struct migrate_sum is;
    TRY(target_again(m));
    TRY(answered(m, migrate_sum_of(m->from, &m->done->sum)));
    TRY(answered(m, migrate_sum_of(m->to, &is)));
    *same = wire_hash_equal(is.digest, m->done->sum.digest);
    if (!*same)
        snprintf(m->why, STORE_WHY_BYTES,
                 "%.100s is not what %.100s is: %" PRIu64 " of %" PRIu64 " tasks, %" PRIu64 " of %" PRIu64
                 " payloads, %" PRIu64 " of %" PRIu64 " settings, or others",
                 m->done->to, m->done->from, is.tasks, m->done->sum.tasks, is.payloads, m->done->sum.payloads,
                 is.settings, m->done->sum.settings);
    return PV_OK;
}

/* A broker may have used the source since an earlier call: then what that one wrote is worth nothing. */
static pv_status fill(struct moving *m)
{
    bool same = false, resumed = m->done->resumed;
    TRY(resumed ? answered(m, migrate_copy(m->from, m->to, &m->gate)) : fill_anew(m));
    TRY(compare(m, &same));
    if (!same && resumed) {
        m->why[0] = 0;
        TRY(fill_anew(m));
        TRY(compare(m, &same));
    }
    return same ? PV_OK : PV_STORE;
}

/* --- the end --- */

static pv_status epoch_rise(struct moving *m)
{
    uint32_t above = store_epoch(m->from);
    if (m->above > above) above = m->above;
    return answered(m, store_boot(m->to, above, &m->done->epoch));
}

static pv_status source_leave(struct moving *m)
{
    struct store_gate gate = { .state = STORE_GATE_MOVED };
    snprintf(gate.text, sizeof gate.text, "%s", m->done->to);
    return answered(m, store_put_gate(m->from, &gate));
}

static pv_status run(struct moving *m)
{
    bool left = false;
    TRY(both_open(m));
    TRY(source_look(m, &left));
    TRY(target_look(m, left));
    m->done->epoch = store_epoch(m->to);
    if (m->done->before) return PV_OK;
    TRY(fill(m));
    TRY(epoch_rise(m));
    if (!left) TRY(source_leave(m));
    return answered(m, store_put_gate(m->to, &(struct store_gate){ .state = STORE_GATE_OPEN }));
}

pv_status migrate_run(const struct store_place *from, const struct store_place *to, uint32_t above,
                      struct migrate_done *done, char why[STORE_WHY_BYTES])
{
    struct moving m = { .from_place = *from, .to_place = *to, .above = above, .done = done, .why = why };
    *done = (struct migrate_done){ .epoch = 0 };
    why[0] = 0;
    m.from_place.purpose = STORE_LEAVE;
    m.to_place.purpose = STORE_FILL;
    pv_status st = run(&m);
    store_close(&m.from);
    store_close(&m.to);
    return st;
}
