#include "options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    KEY_BROKER = 'b',
    KEY_QUEUE = 'q',
    KEY_CIRCUIT = 'c',
    KEY_OUTPUT = 'o',
    KEY_VKEY = 'k',
    KEY_WIDE = 'w',
    KEY_TIMEOUT = 't',
    KEY_FOLLOW = 'f',
    KEY_INSECURE = 256,
    KEY_KEY,
    KEY_SERVER_KEY,
    KEY_NAME,
    KEY_CONNECT,
    KEY_ID,
    KEY_PRIORITY,
    KEY_GROUP,
    KEY_DEADLINE,
    KEY_ON_RESTART,
    KEY_REVIVE,
    KEY_VRAM,
    KEY_RAM,
    KEY_BUSY,
    KEY_PROGRESS,
    KEY_CANCEL,
    KEY_STATE,
    KEY_LIMIT,
    KEY_AFTER,
    KEY_AGE,
    KEY_DRY,
    KEY_RUN_TIMEOUT,
    KEY_STALL_TIMEOUT,
    KEY_INTERVAL,
    KEY_TIMES,
    KEY_WARNING,
    KEY_CRITICAL,
    KEY_COUNT,
    KEY_INFLIGHT,
    KEY_BYTES,
};

#define STATE_WORDS "receiving queued offered running delayed recovering succeeded dead cancelled expired"

const struct cli_option cli_options[] = {
    { "broker", KEY_BROKER, "ENDPOINTS", FOR_BROKER, "PROVOST_BROKER",
      "tcp://host:port of the broker; several, with commas, are tried in turn", NULL },
    { "insecure", KEY_INSECURE, NULL, FOR_BROKER, "PROVOST_INSECURE",
      "no keys: a broker on this machine that allows it", NULL },
    { "key", KEY_KEY, "FILE", FOR_BROKER, "PROVOST_KEY", "own key pair (provost key gen)", "@file" },
    { "server-key", KEY_SERVER_KEY, "FILE|KEY", FOR_BROKER, "PROVOST_SERVER_KEY",
      "the broker's public key; with commas, one for each endpoint", "@file" },
    { "name", KEY_NAME, "NAME", FOR_BROKER, "PROVOST_NAME", "this client's name (provost-cli)", NULL },
    { "timeout", KEY_TIMEOUT, "TIME", FOR_BROKER, "PROVOST_TIMEOUT", "give up after 30s, 5m, 2h ...", NULL },
    { "connect-timeout", KEY_CONNECT, "TIME", FOR_BROKER, "PROVOST_CONNECT_TIMEOUT", "for the connection alone (5s)",
      NULL },
    { "output", KEY_OUTPUT, "FORM", FOR_OUTPUT, "PROVOST_OUTPUT", "table or json", "table json" },
    { "wide", KEY_WIDE, NULL, FOR_OUTPUT, NULL, "all columns of a table", NULL },
    { "queue", KEY_QUEUE, "NAME", FOR_SUBMIT | FOR_TASKS | FOR_CHECK, "PROVOST_QUEUE", "the queue", NULL },
    { "circuit", KEY_CIRCUIT, "NAME", FOR_SUBMIT, "PROVOST_CIRCUIT", "the circuit's name, or its zkey's SHA-256 in hex",
      NULL },
    { "id", KEY_ID, "HEX", FOR_SUBMIT, NULL, "32 hex digits; the same id and input again is harmless (random)", NULL },
    { "priority", KEY_PRIORITY, "0-9", FOR_SUBMIT, NULL, "9 is first (4)", "0 1 2 3 4 5 6 7 8 9" },
    { "group", KEY_GROUP, "NAME", FOR_SUBMIT, NULL, "tasks that share a fair turn", NULL },
    { "deadline", KEY_DEADLINE, "TIME", FOR_SUBMIT, NULL, "expires unless it runs by then: 30s, 5m from now", NULL },
    { "on-restart", KEY_ON_RESTART, "WHAT", FOR_SUBMIT, NULL,
      "when a new client of this name appears: keep, cancel, or a time to live such as 10m (keep)", "keep cancel" },
    { "revive", KEY_REVIVE, NULL, FOR_SUBMIT, NULL, "queue it again if it is cancelled, expired or dead", NULL },
    { "need-vram", KEY_VRAM, "BYTES", FOR_SUBMIT, NULL, "GPU memory it needs: 8G", NULL },
    { "need-ram", KEY_RAM, "BYTES", FOR_SUBMIT, NULL, "memory it needs: 16G", NULL },
    { "busy", KEY_BUSY, "WHAT", FOR_SUBMIT, NULL, "at a limit of the broker: wait or fail (wait)", "wait fail" },
    { "vkey", KEY_VKEY, "FILE", FOR_RESULT, NULL, "verify the proof with this key before it is written", "@file" },
    { "progress", KEY_PROGRESS, "FORM", FOR_WAIT, "PROVOST_PROGRESS",
      "auto (a bar where stderr is a terminal), bar, json (lines on stderr), none", "auto bar json none" },
    { "cancel-on-interrupt", KEY_CANCEL, NULL, FOR_WAIT, NULL, "cancel the task at ^C; else it runs on", NULL },
    { "state", KEY_STATE, "STATE", FOR_TASKS | FOR_PURGE, NULL, "only tasks in this state", STATE_WORDS },
    { "limit", KEY_LIMIT, "N", FOR_TASKS | FOR_EVENTS, NULL, "most rows (1000)", NULL },
    { "after", KEY_AFTER, "ROW", FOR_TASKS | FOR_EVENTS, NULL,
      "go on where a page before ended; of events, behind the one with this number (0: all that are kept)", NULL },
    { "follow", KEY_FOLLOW, NULL, FOR_EVENTS, NULL, "and those to come, one a line, until ^C", NULL },
    { "age", KEY_AGE, "TIME", FOR_PURGE, NULL, "only tasks unchanged for so long", NULL },
    { "dry-run", KEY_DRY, NULL, FOR_PURGE, NULL, "count, change nothing", NULL },
    { "run-timeout", KEY_RUN_TIMEOUT, "TIME", FOR_SET, NULL,
      "an attempt running longer is revoked and charged: 10m, none, or configured", "none configured" },
    { "stall-timeout", KEY_STALL_TIMEOUT, "TIME", FOR_SET, NULL, "one whose progress stands still so long too; likewise",
      "none configured" },
    { "interval", KEY_INTERVAL, "TIME", FOR_REPEAT, NULL, "between two looks (2s)", NULL },
    { "times", KEY_TIMES, "N", FOR_REPEAT, NULL, "look so often, then end (0: until ^C)", NULL },
    { "warning", KEY_WARNING, "N", FOR_CHECK, NULL, "WARNING from so many queued tasks on (100)", NULL },
    { "critical", KEY_CRITICAL, "N", FOR_CHECK, NULL, "CRITICAL from so many queued tasks on (1000)", NULL },
    { "count", KEY_COUNT, "N", FOR_BENCH, NULL, "tasks (1000)", NULL },
    { "inflight", KEY_INFLIGHT, "N", FOR_BENCH, NULL, "at the same time (64)", NULL },
    { "bytes", KEY_BYTES, "BYTES", FOR_BENCH, NULL, "of each input (1K)", NULL },
    { NULL, 0, NULL, 0, NULL, NULL, NULL },
};

