#include "node_programs.h"

#include "log.h"
#include "node_plain.h"
#include "program_place.h"
#include "program_version.h"
#include "startable.h"
#include "text.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

pv_status node_programs_read(struct node *n)
{
    struct prove_error err = { 0 };
    n->place.work_fd = -1;
    if (!*n->config.handlers) return PV_OK;
    if (!n->config.allow_code)
        return node_refuse(n, PV_BAD_CONFIG, "handlers: no program is run without allow_code: yes");
    pv_status s = program_table_read(&n->programs, n->config.handlers, &n->place, &err);
    if (s != PV_OK) return node_refuse(n, s, "%s", err.text);
    s = resident_table_read(&n->residents, &n->programs);
    if (n->check || n->list) resident_table_single(&n->residents);
    return s;
}

static void leave_out(struct node *n, const char *queue, const char *handler, const char *why)
{
    n->left_out[n->left_out_n++] = (struct node_left_out){ queue, handler, why };
}

pv_status node_programs_bind(struct node *n, const char *queue, const char *handler)
{
    struct program_entry *e = program_table_find(&n->programs, handler);
    if (!e && !*n->config.handlers)
        return node_refuse(n, PV_BAD_CONFIG, "queue %s: unknown handler \"%.64s\"", queue, handler);
    if (n->left_out_n == AGENT_QUEUES_MAX)
        return node_refuse(n, PV_BAD_CONFIG, "more than %d queues", AGENT_QUEUES_MAX);
    if (e && !*e->why)
        n->queues[n->agent.queues_n++] = (struct agent_queue){ queue, &e->handler };
    else
        leave_out(n, queue, handler, e ? e->why : "there is no such file in the folder of handlers");
    return PV_OK;
}

static struct program_entry *entry_of(const struct node *n, const struct handler *h)
{
    for (size_t i = 0; i < n->programs.n; i++)
        if (&n->programs.entries[i].handler == h) return &n->programs.entries[i];
    return NULL;
}

/* --- what is left out --- */

static void queue_told(struct handler_unserved *to, const char *queue, const char *handler, const char *why)
{
    char text[sizeof to->file + WIRE_NAME_MAX];
    snprintf(text, sizeof text, "queue %s:%s", queue, handler);
    wire_text_clip(to->file, sizeof to->file, text);
    wire_text_clip(to->why, sizeof to->why, why);
}

/* A queue whose handler rests, or whose program does: true, and why. */
static bool queue_rests(struct node *n, const struct agent_queue *q, char why[PROGRAM_WHY_BYTES])
{
    char text[WIRE_HANDLER_WHY_BYTES];
    if (resident_table_rests(&n->residents, q->handler, why)) return true;
    if (handlers_state(&n->handlers, q->handler) != REST_RESTS) return false;
    handlers_why(&n->handlers, q->handler, text);
    snprintf(why, PROGRAM_WHY_BYTES, "it rests for %" PRIu64 " s, because tasks failed one after another: %s",
             handlers_rest_ms(&n->handlers, q->handler) / 1000, text);
    return true;
}

/* The keys first, then the queues that are left out, then those that rest: each list as far as there is room. Called by the agent's thread. */
static size_t unserved(void *node, struct handler_unserved *to, size_t most)
{
    struct node *n = node;
    char why[PROGRAM_WHY_BYTES];
    size_t at = n->proving.cache ? keycache_unserved(n->proving.cache, to, most) : 0;
    for (size_t i = 0; i < n->left_out_n; i++, at++)
        if (at < most) queue_told(&to[at], n->left_out[i].queue, n->left_out[i].handler, n->left_out[i].why);
    for (size_t i = 0; i < n->agent.queues_n; i++) {
        const struct agent_queue *q = &n->queues[i];
        if (!queue_rests(n, q, why)) continue;
        if (at < most) queue_told(&to[at], q->name, q->handler->name, why);
        at++;
    }
    return at;
}

static bool offers(void *node, const struct agent_queue *queue)
{
    const struct node *n = node;
    char why[PROGRAM_WHY_BYTES];
    return !resident_table_rests(&n->residents, queue->handler, why);
}

static void left_out_say(const struct node *n)
{
    for (size_t i = 0; i < n->left_out_n; i++)
        LOG_ERROR("queue.unserved", "queue=%s handler=%s text=%s", n->left_out[i].queue, n->left_out[i].handler,
                  n->left_out[i].why);
    for (size_t i = 0; i < n->programs.n; i++)
        if (*n->programs.entries[i].why)
            LOG_WARN("handler.unusable", "handler=%s text=%s", n->programs.entries[i].name, n->programs.entries[i].why);
}

