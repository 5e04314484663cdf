#include "options.h"

#include "commands.h"
#include "generate.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* argp wants a number for each option: its letter, or one above all letters. */
enum { WITHOUT_LETTER = 256 };

static int key_of(const struct cli_option *o)
{
    return o->letter ? o->letter : WITHOUT_LETTER + (int)(o - cli_options);
}

static void unexpected(struct argp_state *state, const char *text)
{
    argp_error(state, "unexpected argument \"%s\"", text);
}

/* How many arguments an option takes the place of, the first ones: --input that of the witness. */
static int replaced(const struct cli *c)
{
    return c->input && c->command->scopes & FOR_INPUT ? 1 : 0;
}

/* The first argument that was not given, by its name in the usage: "WITNESS PROOF PUBLIC", "ID...". */
static void missing(const struct cli *c, struct argp_state *state)
{
    const char *name = c->command->args;
    for (int i = 0; i < c->args_n + replaced(c); i++) name += strcspn(name, " ") + 1;
    argp_error(state, "missing argument: %.*s", (int)strcspn(name, " ."), name);
}

static void on_argument(struct cli *c, const char *text, struct argp_state *state)
{
    int most = c->command->args_max - replaced(c);
    if (most == 0) unexpected(state, text);
    c->args = state->argv + state->next - 1;
    c->args_n = state->argc - state->next + 1;
    if (c->args_n > most) unexpected(state, c->args[most]);
    state->next = state->argc;
}

