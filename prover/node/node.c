/* provost-prover-node: the program that `provost-prover run` turns into, a node that takes tasks from a broker until
 * it is told to stop. It is a program of its own because the libraries that a node talks to its broker with (32
 * shared objects) take longer to load than a small proof takes to make. */
#include "agent.h"
#include "endpoint.h"
#include "file_io.h"
#include "handler_echo.h"
#include "handler_groth16.h"
#include "keycache_folder.h"
#include "link_keys.h"
#include "log.h"
#include "node_config.h"
#include "node_limits.h"
#include "node_name.h"
#include "process.h"
#include "std_streams.h"
#include "team.h"

#include <argp.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { KEY_SETTING = 0x200, KEY_CONFIG = 0x300, KEY_CHECK, KEY_PRINT };
enum { LOOK_MS = 500 }; /* how often the folder of keys is looked at */

/* A node, and everything its threads borrow. */
struct node {
    struct node_config_args args;
    struct node_config config;
    bool check, print, memory_set;
    char host[WIRE_NAME_MAX + 1];
    struct node_name name;
    char *lists[2]; /* the broker and queue lists, cut at their commas */
    struct agent_queue queues[AGENT_QUEUES_MAX];
    char *spool, *checked;
    int lock; /* on the state folder; 0: none */
    int signals;
    zactor_t *actor; /* the agent's; NULL: it does not run */
    struct agent_options agent;
    struct handler groth16, echo;
    struct handler_groth16_context proving;
    struct numa numa;
    struct limits limits;
    char why[NODE_CONFIG_WHY_BYTES];
};

static pv_status refuse(struct node *n, pv_status s, const char *format, ...) __attribute__((format(printf, 3, 4)));
static pv_status refuse(struct node *n, pv_status s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(n->why, sizeof n->why, format, args);
    va_end(args);
    return s;
}

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
    case ARGP_KEY_ARG: argp_error(state, "unexpected argument \"%s\"", arg); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void arguments_read(struct node *n, int argc, char **argv)
{
    static char names[NODE_CONFIG_SETTINGS][SETTING_NAME_BYTES];
    static struct argp_option options[NODE_CONFIG_SETTINGS + 4];
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .doc = "Takes tasks from a broker and proves them.\vTERM drains, a second TERM or an INT "
               "hands back now, USR1 likewise (spot reclaim), HUP reads circuits and keys again. "
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
    argp_parse(&argp, argc, argv, 0, NULL, n);
}

/* --- settings to options --- */

/* The host's name with every illegal character replaced, so that the default name is always legal. */
static void host_name(char to[WIRE_NAME_MAX + 1])
{
    char host[WIRE_NAME_MAX + 1] = "";
    size_t n = 0;
    gethostname(host, sizeof host - 1);
    for (const char *c = host; *c; c++) to[n++] = wire_name_valid(c, 1) ? *c : '-';
    to[n] = 0;
    if (!n) strcpy(to, "prover");
}

static pv_status broker_add(struct node *n, const char *item)
{
    struct link_options *l = &n->agent.link;
    if (l->endpoints == LINK_ENDPOINTS_MAX) return refuse(n, PV_BAD_CONFIG, "more than %d brokers", LINK_ENDPOINTS_MAX);
    if (!endpoint_port_fits(item, false) || link_endpoint_add(l, item, strlen(item)) != PV_OK)
        return refuse(n, PV_BAD_CONFIG, "broker: not tcp://HOST:PORT or ipc://PATH: \"%.64s\"", item);
    return PV_OK;
}

static pv_status queue_add(struct node *n, char *item)
{
    struct agent_options *o = &n->agent;
    char *handler = strchr(item, ':');
    if (handler) *handler++ = 0;
    bool echo = handler && !strcmp(handler, "echo");
    if (o->queues_n == AGENT_QUEUES_MAX) return refuse(n, PV_BAD_CONFIG, "more than %d queues", AGENT_QUEUES_MAX);
    if (!wire_name_valid(item, strlen(item)))
        return refuse(n, PV_BAD_CONFIG, "queue: not a name: \"%.64s\" (1 to 64 of A-Z a-z 0-9 . _ -)", item);
    if (handler && !echo && strcmp(handler, "groth16"))
        return refuse(n, PV_BAD_CONFIG, "queue %s: unknown handler \"%.64s\"", item, handler);
    n->queues[o->queues_n++] = (struct agent_queue){ item, echo ? &n->echo : &n->groth16 };
    return PV_OK;
}

