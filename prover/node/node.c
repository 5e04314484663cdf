/* provost-prover-node: the program that `provost-prover run` turns into, a node that takes tasks from a broker until
 * it is told to stop. It is a program of its own because the libraries that a node talks to its broker with (32
 * shared objects) take longer to load than a small proof takes to make. */
#include "node.h"

#include "clock.h"
#include "file_io.h"
#include "handler_echo.h"
#include "keycache_folder.h"
#include "link_keys.h"
#include "log.h"
#include "node_parts.h"
#include "node_programs.h"
#include "node_plain.h"
#include "node_settings.h"
#include "process.h"
#include "status_show.h"
#include "std_streams.h"
#include "team.h"

#include <argp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { KEY_SETTING = 0x200, KEY_CONFIG = 0x300, KEY_CHECK, KEY_PRINT, KEY_SELFTEST };
enum {
    LOOK_MS = 500,             /* how often the folder of keys is looked at */
    COUNTERS_MS = 3600 * 1000, /* how often the counters of handlers are logged */
};

/* --- arguments --- */

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct node *n = state->input;
    if (key >= KEY_SETTING && key < KEY_SETTING + NODE_CONFIG_SETTINGS) {
        if (!node_config_arg(&n->args, (enum node_config_setting)(key - KEY_SETTING), arg ? arg : "yes")) return ENOMEM;
        return 0;
    }
    switch (key) {
    case KEY_CONFIG: n->args.file = arg; return 0;
    case KEY_CHECK: n->check = true; return 0;
    case KEY_PRINT: n->print = true; return 0;
    case KEY_SELFTEST: n->listing.selftest = true; return 0;
    case 'o': n->listing.json = !strcmp(arg, "json"); return 0;
    case ARGP_KEY_ARG: argp_error(state, "unexpected argument \"%s\"", arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void arguments_read(struct node *n, int argc, char **argv)
{
    static char names[NODE_CONFIG_SETTINGS][SETTING_NAME_BYTES];
    static struct argp_option options[NODE_CONFIG_SETTINGS + 6];
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .doc = "Takes tasks from a broker and proves them.\vTERM drains, a second TERM or an INT "
               "hands back now, USR1 likewise (spot reclaim), HUP reads circuits and keys again and logs the counters "
               "of handlers. "
               "Each setting is also PROVOST_PROVER_<NAME> in the environment and a key of "
               "/etc/provost/prover.yaml."
    };
    for (int i = 0; i < NODE_CONFIG_SETTINGS; i++) {
        const struct setting *row = node_config_row((enum node_config_setting)i);
        options[i] =
            (struct argp_option){ setting_flag(names[i], row->name), KEY_SETTING + i, row->arg, 0, row->meaning, 1 };
    }
    options[NODE_CONFIG_SETTINGS] = (struct argp_option){ "config", KEY_CONFIG, "FILE", 0, "Read this file", 2 };
    options[NODE_CONFIG_SETTINGS + 1] = (struct argp_option){
        "check-config",
        KEY_CHECK,
        NULL,
        0,
        "Look at all that a start looks at (settings, keys, folders, device), say what is wrong or \"ok\", and end",
        2
    };
    options[NODE_CONFIG_SETTINGS + 2] = (struct argp_option){
        "print-config", KEY_PRINT, NULL, 0, "Print the settings and where each came from, and end", 2
    };
    if (n->list || n->status)
        options[NODE_CONFIG_SETTINGS + 3] = (struct argp_option){ "output", 'o', "json", 0, "Print JSON", 2 };
    if (n->list)
        options[NODE_CONFIG_SETTINGS + 4] =
            (struct argp_option){ "selftest", KEY_SELFTEST, NULL, 0, "Run each handler on its self-test input", 2 };
    argp_parse(&argp, argc, argv, 0, NULL, n);
}

/* --- signals --- */

/* Called before any thread starts, so that all of them inherit the mask. */
static int signals_open(void)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGUSR1, SIGHUP, 0 };
    process_ignore_pipe();
    return process_signals(signals);
}

static void counters_log(const struct handler *h)
{
    const struct handler_counters *c = &h->counters;
    LOG_INFO("handler.counters",
             "handler=%s started=%lu succeeded=%lu failed=%lu permanent=%lu resource=%lu stopped=%lu running=%lu "
             "busy_ms=%lu mean_ms=%lu bytes_in=%lu bytes_out=%lu",
             h->name, atomic_load(&c->started), atomic_load(&c->succeeded), atomic_load(&c->failed),
             atomic_load(&c->permanent), atomic_load(&c->resource), atomic_load(&c->stopped), handler_running(c),
             atomic_load(&c->busy_ms), handler_mean_ms(c), atomic_load(&c->bytes_in), atomic_load(&c->bytes_out));
}