/* --- opening --- */

/* The key and the spool are nobody's business; the folder where programs work is hidden by itself. */
static void hide_ours(struct node *n)
{
    size_t k = 0;
    char *state = *n->config.state ? realpath(n->config.state, NULL) : NULL;
    n->hidden[0] = *n->config.key ? realpath(n->config.key, NULL) : NULL;
    if (state && asprintf(&n->hidden[1], "%s/results", state) < 0) n->hidden[1] = NULL;
    free(state);
    for (size_t i = 0; i < 2; i++)
        if (n->hidden[i]) n->place.hide[k++] = n->hidden[i];
}

static pv_status place_open(struct node *n, const char *work)
{
    struct prove_error err = { 0 };
    pv_status s = program_place_launcher(&n->place, &err);
    if (s == PV_OK) s = program_place_open(&n->place, work, &err);
    return s == PV_OK ? s : node_refuse(n, s, "work: %s", err.text);
}

/* Of one that runs: its streams on both sides while it is started, its folder, its input, and what the removal of a folder takes. The
 * rest is as node_limits.c counts it. */
enum { OWN_DESCRIPTORS = 40, SLOT_DESCRIPTORS = 2 + 16, INSTANCE_DESCRIPTORS = 8 };

static void descriptors_raise(uint64_t wanted)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur == RLIM_INFINITY || l.rlim_cur >= wanted) return;
    l.rlim_cur = l.rlim_max == RLIM_INFINITY || l.rlim_max > wanted ? wanted : l.rlim_max;
    (void)!setrlimit(RLIMIT_NOFILE, &l);
}

/* Fewer slots rather than attempts that fail. */
static void descriptors_suffice(struct node *n)
{
    unsigned slots = n->agent.slots,
             own = OWN_DESCRIPTORS + resident_table_instances(&n->residents) * INSTANCE_DESCRIPTORS,
             wanted = own + slots * SLOT_DESCRIPTORS;
    unsigned can = startable_descriptors(wanted);
    if (can < wanted) {
        descriptors_raise(2 * (uint64_t)wanted);
        can = startable_descriptors(wanted);
    }
    if (can >= wanted) return;
    n->agent.slots = can < own + SLOT_DESCRIPTORS ? 1 : (can - own) / SLOT_DESCRIPTORS;
    LOG_WARN("prover.descriptors",
             "slots=%u slots_wanted=%u text=only %u more files can be opened, and programs need %u: "
             "raise the limit (ulimit -n, LimitNOFILE)",
             n->agent.slots, slots, can, wanted);
}

static void queue_drop(struct node *n, size_t i, const struct program_entry *e)
{
    leave_out(n, n->queues[i].name, e->name, e->why);
    memmove(&n->queues[i], &n->queues[i + 1], (--n->agent.queues_n - i) * sizeof *n->queues);
}

/* Asks each bound program once for its version, if it has a command for it or runs for a task. */
static void versions_ask(struct node *n)
{
    char shown[128];
    for (size_t i = 0; i < n->programs.n; i++) {
        struct program_entry *e = &n->programs.entries[i];
        if (*e->why || !node_serves(n, &e->handler)) continue;
        if (program_version(&e->serves.program, &n->place, shown, e->why) == PV_OK && !resident_is(e))
            LOG_INFO("handler.ready", "handler=%s program=%s version=%s", e->name, e->serves.program.executable, shown);
    }
}

static bool is_served(void *node, const struct handler *h)
{
    return node_serves(node, h);
}

/* A signal that ends the node. HUP asks for what a start does anyway. */
static bool is_ended(void *node)
{
    sigset_t pending;
    if (((const struct node *)node)->signals < 0 || sigpending(&pending)) return false;
    return sigismember(&pending, SIGTERM) || sigismember(&pending, SIGINT) || sigismember(&pending, SIGUSR1);
}

/* Fewer instances than slots are what an operator may want, who has other queues too; but a wait is part of a task's time. */
static void instances_told(const struct node *n)
{
    for (size_t i = 0; i < n->residents.n; i++) {
        const struct program_entry *e = n->residents.entries[i].entry;
        unsigned instances = (unsigned)e->serves.program.instances;
        if (!*e->why && node_serves(n, &e->handler) && instances < n->agent.slots)
            LOG_WARN("handler.instances", "handler=%s instances=%u slots=%u text=%s", e->name, instances,
                     n->agent.slots, "tasks beyond the instances wait in a slot, and the wait counts for time_limit");
    }
}