static pv_status lists_read(struct node *n)
{
    char *rest, *item;
    n->lists[0] = strdup(n->config.broker);
    n->lists[1] = strdup(n->config.queue);
    if (!n->lists[0] || !n->lists[1]) return PV_NO_MEMORY;
    for (item = strtok_r(n->lists[0], ", ", &rest); item; item = strtok_r(NULL, ", ", &rest)) TRY(broker_add(n, item));
    for (item = strtok_r(n->lists[1], ", ", &rest); item; item = strtok_r(NULL, ", ", &rest)) TRY(queue_add(n, item));
    if (!n->agent.link.endpoints) return refuse(n, PV_BAD_CONFIG, "missing broker: tcp://HOST:PORT");
    return n->agent.queues_n ? PV_OK : refuse(n, PV_BAD_CONFIG, "missing queue: the name of a queue to serve");
}

static bool serves(const struct node *n, const struct handler *h)
{
    for (size_t i = 0; i < n->agent.queues_n; i++)
        if (n->queues[i].handler == h) return true;
    return false;
}

static pv_status keys_read(struct node *n)
{
    const struct node_config *c = &n->config;
    if (!*c->key != !*c->server_key)
        return refuse(n, PV_BAD_CONFIG, "key and server_key go together: one of them is missing");
    if (!*c->key && !c->insecure)
        return refuse(n, PV_BAD_CONFIG, "missing key and server_key (or insecure, for a broker on this machine)");
    if (*c->key && c->insecure) return refuse(n, PV_BAD_CONFIG, "use either insecure or keys, not both");
    const struct link_options *l = &n->agent.link;
    for (size_t i = 0; c->insecure && i < l->endpoints; i++)
        if (!endpoint_is_local(l->endpoint[i]))
            return refuse(n, PV_BAD_CONFIG, "broker: insecure is only for brokers on this machine: \"%.64s\"",
                          l->endpoint[i]);
    if (*c->key) {
        n->agent.key_file = c->key;
        n->agent.server_keys = c->server_key;
    }
    return PV_OK;
}

static pv_status settings_read(struct node *n)
{
    struct node_config *c = &n->config;
    TRY(node_config_read(c, &n->args, n->why));
    /* node_config_read has refused any other word; of a check only what is wrong is interesting */
    (void)log_setup_words(n->check ? "warn" : c->log_level, c->log);
    TRY(lists_read(n));
    TRY(keys_read(n));
    host_name(n->host);
    if (!*c->name) c->name = n->host;
    if (!wire_name_valid(c->name, strlen(c->name)))
        return refuse(n, PV_BAD_CONFIG, "name: not a name: \"%.64s\" (1 to 64 of A-Z a-z 0-9 . _ -)", c->name);
    if (serves(n, &n->groth16) && !*c->circuits)
        return refuse(n, PV_BAD_CONFIG, "missing circuits: the handler groth16 needs proving keys");
    n->memory_set = c->memory != 0;
    limits_read(&n->limits, LIMITS_ROOT);
    node_limits_settings(c, &n->limits);
    n->agent.software = "provost-prover " PV_VERSION;
    n->agent.queues = n->queues;
    n->agent.slots = (unsigned)c->slots;
    n->agent.prefetch = (unsigned)c->prefetch;
    n->agent.ram = c->memory;
    n->agent.input_most = c->input_max;
    n->agent.grace_ms = 1000 * c->grace_s;
    return PV_OK;
}

/* --- parts --- */

/* Two nodes on one folder would each take the other's spooled results for its own, send them and remove them. The lock is
 * the process's: it goes when the process does, however it ends. A file system without locks is only warned of. */