#define ASKS (FOR_BROKER | FOR_OUTPUT)

const struct command cli_commands[] = {
    { "prove", NULL, "WITNESS PROOF PUBLIC", 3, 3, ASKS | FOR_SUBMIT | FOR_RESULT | FOR_WAIT,
      "have a witness proved: submit, wait, verify, write both files", run_prove },
    { "task", "submit", "INPUT", 1, 1, ASKS | FOR_SUBMIT, "hand a task in and print its id", run_task_submit },
    { "task", "wait", "ID [PROOF PUBLIC | FILE]", 1, 3, ASKS | FOR_RESULT | FOR_WAIT,
      "wait until it is over, and write the result", run_task_wait },
    { "task", "show", "ID", 1, 1, ASKS, "how it stands", run_task_show },
    { "task", "ls", "", 0, 0, ASKS | FOR_TASKS, "tasks, in the order of their submits", run_task_ls },
    { "task", "cancel", "ID...", 1, 1000, ASKS, "stop it, queued or running", run_task_cancel },
    { "task", "kick", "ID...", 1, 1000, ASKS, "queue a dead, cancelled or expired one again (administrators)",
      run_task_kick },
    { "task", "fetch", "ID [PROOF PUBLIC | FILE]", 1, 3, ASKS | FOR_RESULT, "the result once more, while it is kept",
      run_task_fetch },
    { "queue", "ls", "", 0, 0, ASKS, "queues and what is in them", run_queue_ls },
    { "queue", "show", "QUEUE", 1, 1, ASKS, "all about one queue", run_queue_show },
    { "queue", "pause", "QUEUE", 1, 1, ASKS, "nothing more is given out (administrators)", run_queue_pause },
    { "queue", "resume", "QUEUE", 1, 1, ASKS, "give out again (administrators)", run_queue_resume },
    { "queue", "set", "QUEUE", 1, 1, ASKS | FOR_SET,
      "its timeouts, whatever the broker's configuration says (administrators)", run_queue_set },
    { "queue", "purge", "QUEUE", 1, 1, ASKS | FOR_PURGE, "cancel its tasks, running ones too (administrators)",
      run_queue_purge },
    { "prover", "ls", "", 0, 0, ASKS, "provers and what they do", run_prover_ls },
    { "prover", "drain", "PROVER", 1, 1, ASKS, "no new tasks for it (administrators)", run_prover_drain },
    { "prover", "resume", "PROVER", 1, 1, ASKS, "new tasks for it again (administrators)", run_prover_resume },
    { "key", "gen", "FILE", 1, 1, FOR_OUTPUT, "make a key pair: FILE to keep, FILE.pub to hand out", run_key_gen },
    { "key", "show", "FILE", 1, 1, FOR_OUTPUT, "the public key in a key file", run_key_show },
    { "key", "check", "[FILE]", 0, 1, ASKS,
      "is it usable, kept from others, and (with --broker) let in? Exit 4 it is not allowed, 8 wrong --server-key, 5 no broker",
      run_key_check },
    { "status", NULL, "", 0, 0, ASKS, "the broker's figures", run_status },
    { "top", NULL, "", 0, 0, FOR_BROKER | FOR_REPEAT, "queues and provers, again and again", run_top },
    { "events", NULL, "", 0, 0, ASKS | FOR_REPEAT | FOR_EVENTS, "what happened lately to tasks, provers, queues", run_events },
    { "check", NULL, "", 0, 0, FOR_BROKER | FOR_CHECK, "for Nagios: 0 fine, 1 warning, 2 critical, 3 unknown",
      run_check },
    { "bench", NULL, "", 0, 0, ASKS | FOR_SUBMIT | FOR_BENCH,
      "tasks a second and their delays, through a queue that echoes", run_bench },
    { NULL, NULL, NULL, 0, 0, 0, NULL, NULL },
};

