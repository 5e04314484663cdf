/* provost-broker: settings from the command line, then the loop. */
#include "auth.h"
#include "broker_open.h"
#include "config.h"
#include "file_io.h"
#include "router.h"
#include "log.h"
#include "loop.h"
#include "process.h"
#include "reload.h"
#include "state_commands.h"
#include "std_streams.h"
#include "store_open.h"
#include "values.h"
#include "web.h"

#include <argp.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

const char *argp_program_version = "provost-broker " PV_VERSION;

enum {
    OPTION_SETTING = 256,
    OPTION_CONFIG = 1000,
    OPTION_QUEUE,
    OPTION_CHECK,
    OPTION_PRINT,
    OPTION_RAISE,
    OPTION_FROM,
    OPTION_TO
};

struct arguments {
    struct config_args config;
    bool check, print;
    struct state_arguments state;
};

static const struct argp_option own_options[] = {
    { "config", OPTION_CONFIG, "FILE", 0, "settings from FILE instead of /etc/provost/broker.yaml", -1 },
    { "queue", OPTION_QUEUE, "NAME[,KEY=VALUE]...", 0, "a queue to serve, and its settings; may be repeated", -1 },
    { "check-config", OPTION_CHECK, NULL, 0,
      "look at all that a start looks at (settings, keys, addresses, folders), say what is wrong or \"ok\", and end",
      -1 },
    { "raise-epoch", OPTION_RAISE, "N", 0,
      "peers have seen start N of this broker: go on above it (after a restored backup)", -1 },
    { "from", OPTION_FROM, "STORE", 0, "with migrate: the state folder or the database that is moved", -1 },
    { "to", OPTION_TO, "STORE", 0, "with migrate: the database or the new state folder that it is moved to", -1 },
    { "print-config", OPTION_PRINT, NULL, 0, "print every setting and where it comes from, and end", -1 },
};

enum { OWN = sizeof own_options / sizeof *own_options };

/* The flags come from the list of settings. */
static const struct argp_option *options_make(void)
{
    static struct argp_option all[OWN + CONFIG_SETTINGS + 1];
    static char names[CONFIG_SETTINGS][SETTING_NAME_BYTES], helps[CONFIG_SETTINGS][200];
    memcpy(all, own_options, sizeof own_options);
    for (int i = 0; i < CONFIG_SETTINGS; i++) {
        const struct setting *s = config_setting((enum config_setting)i);
        bool shown = s->fallback[0] && s->arg;
        snprintf(helps[i], sizeof helps[i], shown ? "%s (%s)" : "%s", s->meaning, s->fallback);
        all[OWN + i] = (struct argp_option){
            .name = setting_flag(names[i], s->name), .key = OPTION_SETTING + i, .arg = s->arg, .doc = helps[i]
        };
    }
    return all;
}

static uint32_t epoch_read(const char *text, struct argp_state *state)
{
    uint64_t n;
    if (!value_number(&n, text) || !n || n >= UINT32_MAX)
        argp_error(state, "--raise-epoch: not a number of starts: \"%s\"", text);
    return (uint32_t)n;
}

/* A command and its folder, or nothing. */
static void argument(struct arguments *a, char *arg, struct argp_state *state)
{
    if (state->arg_num == 0) {
        a->state.command = state_command_of(arg);
        if (!a->state.command) argp_error(state, "unexpected argument \"%s\"", arg);
        a->config.state_only = true;
    } else if (state->arg_num == 1)
        a->state.folder = arg;
    else
        argp_error(state, "unexpected argument \"%s\"", arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct arguments *a = state->input;
    if (key >= OPTION_SETTING && key < OPTION_SETTING + CONFIG_SETTINGS) {
        a->config.values[key - OPTION_SETTING] = arg ? arg : "yes";
        return 0;
    }
    switch (key) {
    case OPTION_CONFIG: a->config.file = arg; return 0;
    case OPTION_QUEUE:
        if (a->config.queues_n == CONFIG_QUEUES_MAX) argp_error(state, "more than %d queues", CONFIG_QUEUES_MAX);
        a->config.queues[a->config.queues_n++] = arg;
        return 0;
    case OPTION_CHECK: a->check = true; return 0;
    case OPTION_RAISE: a->config.raise_epoch = epoch_read(arg, state); return 0;
    case OPTION_PRINT: a->print = true; return 0;
    case ARGP_KEY_ARG: argument(a, arg, state); return 0;
    case OPTION_FROM: a->state.from = arg; return 0;
    case OPTION_TO: a->state.to = arg; return 0;
    case ARGP_KEY_END:
        if (state_command_lacks(&a->state)) argp_error(state, "%s", state_command_lacks(&a->state));
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* Each connection needs a descriptor: raises the limit as far as the system allows. */
static void descriptors_raise(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l)) return;
    l.rlim_cur = l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
}

/* libzmq allocates and frees each message. glibc maps blocks above 128 KiB anew each time, and the kernel clears their pages: with
 * chunks of 256 KiB that was a third of the processor time of a 16 MiB payload. So larger blocks are kept as well. */
static void memory_keep(void)
{
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, BROKER_FREE_BYTES);
}