static pv_status state_lock(struct node *n)
{
    const char *state = n->config.state;
    char path[4096];
    int used = snprintf(path, sizeof path, "%s/lock", state);
    if (used < 0 || (size_t)used >= sizeof path) return refuse(n, PV_IO, "%.200s: the path is too long", state);
    n->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (n->lock < 0) return refuse(n, PV_IO, "%.200s: %s", path, strerror(errno));
    if (flock(n->lock, LOCK_EX | LOCK_NB) == 0) return PV_OK;
    if (errno == EWOULDBLOCK)
        return refuse(n, PV_BUSY, "%.200s: another prover node uses this state folder: give each node its own --state",
                      state);
    LOG_WARN("prover.state", "text=cannot be locked (%s): make sure that no other node uses it", strerror(errno));
    return PV_OK;
}

static pv_status state_open(struct node *n)
{
    const char *state = n->config.state;
    if (!*state) {
        LOG_WARN("prover.state", "text=%s",
                 "no state folder: results that the broker has not acknowledged are lost when this process ends");
        return PV_OK;
    }
    int error = file_folder_make(state);
    if (error) return refuse(n, PV_IO, "%.200s: %s", state, strerror(error));
    TRY(state_lock(n));
    if (asprintf(&n->spool, "%s/results", state) < 0 || asprintf(&n->checked, "%s/checked-keys", state) < 0)
        return PV_NO_MEMORY;
    n->agent.state = n->spool;
    return PV_OK;
}

static bool another_name(void *arg, const char **name)
{
    struct node *n = arg;
    if (!node_name_next(&n->name)) return false;
    *name = n->name.text;
    return true;
}

/* After the state folder is ours: it keeps the name. */
static void name_take(struct node *n)
{
    if (n->config.name != n->host) {
        node_name_given(&n->name, n->config.name);
    } else {
        node_name_take(&n->name, n->host, *n->config.state ? n->config.state : NULL);
        n->agent.another_name = another_name;
        n->agent.another_name_arg = n;
    }
    n->agent.name = n->name.text;
}

static pv_status backend_open(struct node *n, struct prove_error *err)
{
    char note[256] = "";
    enum backend_choice choice;
    struct handler_groth16_context *x = &n->proving;
    if (!backend_choice_parse(&choice, n->config.backend))
        return prove_error_set(err, PV_BAD_CONFIG, "backend: not auto, cpu or cuda: \"%.64s\"", n->config.backend);
    x->options.device = (int)n->config.device;
    x->options.keys = n->config.allow_development_key ? GROTH16_KEYS_DEVELOPMENT : GROTH16_KEYS_SOUND;
    x->cpu.threads = x->options.threads = (unsigned)n->config.threads;
    TRY(backend_pick(&x->backend, choice, &x->options, note, sizeof note, err));
    if (x->backend->device_bytes) n->agent.vram = x->backend->device_bytes(&x->options);
    LOG_INFO("prover.backend", "name=%s vram=%" PRIu64 " note=%s", x->backend->name, n->agent.vram, note);
    return PV_OK;
}

/* With several NUMA nodes memory comes from all of them in turn, and each slot settles on one node if its threads
 * fit. */
static void memory_plan(struct node *n)
{
    numa_read(&n->numa, NUMA_ROOT);
    bool shared = numa_share(&n->numa);
    if (n->agent.slots > 1 && numa_fits(&n->numa, (unsigned)n->config.threads)) n->agent.numa = &n->numa;
    if (n->numa.nodes > 1)
        LOG_INFO("prover.numa", "nodes=%u memory=%s slots=%s", n->numa.nodes,
                 shared ? "shared" : "as the process was started", n->agent.numa ? "settled" : "anywhere");
}

/* Whether the main thread, which reads keys, is wanted for something else: a signal, or the agent's end. */
static bool is_told(void *node)
{
    const struct node *n = node;
    if (n->signals < 0) return false; /* a check of the settings takes none */
    zmq_pollitem_t items[] = { { .fd = n->signals, .events = ZMQ_POLLIN },
                               { .socket = n->actor ? zsock_resolve(n->actor) : NULL, .events = ZMQ_POLLIN } };
    return zmq_poll(items, n->actor ? 2 : 1, 0) > 0;
}