const char *command_name(const struct command *c, char to[64])
{
    snprintf(to, 64, "%s%s%s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "");
    return to;
}

/* ---- values ---- */

/* A number and the unit behind it; false for anything else, or too large. */
static bool number_with(uint64_t *out, const char *text, const char *const *units, const uint64_t *factors)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || end == text || *text == '-') return false;
    for (size_t i = 0; units[i]; i++) {
        if (strcmp(end, units[i]) != 0) continue;
        if (n > INT64_MAX / factors[i]) return false;
        *out = n * factors[i];
        return true;
    }
    return false;
}

static bool time_of(uint64_t *ms, const char *text)
{
    static const char *const units[] = { "", "ms", "s", "m", "h", "d", NULL };
    static const uint64_t factors[] = { 1000, 1, 1000, 60000, 3600000, 86400000 };
    return number_with(ms, text, units, factors);
}

static bool bytes_of(uint64_t *bytes, const char *text)
{
    static const char *const units[] = { "", "K", "M", "G", "T", NULL };
    static const uint64_t factors[] = { 1, 1024, 1 << 20, 1 << 30, UINT64_C(1) << 40 };
    return number_with(bytes, text, units, factors);
}

static bool count_of(uint64_t *n, const char *text)
{
    static const char *const units[] = { "", NULL };
    static const uint64_t factors[] = { 1 };
    return number_with(n, text, units, factors);
}

static bool word_of(int *value, const char *text, const char *const *words)
{
    for (int i = 0; words[i]; i++) {
        if (strcmp(text, words[i]) != 0) continue;
        *value = i;
        return true;
    }
    return false;
}

static bool deadline_of(struct cli *c, const char *text)
{
    uint64_t ms;
    if (!time_of(&ms, text)) return false;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    c->deadline_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + ms;
    return true;
}

static bool on_restart_of(struct cli *c, const char *text)
{
    static const char *const words[] = { "keep", "cancel", NULL };
    int value;
    if (word_of(&value, text, words)) {
        c->on_restart = value ? PV_RESTART_CANCEL : PV_RESTART_KEEP;
        return true;
    }
    c->on_restart = PV_RESTART_TTL;
    return time_of(&c->ttl_ms, text);
}