/* Opens the socket that `provost-prover status` asks. A node without one serves as well. */
static void status_open(struct node *n)
{
    if (!*n->config.state) return;
    n->status_socket = status_socket_open(n->config.state);
    if (n->status_socket < 0)
        LOG_WARN("prover.status", "text=%.150s/status cannot be listened on: %s", n->config.state, strerror(errno));
}

static void status_say(struct node *n)
{
    struct status_queue queues[AGENT_QUEUES_MAX];
    struct status_left_out left_out[AGENT_QUEUES_MAX];
    struct status_of of = { .state = n->config.state,
                            .software = "provost-prover " PV_VERSION,
                            .started_ms = n->started_ms,
                            .slots = n->agent.slots,
                            .handlers = &n->handlers,
                            .queues = queues,
                            .queues_n = n->agent.queues_n,
                            .left_out = left_out,
                            .left_out_n = n->left_out_n };
    for (size_t i = 0; i < of.queues_n; i++)
        queues[i] = (struct status_queue){ n->queues[i].name, n->queues[i].handler };
    for (size_t i = 0; i < of.left_out_n; i++)
        left_out[i] = (struct status_left_out){ n->left_out[i].queue, n->left_out[i].handler, n->left_out[i].why };
    char *text = status_text(&of, pv_clock_ms());
    if (text) status_socket_answer(n->status_socket, text);
    free(text);
}

static void handlers_log(const struct node *n)
{
    for (size_t i = 0; i < n->agent.queues_n; i++) {
        size_t first = 0; /* a handler may serve several queues */
        while (n->queues[first].handler != n->queues[i].handler) first++;
        if (first == i) counters_log(n->queues[i].handler);
    }
}

static struct node_http_options http_options(const struct node *n)
{
    return (struct node_http_options){ .address = n->config.http,
                                       .hosts = n->config.http_hosts,
                                       .read_token = n->config.http_read_token };
}

static void http_reload(struct node *n)
{
    struct node_http_options o = http_options(n);
    char why[NODE_HTTP_WHY_BYTES] = "no memory";
    if (n->http && node_http_reload(n->http, &o, why) != PV_OK) LOG_ERROR("http.unchanged", "why=%s", why);
}

static void on_signal(struct node *n, unsigned *asked)
{
    struct signalfd_siginfo info;
    struct prove_error err = { 0 };
    if (read(n->signals, &info, sizeof info) != sizeof info) return;
    if (info.ssi_signo == SIGHUP) {
        notify_reloading(&n->notify);
        handlers_log(n);
        http_reload(n);
        pv_status s = n->proving.cache ? keycache_scan(n->proving.cache, &err) : PV_OK;
        if (s != PV_OK && s != PV_CANCELLED) LOG_ERROR("prover.circuits", "text=%s", err.text);
        zstr_send(n->actor, "RELOAD");
        return;
    }
    if (n->gpu.gpus) node_gpu_leave(&n->gpu);
    if (*asked > 2) _exit(1); /* asked for the fourth time: the hand-back hangs */
    zstr_send(n->actor, info.ssi_signo == SIGTERM && !*asked ? "DRAIN" : "HANDBACK");
    ++*asked;
}

/* Passes signals on to the agent until it has ended, and looks after the keys. It does not read a large key to its end
 * first (is_told). */
static void serve(struct node *n)
{
    uint64_t counters_ms = pv_clock_ms() + COUNTERS_MS;
    for (unsigned asked = 0;;) {
        zmq_pollitem_t items[] = { { .fd = n->signals, .events = ZMQ_POLLIN },
                                   { .socket = zsock_resolve(n->actor), .events = ZMQ_POLLIN },
                                   { .fd = n->status_socket, .events = ZMQ_POLLIN } };
        int watched = n->status_socket >= 0 ? 3 : 2;
        bool looks = n->proving.cache || n->residents.n;
        if (zmq_poll(items, watched, looks ? LOOK_MS : COUNTERS_MS) < 0 && errno != EINTR) return;
        if (items[0].revents) on_signal(n, &asked);
        if (items[1].revents) return;
        if (watched == 3 && items[2].revents) status_say(n);
        if (pv_clock_ms() >= counters_ms) {
            handlers_log(n);
            counters_ms += COUNTERS_MS;
        }
        bool rests = resident_table_changed(&n->residents);
        bool news = n->proving.cache && keycache_look(n->proving.cache);
        bool changed = n->proving.cache && node_gpu_changed(&n->gpu);
        if (rests || news || changed) zstr_send(n->actor, "CIRCUITS");
    }
}

/* A signal came while the keys were read: nothing had begun. */
static pv_status ended_early(const struct node *n)
{
    LOG_INFO("prover.ended", "name=%s text=%s", n->agent.name, "told to end before its keys were read");
    return PV_OK;
}