/* Takes a signal that came while the keys were read. HUP asks to read them again, and that is all that is left to do. */
static bool is_hangup(const struct node *n)
{
    struct signalfd_siginfo info;
    return read(n->signals, &info, sizeof info) == sizeof info && info.ssi_signo == SIGHUP;
}

static pv_status proving_open(struct node *n)
{
    struct prove_error err = { 0 };
    struct keycache_options o = { .folder = n->config.circuits,
                                  .checked_file = n->checked,
                                  .bytes_most = n->config.memory,
                                  .host_most = n->config.memory,
                                  .interrupt = { is_told, n },
                                  .ops = &handler_groth16_keys,
                                  .arg = &n->proving };
    if (!serves(n, &n->groth16)) return PV_OK;
    pv_status s = backend_open(n, &err);
    if (s == PV_OK && n->proving.backend != &backend_cpu && !n->memory_set)
        o.bytes_most = 0; /* the device itself reports when it is full */
    while (s == PV_OK && (s = keycache_new(&n->proving.cache, &o, &err)) == PV_CANCELLED && is_hangup(n)) s = PV_OK;
    if (s != PV_OK) return refuse(n, s, "%s", err.text);
    n->agent.circuits = keycache_list;
    n->agent.unserved = keycache_unserved;
    n->agent.circuits_arg = n->proving.cache;
    n->agent.circuits_needed = !serves(n, &n->echo);
    return PV_OK;
}

/* --- signals --- */

/* Called before any thread starts, so that all of them inherit the mask. */
static int signals_open(void)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGUSR1, SIGHUP, 0 };
    process_ignore_pipe();
    return process_signals(signals);
}

static void on_signal(struct node *n, unsigned *asked)
{
    struct signalfd_siginfo info;
    struct prove_error err = { 0 };
    if (read(n->signals, &info, sizeof info) != sizeof info) return;
    if (info.ssi_signo == SIGHUP) {
        pv_status s = n->proving.cache ? keycache_scan(n->proving.cache, &err) : PV_OK;
        if (s != PV_OK && s != PV_CANCELLED) LOG_ERROR("prover.circuits", "text=%s", err.text);
        zstr_send(n->actor, "RELOAD");
        return;
    }
    if (*asked > 2) _exit(1); /* asked for the fourth time: the hand-back hangs */
    zstr_send(n->actor, info.ssi_signo == SIGTERM && !*asked ? "DRAIN" : "HANDBACK");
    ++*asked;
}

/* Passes signals on to the agent until it has ended, and looks after the keys. It does not read a large key to its end
 * first (is_told). */
static void serve(struct node *n)
{
    for (unsigned asked = 0;;) {
        zmq_pollitem_t items[] = { { .fd = n->signals, .events = ZMQ_POLLIN },
                                   { .socket = zsock_resolve(n->actor), .events = ZMQ_POLLIN } };
        if (zmq_poll(items, 2, n->proving.cache ? LOOK_MS : -1) < 0 && errno != EINTR) return;
        if (items[0].revents) on_signal(n, &asked);
        if (items[1].revents) return;
        if (n->proving.cache && keycache_look(n->proving.cache)) zstr_send(n->actor, "CIRCUITS");
    }
}

static void counters_log(const struct handler *h)
{
    LOG_INFO("handler.counters", "handler=%s started=%lu succeeded=%lu failed=%lu stopped=%lu busy_ms=%lu", h->name,
             atomic_load(&h->counters.started), atomic_load(&h->counters.succeeded), atomic_load(&h->counters.failed),
             atomic_load(&h->counters.stopped), atomic_load(&h->counters.busy_ms));
}

/* A signal came while the keys were read: nothing had begun. */
static pv_status ended_early(const struct node *n)
{
    LOG_INFO("prover.ended", "name=%s text=told to end before its keys were read", n->agent.name);
    return PV_OK;
}

static void shared_told(const char *variable, const char *own)
{
    LOG_WARN("settings.shared", "variable=%s own=%s text=%s", variable, own,
             "other programs read this variable too: set this program's own instead");
}