static bool timeout_of(int64_t *ms, const char *text)
{
    static const char *const words[] = { "configured", "none", NULL };
    int value;
    uint64_t n;
    if (word_of(&value, text, words)) {
        *ms = value ? PV_NO_LIMIT : PV_CONFIGURED;
        return true;
    }
    if (!time_of(&n, text)) return false;
    *ms = n ? (int64_t)n : PV_NO_LIMIT;
    return true;
}

static bool state_of(struct cli *c, const char *text)
{
    enum pv_task_state s;
    if (pv_task_state_of_word(&s, text) != PV_OK) return false;
    c->states |= 1u << s;
    c->state = text;
    return true;
}

static bool take_word(struct cli *c, int key, const char *text)
{
    static const char *const outputs[] = { "table", "json", NULL };
    static const char *const progresses[] = { "auto", "bar", "json", "none", NULL };
    static const char *const busy[] = { "wait", "fail", NULL };
    int value = 0;
    bool good = word_of(&value, text, key == KEY_OUTPUT ? outputs : key == KEY_BUSY ? busy : progresses);
    if (!good) return false;
    if (key == KEY_OUTPUT)
        c->output = (enum output)value;
    else if (key == KEY_BUSY)
        c->busy_fail = value == 1;
    else
        c->progress = (enum progress)value;
    return true;
}

static bool take_number(struct cli *c, int key, const char *text)
{
    uint64_t n = 0;
    switch (key) {
    case KEY_TIMEOUT:
        if (!time_of(&n, text)) return false;
        c->timeout_ms = (int64_t)n;
        return true;
    case KEY_CONNECT:
        if (!time_of(&n, text)) return false;
        c->connect_ms = (int64_t)n;
        return true;
    case KEY_PRIORITY:
        if (!count_of(&n, text) || n > 9) return false;
        c->priority = n == 0 ? PV_PRIORITY_LOWEST : (int)n;
        return true;
    case KEY_VRAM:
        return bytes_of(&c->need_vram, text);
    case KEY_RAM:
        return bytes_of(&c->need_ram, text);
    case KEY_AGE:
        return time_of(&c->age_ms, text);
    case KEY_RUN_TIMEOUT:
        return timeout_of(&c->run_timeout_ms, text);
    case KEY_STALL_TIMEOUT:
        return timeout_of(&c->stall_timeout_ms, text);
    case KEY_LIMIT:
        return count_of(&c->limit, text) && c->limit > 0;
    case KEY_INTERVAL:
        return time_of(&c->interval_ms, text) && c->interval_ms > 0;
    case KEY_TIMES:
        return count_of(&c->times, text);
    case KEY_WARNING:
        return count_of(&c->warning, text);
    case KEY_CRITICAL:
        return count_of(&c->critical, text);
    case KEY_COUNT:
        return count_of(&c->count, text) && c->count > 0;
    case KEY_INFLIGHT:
        return count_of(&c->inflight, text) && c->inflight > 0;
    default:
        return bytes_of(&c->bytes, text);
    }
}

/* One option with its text. False: the text makes no sense. */
static bool take(struct cli *c, int key, const char *text)
{
    switch (key) {
    case KEY_BROKER:
        c->broker = text;
        return true;
    case KEY_INSECURE:
        c->insecure = true;
        return true;
    case KEY_KEY:
        c->key_file = text;
        return true;
    case KEY_SERVER_KEY:
        c->server_key = text;
        return true;
    case KEY_NAME:
        c->name = text;
        return true;
    case KEY_QUEUE:
        c->queue = text;
        return true;
    case KEY_CIRCUIT:
        c->circuit = text;
        return true;
    case KEY_ID:
        c->id = text;
        return true;
    case KEY_GROUP:
        c->group = text;
        return true;
    case KEY_VKEY:
        c->vkey = text;
        return true;
    case KEY_AFTER:
        c->after = text;
        return true;
    case KEY_WIDE:
        c->wide = true;
        return true;
    case KEY_FOLLOW:
        c->follow = true;
        return true;
    case KEY_REVIVE:
        c->revive = true;
        return true;
    case KEY_CANCEL:
        c->cancel_on_interrupt = true;
        return true;
    case KEY_DRY:
        c->dry_run = true;
        return true;
    case KEY_DEADLINE:
        return deadline_of(c, text);
    case KEY_ON_RESTART:
        return on_restart_of(c, text);
    case KEY_STATE:
        return state_of(c, text);
    case KEY_OUTPUT:
    case KEY_BUSY:
    case KEY_PROGRESS:
        return take_word(c, key, text);
    default:
        return take_number(c, key, text);
    }
}

/* ---- parsing ---- */

