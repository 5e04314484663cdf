/* provost-prover run: a node that takes tasks from a broker until it is told to stop. */
#include "cmd_run.h"

#include "agent.h"
#include "log.h"

#include <argp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    KEY_BROKER = 0x200,
    KEY_QUEUE,
    KEY_NAME,
    KEY_STATE,
    KEY_SLOTS,
    KEY_PREFETCH,
    KEY_INSECURE,
    KEY_KEY,
    KEY_SERVER_KEY,
    KEY_GRACE,
    KEY_LOG,
    KEY_VERBOSE
};

static const struct argp_option run_options[] = {
    { "broker", KEY_BROKER, "tcp://HOST:PORT", 0, "Dial out to this broker; several are tried in turn (PROVOST_BROKER)",
      2 },
    { "queue", KEY_QUEUE, "NAME[:HANDLER]", 0, "Serve this queue, with this handler (echo); repeatable", 2 },
    { "name", KEY_NAME, "NAME", 0, "Of this node (default: the host's)", 2 },
    { "state", KEY_STATE, "DIR", 0, "Where finished results wait until the broker has them; without it, in memory", 2 },
    { "slots", KEY_SLOTS, "N", 0, "Tasks computed at once (default 1)", 2 },
    { "prefetch", KEY_PREFETCH, "N", 0, "Inputs fetched ahead (default 1)", 2 },
    { "insecure", KEY_INSECURE, 0, 0, "No keys: only for a broker on loopback", 3 },
    { "key", KEY_KEY, "FILE", 0, "This node's key, as `provost key gen` writes it", 3 },
    { "server-key", KEY_SERVER_KEY, "FILE", 0, "The broker's public key", 3 },
    { "grace", KEY_GRACE, "SECONDS", 0, "How long a drain may take before the rest is handed back (default 110)", 4 },
    { "log", KEY_LOG, "text|json", 0, "Form of the log lines (default text)", 4 },
    { "verbose", KEY_VERBOSE, 0, 0, "Log more", 4 },
    { 0 },
};

struct run {
    const char *endpoints[DIAL_ENDPOINTS_MAX];
    char *queue_names[AGENT_QUEUES_MAX];
    struct agent_queue queues[AGENT_QUEUES_MAX];
    const char *state;
    char host[WIRE_NAME_MAX + 1], *spool;
    bool insecure;
    enum log_level level;
    enum log_format format;
    struct agent_options agent;
    struct handler echo;
};

/* --- options --- */

static unsigned long number(const char *text, unsigned long most, struct argp_state *state)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || n > most) argp_error(state, "not a number from 0 to %lu: %s", most, text);
    return n;
}

static void queue_add(struct run *r, const char *arg, struct argp_state *state)
{
    struct agent_options *o = &r->agent;
    const char *colon = strchr(arg, ':');
    size_t n = colon ? (size_t)(colon - arg) : strlen(arg);
    if (o->queues_n == AGENT_QUEUES_MAX) argp_error(state, "more than %d queues", AGENT_QUEUES_MAX);
    if (!wire_name_valid(arg, n)) argp_error(state, "not a queue's name: %s", arg);
    if (!colon || strcmp(colon + 1, "echo")) argp_error(state, "unknown handler: %s", colon ? colon + 1 : "none");
    char *name = strndup(arg, n);
    if (!name) argp_failure(state, pv_status_exit(PV_NO_MEMORY), 0, "out of memory");
    r->queue_names[o->queues_n] = name;
    r->queues[o->queues_n++] = (struct agent_queue){ name, &r->echo };
}

static void broker_add(struct run *r, const char *arg, struct argp_state *state)
{
    struct dial_options *d = &r->agent.dial;
    if (d->endpoints_n == DIAL_ENDPOINTS_MAX) argp_error(state, "more than %d brokers", DIAL_ENDPOINTS_MAX);
    r->endpoints[d->endpoints_n++] = arg;
}