static error_t on_option(int key, char *text, struct argp_state *state)
{
    struct cli *c = state->input;
    char why[SETTINGS_WHY_BYTES];
    switch (key) {
    case 'h': argp_state_help(state, state->out_stream, ARGP_HELP_STD_HELP); return 0;
    case ARGP_KEY_ARG: on_argument(c, text, state); return 0;
    case ARGP_KEY_END:
        if (c->args_n < c->command->args_min - replaced(c)) missing(c, state);
        return 0;
    default: break;
    }
    for (const struct cli_option *o = cli_options; o->setting.name; o++) {
        if (key_of(o) != key) continue;
        if (setting_of_flag(&o->setting, c, text ? text : "yes", why) != PV_OK) argp_error(state, "%s", why);
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

/* Nagios reads 2 as CRITICAL; a wrong command line is UNKNOWN. */
static int usage_exit(const struct cli *c)
{
    return c->command->run == run_check ? 3 : pv_status_exit(PV_USAGE);
}

/* PROVOST_CLIENT_<NAME>, which is read here alone, else PROVOST_<NAME>; name tells which. An empty one is as if it were not
 * set. */
static const char *variable_value(char name[SETTING_NAME_BYTES], const char *option)
{
    static const char *const programs[] = { "client", NULL };
    for (int i = 0; i < 2; i++) {
        const char *value = getenv(setting_variable(name, programs[i], option));
        if (value && *value) return value;
    }
    return NULL;
}

static void read_environment(struct cli *c)
{
    char name[SETTING_NAME_BYTES], why[SETTINGS_WHY_BYTES];
    for (const struct cli_option *o = cli_options; o->setting.name; o++) {
        const char *value = NULL;
        if (o->env && o->scopes & c->command->scopes) value = variable_value(name, o->setting.name);
        if (!value || setting_of_variable(&o->setting, c, name, value, why) == PV_OK) continue;
        fprintf(stderr, "provost: %s\n", why);
        exit(usage_exit(c));
    }
}

static void parse_with(struct cli *c, int argc, char **argv)
{
    struct argp_option table[64] = { { 0 } };
    size_t n = 0;
    for (const struct cli_option *o = cli_options; o->setting.name; o++) {
        const struct setting *s = &o->setting;
        if (o->scopes & c->command->scopes)
            table[n++] = (struct argp_option){ .name = s->name, .key = key_of(o), .arg = s->arg, .doc = s->meaning };
    }
    table[n++] = (struct argp_option){ .name = "help", .key = 'h', .doc = "Show this help", .group = -1 };
    char name[80] = "provost ";
    command_name(c->command, name + 8);
    argv[0] = name; /* argp's messages name the command too */
    struct argp argp = { .options = table, .parser = on_option, .args_doc = c->command->args, .doc = c->command->doc };
    argp_err_exit_status = usage_exit(c);
    argp_parse(&argp, argc, argv, 0, NULL, c);
}

/* All commands, or those of one noun. */
static void print_commands(FILE *to, const char *noun)
{
    fprintf(to, "Usage: provost COMMAND [OPTION...]\n\n");
    for (const struct command *c = cli_commands; c->noun; c++) {
        char name[64];
        if (noun && strcmp(c->noun, noun) != 0) continue;
        fprintf(to, "  %-14s %-26s %s\n", command_name(c, name), c->args, c->doc);
    }
    fprintf(to, "\nprovost help COMMAND tells more.");
    fputc('\n', to);
    if (noun) return;
    fprintf(to, "\nExit status:\n");
    for (const struct cli_exit *e = cli_exits; e->word; e++) fprintf(to, "  %-3d %s\n", e->status, e->word);
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

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "help") == 0 || strcmp(word, "-h") == 0 ||
           strcmp(word, "-?") == 0;
}

static bool is_noun(const char *word)
{
    for (const struct command *c = cli_commands; c->noun; c++)
        if (strcmp(c->noun, word) == 0) return true;
    return false;
}

/* Some commands are a word alone: "provost status". */
static bool has_verbs(const char *noun)
{
    for (const struct command *c = cli_commands; c->noun; c++)
        if (strcmp(c->noun, noun) == 0) return c->verb;
    return false;
}

/* The verbs of a noun, or without one all the nouns. */
static void list_words(const char *noun)
{
    fprintf(stderr, noun ? "Verbs:" : "Commands:");
    const char *last = "";
    for (const struct command *c = cli_commands; c->noun; c++) {
        const char *name = noun ? c->verb : c->noun;
        if ((noun && strcmp(c->noun, noun) != 0) || strcmp(name, last) == 0) continue;
        fprintf(stderr, " %s", name);
        last = name;
    }
    fprintf(stderr, "\n");
}

/* A short usage: what was not understood, and what would be. */
static void short_usage(const char *word, const char *verb)
{
    bool noun = is_noun(word);
    if (!*word)
        fprintf(stderr, "provost: missing command\n");
    else if (noun && has_verbs(word) && !*verb)
        fprintf(stderr, "provost: missing verb: provost %s ...\n", word);
    else
        fprintf(stderr, "provost: unknown command: %s%s%s\n", word, noun ? " " : "", noun ? verb : "");
    if (!noun || has_verbs(word)) list_words(noun ? word : NULL);
    fprintf(stderr, "provost help%s%s tells more.\n", noun ? " " : "", noun ? word : "");
    exit(pv_status_exit(PV_USAGE));
}

static void without_command(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "", *verb = argc > 2 ? argv[2] : "";
    if (asks_for_help(word) && !*verb) {
        print_commands(stdout, NULL);
        exit(0);
    }
    const char *noun = asks_for_help(word) ? verb : word;
    bool asked = asks_for_help(word) ? argc == 3 : asks_for_help(verb);
    if (asked && is_noun(noun)) {
        print_commands(stdout, noun);
        exit(0);
    }
    if (asks_for_help(word)) short_usage(noun, argc > 3 ? argv[3] : "");
    if (strcmp(word, "--version") == 0) {
        printf("provost %s\n", pv_version());
        exit(0);
    }
    if (strcmp(word, "--generate") == 0 && argc == 3 && cli_generate(argv[2])) exit(0);
    short_usage(word, verb);
}

void cli_parse(struct cli *c, int argc, char **argv)
{
    *c = (struct cli){ .timeout_ms = -1 };
    for (const struct cli_option *o = cli_options; o->setting.name; o++) settings_default(&o->setting, 1, c);
    int used = 0;
    /* help VERB is VERB --help */
    char *help[4] = { argv[0], argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL, NULL };
    if (argc > 2 && argc <= 4 && strcmp(argv[1], "help") == 0 && (c->command = find(argc - 1, help, &used))) {
        static char *asked[] = { NULL, "--help", NULL };
        if (used == argc - 2) parse_with(c, 2, asked);
    }
    c->command = find(argc, argv, &used);
    if (!c->command) without_command(argc, argv);
    read_environment(c);
    parse_with(c, argc - used, argv + used);
}