static pv_status node_run(struct node *n)
{
    char why[AGENT_WHY_BYTES];
    struct agent *agent = NULL;
    n->signals = signals_open();
    if (n->signals < 0) return refuse(n, PV_IO, "signalfd: %s", strerror(errno));
    (void)team_start(1, TEAM_SPIN_AS_IT_IS); /* this thread looks at keys, it does not compute */
    node_config_shared(&n->config, shared_told);
    TRY(state_open(n));
    name_take(n);
    TRY(node_limits_start(&n->config, &n->limits, serves(n, &n->groth16), n->why));
    n->agent.slots = (unsigned)n->config.slots;
    n->agent.threads = serves(n, &n->groth16) ? (unsigned)n->config.threads : 0;
    memory_plan(n);
    pv_status s = proving_open(n);
    if (s == PV_CANCELLED) return ended_early(n);
    TRY(s);
    s = agent_new(&agent, &n->agent, why);
    if (s != PV_OK) return refuse(n, s, "%s", why);
    LOG_INFO("prover.started", "name=%s queues=%zu slots=%u threads=%u prefetch=%u memory=%" PRIu64, n->agent.name,
             n->agent.queues_n, n->agent.slots, (unsigned)n->config.threads, n->agent.prefetch, n->agent.ram);
    n->actor = zactor_new(agent_main, agent);
    if (n->actor) serve(n);
    zactor_destroy(&n->actor);
    agent_destroy(&agent);
    close(n->signals);
    if (serves(n, &n->groth16)) counters_log(&n->groth16);
    if (serves(n, &n->echo)) counters_log(&n->echo);
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
    if (s != PV_OK) return refuse(n, s, "%s", why);
    bool fit = link_keys_fit(&keys, brokers);
    if (!fit)
        s = refuse(n, PV_BAD_CONFIG, "server_key: %zu keys for %zu brokers: one for all, or one for each", keys.servers,
                   brokers);
    link_keys_clear(&keys);
    return s;
}

static pv_status state_check(struct node *n)
{
    int error = *n->config.state ? file_folder_usable(n->config.state) : 0;
    return error ? refuse(n, PV_IO, "%.200s: %s", n->config.state, strerror(error)) : PV_OK;
}

/* What a start would look at: keys, folders, device. Changes nothing, and does not mind a node that runs with them. */
static pv_status node_check(struct node *n)
{
    struct handler_circuit one;
    node_config_shared(&n->config, shared_told);
    TRY(keys_check(n));
    TRY(state_check(n));
    TRY(proving_open(n));
    if (n->proving.cache && !keycache_list(n->proving.cache, "", &one, 1))
        LOG_WARN("prover.circuits", "text=%s", "no usable key in the folder of circuits: nothing can be proved yet");
    puts("ok");
    return PV_OK;
}

static void node_clear(struct node *n)
{
    keycache_destroy(&n->proving.cache);
    node_name_clear(&n->name);
    if (n->lock > 0) close(n->lock);
    free(n->lists[0]);
    free(n->lists[1]);
    free(n->spool);
    free(n->checked);
    node_config_clear(&n->config);
    node_config_args_clear(&n->args);
}

/* argv[0] is "provost-prover run". */
int main(int argc, char **argv)
{
    static struct node n = { .name.claim = -1, .signals = -1 };
    std_streams_begin("provost-prover");
    team_stack_suffices(argv);
    process_thread_stacks();
    argp_err_exit_status = pv_status_exit(PV_USAGE);
    n.groth16 = handler_groth16(&n.proving);
    n.echo = handler_echo();
    process_no_core();
    arguments_read(&n, argc, argv);
    zsys_handler_set(NULL);
    pv_status s = settings_read(&n);
    if (s == PV_OK && n.print) node_config_print(&n.config, stdout);
    if (s == PV_OK && n.check) s = node_check(&n);
    if (s == PV_OK && !n.print && !n.check) s = node_run(&n);
    if (s != PV_OK) fprintf(stderr, "provost-prover: %s\n", *n.why ? n.why : pv_status_text(s));
    node_clear(&n);
    return pv_status_exit(s);
}