static error_t on_option(int key, char *text, struct argp_state *state)
{
    struct cli *c = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (c->args_n == c->command->args_max) argp_error(state, "too many arguments: %s", text);
        c->args = state->argv + state->next - 1;
        c->args_n = state->argc - state->next + 1;
        if (c->args_n > c->command->args_max) argp_error(state, "too many arguments");
        state->next = state->argc;
        return 0;
    case ARGP_KEY_END:
        if (c->args_n < c->command->args_min) argp_error(state, "wanted: %s", c->command->args);
        return 0;
    default:
        break;
    }
    for (const struct cli_option *o = cli_options; o->name; o++) {
        if (o->key != key) continue;
        if (!take(c, key, text)) argp_error(state, "--%s: not understood: %s", o->name, text);
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static void read_environment(struct cli *c)
{
    for (const struct cli_option *o = cli_options; o->name; o++) {
        const char *value = o->env && o->scopes & c->command->scopes ? getenv(o->env) : NULL;
        if (!value || !*value || (!o->arg && strcmp(value, "0") == 0)) continue;
        if (take(c, o->key, value)) continue;
        fprintf(stderr, "provost: %s: not understood: %s\n", o->env, value);
        exit(pv_status_exit(PV_USAGE));
    }
}

static void parse_with(struct cli *c, int argc, char **argv)
{
    struct argp_option table[64] = { { 0 } };
    size_t n = 0;
    for (const struct cli_option *o = cli_options; o->name; o++) {
        if (o->scopes & c->command->scopes)
            table[n++] = (struct argp_option){ .name = o->name, .key = o->key, .arg = o->arg, .doc = o->doc };
    }
    char name[80] = "provost ";
    command_name(c->command, name + 8);
    argv[0] = name; /* argp's messages name the command too */
    struct argp argp = { .options = table, .parser = on_option, .args_doc = c->command->args, .doc = c->command->doc };
    /* Nagios reads 2 as CRITICAL; a wrong command line is UNKNOWN. */
    argp_err_exit_status = c->command->run == run_check ? 3 : pv_status_exit(PV_USAGE);
    argp_parse(&argp, argc, argv, 0, NULL, c);
}

static void print_commands(FILE *to)
{
    fprintf(to, "Usage: provost COMMAND [OPTION...]\n\n");
    for (const struct command *c = cli_commands; c->noun; c++) {
        char name[64];
        fprintf(to, "  %-14s %-26s %s\n", command_name(c, name), c->args, c->doc);
    }
    fprintf(to, "\nprovost COMMAND --help tells more. Exit status: 0 ok, 1 failure, 2 usage, 3 not found, 4 "
                "unauthorised, 5 broker\n"
                "unreachable, 6 deadline, 7 cancelled, 8 invalid input, 9 proof did not verify, 10 out of memory, 11 "
                "busy, 130 interrupted.\n");
}

static const struct command *find(int argc, char **argv, int *used)
{
    for (const struct command *c = cli_commands; c->noun; c++) {
        if (argc < 2 || strcmp(argv[1], c->noun) != 0) continue;
        if (c->verb && (argc < 3 || strcmp(argv[2], c->verb) != 0)) continue;
        *used = c->verb ? 2 : 1;
        return c;
    }
    return NULL;
}

static void without_command(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--help") == 0 || strcmp(word, "help") == 0 || strcmp(word, "-?") == 0) {
        print_commands(stdout);
        exit(0);
    }
    if (strcmp(word, "--version") == 0) {
        printf("provost %s\n", pv_version());
        exit(0);
    }
    if (strcmp(word, "--generate") == 0 && argc == 3 && cli_generate(argv[2])) exit(0);
    if (*word)
        fprintf(stderr, "provost: unknown command: %s%s%s\n", word, argc > 2 ? " " : "", argc > 2 ? argv[2] : "");
    print_commands(stderr);
    exit(pv_status_exit(PV_USAGE));
}

void cli_parse(struct cli *c, int argc, char **argv)
{
    *c = (struct cli){ .name = "provost-cli",
                       .timeout_ms = -1,
                       .connect_ms = 5000,
                       .limit = 1000,
                       .interval_ms = 2000,
                       .warning = 100,
                       .critical = 1000,
                       .count = 1000,
                       .inflight = 64,
                       .bytes = 1024 };
    int used = 0;
    c->command = find(argc, argv, &used);
    if (!c->command) without_command(argc, argv);
    read_environment(c);
    c->states = 0;
    parse_with(c, argc - used, argv + used);
}
