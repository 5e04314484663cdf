#include "options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    case KEY_VRAM: return bytes_of(&c->need_vram, text);
    case KEY_RAM: return bytes_of(&c->need_ram, text);
    case KEY_AGE: return time_of(&c->age_ms, text);
    case KEY_RUN_TIMEOUT: return timeout_of(&c->run_timeout_ms, text);
    case KEY_STALL_TIMEOUT: return timeout_of(&c->stall_timeout_ms, text);
    case KEY_LIMIT: return count_of(&c->limit, text) && c->limit > 0;
    case KEY_INTERVAL: return time_of(&c->interval_ms, text) && c->interval_ms > 0;
    case KEY_TIMES: return count_of(&c->times, text);
    case KEY_WARNING: return count_of(&c->warning, text);
    case KEY_CRITICAL: return count_of(&c->critical, text);
    case KEY_COUNT: return count_of(&c->count, text) && c->count > 0;
    case KEY_INFLIGHT: return count_of(&c->inflight, text) && c->inflight > 0;
    default: return bytes_of(&c->bytes, text);
    }
}

/* One option with its text. False: the text makes no sense. */
static bool take(struct cli *c, int key, const char *text)
{
    switch (key) {
    case KEY_BROKER: c->broker = text; return true;
    case KEY_INSECURE: c->insecure = true; return true;
    case KEY_KEY: c->key_file = text; return true;
    case KEY_SERVER_KEY: c->server_key = text; return true;
    case KEY_NAME: c->name = text; return true;
    case KEY_QUEUE: c->queue = text; return true;
    case KEY_CIRCUIT: c->circuit = text; return true;
    case KEY_ID: c->id = text; return true;
    case KEY_GROUP: c->group = text; return true;
    case KEY_VKEY: c->vkey = text; return true;
    case KEY_AFTER: c->after = text; return true;
    case KEY_WIDE: c->wide = true; return true;
    case KEY_FOLLOW: c->follow = true; return true;
    case KEY_REVIVE: c->revive = true; return true;
    case KEY_CANCEL: c->cancel_on_interrupt = true; return true;
    case KEY_DRY: c->dry_run = true; return true;
    case KEY_DEADLINE: return deadline_of(c, text);
    case KEY_ON_RESTART: return on_restart_of(c, text);
    case KEY_STATE: return state_of(c, text);
    case KEY_OUTPUT:
    case KEY_BUSY:
    case KEY_PROGRESS: return take_word(c, key, text);
    default: return take_number(c, key, text);
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
    default: break;
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