static void parse_end(struct run *r, struct argp_state *state)
{
    const char *broker = getenv("PROVOST_BROKER");
    struct agent_options *o = &r->agent;
    if (!o->dial.endpoints_n && broker && *broker) broker_add(r, broker, state);
    if (!o->dial.endpoints_n) argp_error(state, "--broker is missing");
    if (!o->queues_n) argp_error(state, "--queue is missing");
    if (!o->dial.key_file != !o->dial.server_key_file) argp_error(state, "--key and --server-key belong together");
    if (!o->dial.key_file && !r->insecure) argp_error(state, "--key and --server-key, or --insecure");
    if (o->dial.key_file && r->insecure) argp_error(state, "either --insecure or keys");
    if (!wire_name_valid(o->name, strlen(o->name))) argp_error(state, "not a name: %s", o->name);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct run *r = state->input;
    struct agent_options *o = &r->agent;
    switch (key) {
    case KEY_BROKER:
        broker_add(r, arg, state);
        return 0;
    case KEY_QUEUE:
        queue_add(r, arg, state);
        return 0;
    case KEY_NAME:
        o->name = arg;
        return 0;
    case KEY_STATE:
        r->state = arg;
        return 0;
    case KEY_SLOTS:
        o->slots = (unsigned)number(arg, AGENT_SLOTS_MAX, state);
        return 0;
    case KEY_PREFETCH:
        o->prefetch = (unsigned)number(arg, AGENT_SLOTS_MAX, state);
        return 0;
    case KEY_INSECURE:
        r->insecure = true;
        return 0;
    case KEY_KEY:
        o->dial.key_file = arg;
        return 0;
    case KEY_SERVER_KEY:
        o->dial.server_key_file = arg;
        return 0;
    case KEY_GRACE:
        o->grace_ms = 1000 * number(arg, 1000000, state);
        return 0;
    case KEY_VERBOSE:
        r->level = LOG_LEVEL_DEBUG;
        return 0;
    case KEY_LOG:
        if (strcmp(arg, "text") && strcmp(arg, "json")) argp_error(state, "unknown form: %s", arg);
        r->format = strcmp(arg, "json") ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected: %s", arg);
        return 0;
    case ARGP_KEY_END:
        parse_end(r, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* What is legal of the host's name, so that the default always is. */
static void host_name(char to[WIRE_NAME_MAX + 1])
{
    char host[WIRE_NAME_MAX + 1] = "";
    size_t n = 0;
    gethostname(host, sizeof host - 1);
    for (const char *c = host; *c; c++) to[n++] = wire_name_valid(c, 1) ? *c : '-';
    to[n] = 0;
    if (!n) strcpy(to, "prover");
}

/* --- parts --- */

static pv_status state_open(struct run *r, char why[DIAL_WHY_BYTES])
{
    if (!r->state) {
        LOG_WARN("prover.state", "text=%s",
                 "no --state: a result that is not acknowledged is lost when this process ends");
        return PV_OK;
    }
    if (mkdir(r->state, 0700) && errno != EEXIST)
        return snprintf(why, DIAL_WHY_BYTES, "%.150s: %s", r->state, strerror(errno)), PV_IO;
    if (asprintf(&r->spool, "%s/results", r->state) < 0) return PV_NO_MEMORY;
    r->agent.state = r->spool;
    return PV_OK;
}

static int signals_open(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL); /* before any thread: all of them inherit it */
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void on_signal(struct run *r, zactor_t *actor, int signals, unsigned *asked)
{
    struct signalfd_siginfo info;
    if (read(signals, &info, sizeof info) != sizeof info) return;
    if (info.ssi_signo == SIGHUP) {
        zstr_send(actor, "RELOAD");
        return;
    }
    if (*asked > 2) _exit(1); /* asked again and again: the hand-back hangs */
    zstr_send(actor, info.ssi_signo == SIGTERM && !*asked ? "DRAIN" : "HANDBACK");
    ++*asked;
}

/* Until the agent has ended. */
static void serve(struct run *r, zactor_t *actor, int signals)
{
    for (unsigned asked = 0;;) {
        zmq_pollitem_t items[] = { { .fd = signals, .events = ZMQ_POLLIN },
                                   { .socket = zsock_resolve(actor), .events = ZMQ_POLLIN } };
        if (zmq_poll(items, 2, -1) < 0 && errno != EINTR) return;
        if (items[0].revents) on_signal(r, actor, signals, &asked);
        if (items[1].revents) return;
    }
}

static pv_status node_run(struct run *r, char why[DIAL_WHY_BYTES])
{
    struct agent *agent = NULL;
    int signals = signals_open();
    if (signals < 0) return PV_IO;
    TRY(state_open(r, why));
    TRY(agent_new(&agent, &r->agent, why));
    LOG_INFO("prover.started", "name=%s queues=%zu slots=%u prefetch=%u", r->agent.name, r->agent.queues_n,
             r->agent.slots, r->agent.prefetch);
    zactor_t *actor = zactor_new(agent_main, agent);
    if (actor) serve(r, actor, signals);
    zactor_destroy(&actor);
    agent_destroy(&agent);
    close(signals);
    LOG_INFO("prover.ended", "done=%lu failed=%lu busy_ms=%lu", atomic_load(&r->echo.counters.succeeded),
             atomic_load(&r->echo.counters.failed), atomic_load(&r->echo.counters.busy_ms));
    return PV_OK;
}

static void run_clear(struct run *r)
{
    for (size_t i = 0; i < r->agent.queues_n; i++) free(r->queue_names[i]);
    free(r->spool);
}

/* Inputs are witnesses: never in a core dump, nor to be read by another process of the same user. */
static void no_core(void)
{
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* the leak check has to trace its own process */
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

int cmd_run(int argc, char **argv)
{
    static const struct argp argp = {
        .options = run_options,
        .parser = parse,
        .doc = "Takes tasks from a broker and works on them.\vTERM drains, a second TERM or INT hands "
               "back now, USR1 likewise (spot reclaim), HUP reads the keys again."
    };
    static struct run r; /* the agent's threads borrow from it */
    char why[DIAL_WHY_BYTES] = "";
    host_name(r.host);
    r.level = LOG_LEVEL_INFO;
    r.agent = (struct agent_options){ .dial.endpoints = r.endpoints,
                                      .name = r.host,
                                      .queues = r.queues,
                                      .slots = 1,
                                      .prefetch = 1,
                                      .grace_ms = 110000,
                                      .software = "provost-prover " PV_VERSION };
    r.echo = handler_echo();
    argp_parse(&argp, argc, argv, 0, NULL, &r);
    no_core();
    zsys_handler_set(NULL);
    log_setup(r.level, r.format);
    pv_status s = node_run(&r, why);
    run_clear(&r);
    if (s != PV_OK) fprintf(stderr, "provost-prover: %s\n", *why ? why : pv_status_text(s));
    return pv_status_exit(s);
}