static void shared_told(const char *variable, const char *own)
{
    LOG_WARN("settings.shared", "variable=%s own=%s text=%s", variable, own,
             "other programs read this variable too: set this program's own instead");
}

static size_t cards(void *node, struct node_card *to, size_t most)
{
    struct node *n = node;
    return node_gpu_cards(&n->gpu, to, most);
}

static pv_status http_open(struct node *n)
{
    struct node_http_options o = http_options(n);
    char why[NODE_HTTP_WHY_BYTES] = "";
    if (!*n->config.http) return PV_OK;
    n->sources = (struct node_sources){ .figures = &n->figures,
                                        .cache = n->proving.cache,
                                        .memory_most = n->proving.options.memory_bytes_max,
                                        .cards = cards,
                                        .cards_arg = n };
    if (!n->sources.memory_most) n->sources.memory_most = n->agent.ram;
    for (size_t i = 0; i < n->agent.queues_n; i++) {
        size_t first = 0;
        while (n->queues[first].handler != n->queues[i].handler) first++;
        if (first == i) n->sources.handlers[n->sources.handlers_n++] = n->queues[i].handler;
    }
    pv_status s = node_http_start(&n->http, &o, &n->sources, why);
    if (s != PV_OK) return node_refuse(n, s, "%s", *why ? why : pv_status_text(s));
    LOG_INFO("http.listening", "port=%u", node_http_port(n->http));
    if (node_http_is_shut(n->http))
        LOG_WARN("http.closed", "address=%s text=%s", n->config.http,
                 "beyond loopback only /livez and /readyz are open: /metrics needs http_read_token");
    return PV_OK;
}

static pv_status trace_open(struct node *n)
{
    char why[NODE_TRACE_WHY_BYTES] = "";
    if (!*n->config.trace) return PV_OK;
    pv_status s = node_trace_open(&n->trace, n->config.trace, why);
    n->agent.trace = n->trace;
    return s == PV_OK ? s : node_refuse(n, s, "%s", *why ? why : pv_status_text(s));
}

static pv_status node_run(struct node *n)
{
    char why[AGENT_WHY_BYTES];
    struct agent *agent = NULL;
    notify_open(&n->notify);
    n->agent.notify = &n->notify;
    n->signals = signals_open();
    if (n->signals < 0) return node_refuse(n, PV_IO, "signalfd: %s", strerror(errno));
    (void)team_start(1, TEAM_SPIN_AS_IT_IS); /* this thread looks at keys, it does not compute */
    node_config_shared(&n->config, shared_told);
    TRY(node_state_open(n));
    node_name_settle(n);
    node_programs_group(n);
    node_gpus_look(n);
    TRY(node_limits_start(&n->config, &n->limits, node_serves(n, &n->groth16), n->why));
    n->agent.slots = (unsigned)n->config.slots;
    n->agent.threads = node_serves(n, &n->groth16) ? (unsigned)n->config.threads : 0;
    node_memory_plan(n);
    pv_status s = node_proving_open(n);
    if (s == PV_CANCELLED) return ended_early(n);
    TRY(s);
    s = node_programs_open(n);
    if (s == PV_CANCELLED) return ended_early(n);
    TRY(s);
    handlers_init(&n->handlers);
    for (size_t i = 0; i < n->agent.queues_n; i++) handlers_add(&n->handlers, n->queues[i].handler);
    n->agent.handlers = &n->handlers;
    n->started_ms = pv_clock_ms();
    status_open(n);
    node_figures_now(&n->figures, &(struct node_now){ .turned_ms = pv_clock_ms() });
    TRY(http_open(n));
    TRY(trace_open(n));
    n->agent.figures = &n->figures;
    s = agent_new(&agent, &n->agent, why);
    if (s != PV_OK) return node_refuse(n, s, "%s", why);
    LOG_INFO("prover.started", "name=%s queues=%zu slots=%u threads=%u prefetch=%u memory=%" PRIu64, n->agent.name,
             n->agent.queues_n, n->agent.slots, (unsigned)n->config.threads, n->agent.prefetch, n->agent.ram);
    n->actor = zactor_new(agent_main, agent);
    if (n->actor) serve(n);
    zactor_destroy(&n->actor);
    agent_destroy(&agent);
    node_http_stop(&n->http);
    close(n->signals);
    status_socket_close(&n->status_socket, n->config.state);
    handlers_log(n);
    LOG_INFO("prover.ended", "name=%s", n->agent.name);
    return PV_OK;
}

/* --- --check-config --- */

static pv_status keys_check(struct node *n)
{
    struct link_keys keys = { 0 };
    char why[LINK_KEYS_WHY_BYTES];
    size_t brokers = n->agent.link.endpoints;
    if (!*n->config.key) return PV_OK;
    pv_status s = link_keys_load(&keys, n->config.key, n->config.server_key, why);
    if (s != PV_OK) return node_refuse(n, s, "%s", why);
    bool fit = link_keys_fit(&keys, brokers);
    if (!fit)
        s = node_refuse(n, PV_BAD_CONFIG, "server_key: %zu keys for %zu brokers: one for all, or one for each",
                        keys.servers, brokers);
    link_keys_clear(&keys);
    return s;
}