static void shared_told(const char *variable, const char *own)
{
    LOG_WARN("settings.shared", "variable=%s own=%s text=%s", variable, own,
             "other programs read this variable too: set this program's own instead");
}

static int serve(const struct config *c, const struct config_args *args)
{
    struct broker *b = NULL;
    char why[BROKER_WHY_BYTES];
    reload_log(c);
    config_shared(c, shared_told);
    reload_warn_queues(c);
    process_no_core();
    process_ignore_pipe();
    descriptors_raise();
    memory_keep();
    pv_status st = broker_open(&b, c, args, why);
    if (st != PV_OK) {
        LOG_ERROR("broker.not_started", "status=%s why=%s", pv_status_word(st), why);
        return pv_status_exit(st);
    }
    st = broker_run(b);
    broker_close(&b);
    LOG_INFO("broker.stopped", "status=%s", pv_status_word(st));
    return pv_status_exit(st);
}

/* Our own keys, and who may do what. */
static pv_status check_keys(const struct config *c, size_t *certs_n, char *why)
{
    zcert_t *certs[ROUTER_ENDPOINTS_MAX];
    struct auth_keys *keys = NULL;
    size_t n;
    *certs_n = 0;
    if (c->insecure) return PV_OK;
    pv_status st = auth_own_keys(certs, &n, ROUTER_ENDPOINTS_MAX, c->key, why);
    if (st != PV_OK) return st;
    *certs_n = n;
    auth_own_keys_destroy(certs, &n);
    st = auth_keys_read(&keys, c->authorized_keys, why);
    auth_keys_destroy(&keys);
    return st;
}

static pv_status check_port_file(const struct config *c, char *why)
{
    int error = c->port_file[0] ? file_place_usable(c->port_file) : 0;
    if (error) snprintf(why, CONFIG_WHY_BYTES, "port_file: %.200s: %s", c->port_file, strerror(error));
    return error ? PV_IO : PV_OK;
}

/* What a start would look at besides the settings. Changes nothing, and does not mind a broker that runs with them. */
static pv_status check_start(const struct config *c, char *why)
{
    size_t certs_n;
    const struct store_place place = config_store(c);
    reload_log(c);
    router_prepare();
    descriptors_raise();
    config_shared(c, shared_told);
    reload_warn_queues(c);
    TRY(check_keys(c, &certs_n, why));
    TRY(router_check(c->bind, certs_n, why));
    TRY(store_check(&place, why));
    TRY(store_payloads_check(&place, why));
    TRY(web_check(c, why, CONFIG_WHY_BYTES));
    TRY(check_port_file(c, why));
    return broker_check_places(c, why);
}

static int complain(pv_status st, const char *why)
{
    fprintf(stderr, "provost-broker: %s\n", why);
    return pv_status_exit(st);
}

int main(int argc, char **argv)
{
    static struct config config;
    struct arguments a = { .check = false };
    struct argp argp = {
        options_make(),
        parse,
        "[backup DIR | restore DIR | migrate --from STORE --to STORE]",
        "Keeps a queue of proofs to make, and hands them to the provers that dial in. backup copies the state folder "
        "(--state) into DIR while a broker uses it; restore makes a state folder of such a copy; migrate moves what is "
        "in a "
        "state folder to a PostgreSQL database, or back, while no broker runs.",
        NULL,
        NULL,
        NULL
    };
    _Static_assert((int)AUTH_WHY_BYTES <= (int)CONFIG_WHY_BYTES, "one buffer for both");
    char why[CONFIG_WHY_BYTES];
    std_streams_begin("provost-broker");
    process_thread_stacks();
    argp_err_exit_status = 2;
    if (argp_parse(&argp, argc, argv, 0, NULL, &a)) return 2;
    pv_status st = config_read(&config, &a.config, why);
    if (st != PV_OK) return complain(st, why);
    int result = 0;
    if (a.print) config_print(&config, stdout);
    if (a.check && (st = check_start(&config, why)) != PV_OK) result = complain(st, why);
    if (a.check && st == PV_OK) puts("ok");
    a.state.above = a.config.raise_epoch;
    if (a.state.command && !a.print && !a.check)
        result = pv_status_exit(state_command_run(&a.state, &config));
    else if (!a.print && !a.check)
        result = serve(&config, &a.config);
    config_clear(&config);
    return result;
}