/* The queues of a program that is another version, or does not become ready, are left out. */
static pv_status programs_try(struct node *n)
{
    versions_ask(n);
    pv_status s = resident_table_start(&n->residents, is_served, is_ended, n);
    if (s != PV_OK) return s;
    for (size_t i = 0; i < n->agent.queues_n;) {
        struct program_entry *e = entry_of(n, n->queues[i].handler);
        if (e && *e->why)
            queue_drop(n, i, e);
        else
            i++;
    }
    return PV_OK;
}

static bool serves_programs(const struct node *n)
{
    for (size_t i = 0; i < n->agent.queues_n; i++)
        if (entry_of(n, n->queues[i].handler)) return true;
    return false;
}

static pv_status none_left(struct node *n)
{
    const struct node_left_out *l = &n->left_out[0];
    return node_refuse(n, PV_BAD_CONFIG, "no queue can be served: queue %s: handler %s: %.380s", l->queue, l->handler,
                       l->why);
}

/* Some handler has limits that only a control group keeps. NULL: none. */
static const struct program_entry *group_wanted(const struct node *n)
{
    for (size_t i = 0; i < n->programs.n; i++) {
        const struct program *p = &n->programs.entries[i].serves.program;
        if (p->total_memory || p->total_processes || p->cpus) return &n->programs.entries[i];
    }
    return NULL;
}

void node_programs_group(struct node *n)
{
    char why[GROUP_WHY_BYTES];
    unsigned left;
    const struct program_entry *wants = group_wanted(n);
    if (!serves_programs(n)) return;
    if (!attempt_groups_open(&n->groups, "", &left, why)) {
        if (wants)
            LOG_WARN("handler.limits", "handler=%s text=total_memory, total_processes and cpus do not hold: %s",
                     wants->name, why);
        return;
    }
    n->place.groups = &n->groups;
    LOG_INFO("handler.groups", "group=%s memory=%d processes=%d cpus=%d swept=%u", n->groups.path, n->groups.memory,
             n->groups.pids, n->groups.cpu, left);
}

pv_status node_programs_open(struct node *n)
{
    char work[4096] = "";
    if (*n->config.work)
        snprintf(work, sizeof work, "%s", n->config.work);
    else if (*n->config.state)
        snprintf(work, sizeof work, "%s/work", n->config.state);
    if (serves_programs(n) || node_runs_code(n)) {
        TRY(place_open(n, work));
        hide_ours(n);
        descriptors_suffice(n);
        TRY(programs_try(n));
        instances_told(n);
    }
    left_out_say(n);
    n->agent.unserved = unserved;
    n->agent.unserved_arg = n;
    if (n->residents.n) n->agent.offers = offers;
    n->agent.offers_arg = n;
    return n->agent.queues_n ? PV_OK : none_left(n);
}

/* Beside a node that runs with the same settings, whose folder is locked: a temporary one serves as well. */
pv_status node_programs_check(struct node *n)
{
    if (serves_programs(n) || node_runs_code(n)) {
        TRY(place_open(n, ""));
        TRY(programs_try(n));
    }
    for (size_t i = 0; i < n->programs.n; i++)
        if (*n->programs.entries[i].why)
            LOG_WARN("handler.unusable", "handler=%s text=%s", n->programs.entries[i].name, n->programs.entries[i].why);
    if (!n->left_out_n) return PV_OK;
    const struct node_left_out *l = &n->left_out[0];
    return node_refuse(n, PV_BAD_CONFIG, "queue %s: handler %s: %.400s", l->queue, l->handler, l->why);
}

static bool list_open(void *residents, struct program_entry *e, char version[128])
{
    return resident_table_open(residents, e, version);
}

static void list_close(void *residents, const struct program_entry *e)
{
    resident_table_close(residents, e);
}

pv_status node_programs_list(struct node *n, FILE *to, size_t *bad)
{
    TRY(node_programs_read(n));
    TRY(place_open(n, ""));
    hide_ours(n);
    n->listing.open = list_open;
    n->listing.close = list_close;
    n->listing.arg = &n->residents;
    *bad = program_list(to, &n->programs, &n->listing);
    return PV_OK;
}

void node_programs_clear(struct node *n)
{
    resident_table_clear(&n->residents);
    if (n->place.work || n->place.launcher) program_place_close(&n->place);
    attempt_groups_close(&n->groups);
    program_table_clear(&n->programs);
    witness_maker_clear(&n->maker);
    free(n->hidden[0]);
    free(n->hidden[1]);
}