static pv_status http_check(struct node *n)
{
    struct node_http_options o = http_options(n);
    char why[NODE_HTTP_WHY_BYTES] = "";
    pv_status s = *n->config.http ? node_http_check(&o, why) : PV_OK;
    return s == PV_OK ? s : node_refuse(n, s, "%s", why);
}

static pv_status state_check(struct node *n)
{
    int error = *n->config.state ? file_folder_usable(n->config.state) : 0;
    return error ? node_refuse(n, PV_IO, "%.200s: %s", n->config.state, strerror(error)) : PV_OK;
}

/* What a start would look at: keys, folders, device. Changes nothing, and does not mind a node that runs with them. */
static pv_status node_check(struct node *n)
{
    struct handler_circuit one;
    node_config_shared(&n->config, shared_told);
    TRY(keys_check(n));
    TRY(state_check(n));
    TRY(http_check(n));
    TRY(node_proving_open(n));
    TRY(node_programs_check(n));
    if (n->proving.cache && !keycache_list(n->proving.cache, "", &one, 1))
        LOG_WARN("prover.circuits", "text=%s", "no usable key in the folder of circuits: nothing can be proved yet");
    puts("ok");
    return PV_OK;
}

static void node_clear(struct node *n)
{
    if (n->status_socket >= 0) status_socket_close(&n->status_socket, n->config.state);
    notify_close(&n->notify);
    node_http_stop(&n->http);
    node_trace_close(&n->trace);
    node_gpu_part(&n->gpu);
    keycache_destroy(&n->proving.cache);
    node_gpu_clear(&n->gpu);
    node_programs_clear(n);
    node_name_clear(&n->name);
    if (n->lock > 0) close(n->lock);
    free(n->lists[0]);
    free(n->lists[1]);
    free(n->spool);
    free(n->checked);
    node_config_clear(&n->config);
    node_config_args_clear(&n->args);
}

/* `provost-prover handlers`: 2 when one of them cannot serve. */
static int handlers_list(struct node *n)
{
    size_t bad = 0;
    pv_status s = node_config_read(&n->config, &n->args, n->why);
    (void)log_setup_words("error", "text");
    if (s == PV_OK) s = node_programs_list(n, stdout, &bad);
    if (s != PV_OK) fprintf(stderr, "provost-prover handlers: %s\n", *n->why ? n->why : pv_status_text(s));
    node_clear(n);
    return pv_status_exit(s != PV_OK ? s : bad ? PV_BAD_CONFIG : PV_OK);
}

/* `provost-prover status`: of the node that runs with these settings' state folder. */
static int status_print(struct node *n)
{
    char why[STATUS_WHY_BYTES] = "";
    pv_status s = node_config_read(&n->config, &n->args, n->why);
    if (s == PV_OK && !*n->config.state) s = node_refuse(n, PV_USAGE, "which node? Say its --state");
    if (s == PV_OK) s = status_show(stdout, n->config.state, n->listing.json, why);
    const char *text = *n->why ? n->why : *why ? why : pv_status_text(s);
    if (s != PV_OK) fprintf(stderr, "provost-prover status: %s\n", text);
    node_clear(n);
    return pv_status_exit(s);
}

/* argv[0] is "provost-prover run", "provost-prover handlers" or "provost-prover status". */
int main(int argc, char **argv)
{
    static struct node n = { .name.claim = -1, .signals = -1, .status_socket = -1, .groups.fd = -1 };
    std_streams_begin("provost-prover");
    node_figures_init(&n.figures);
    team_stack_suffices(argv);
    process_thread_stacks();
    argp_err_exit_status = pv_status_exit(PV_USAGE);
    n.groth16 = handler_groth16(&n.proving);
    n.echo = handler_echo();
    process_no_core();
    n.list = !strcmp(argv[0], "provost-prover handlers");
    n.status = !strcmp(argv[0], "provost-prover status");
    arguments_read(&n, argc, argv);
    zsys_handler_set(NULL);
    if (n.list) return handlers_list(&n);
    if (n.status) return status_print(&n);
    pv_status s = node_settings_read(&n);
    if (s == PV_OK && n.print) node_config_print(&n.config, stdout);
    if (s == PV_OK && n.check) s = node_check(&n);
    if (s == PV_OK && !n.print && !n.check) s = node_run(&n);
    if (s != PV_OK) fprintf(stderr, "provost-prover: %s\n", *n.why ? n.why : pv_status_text(s));
    node_clear(&n);
    return pv_status_exit(s);
}
