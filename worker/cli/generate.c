/* Makes the man page and the completions from the tables of options and commands, so they say what --help says. */
#include "generate.h"

#include "commands.h"

#include <stdio.h>
#include <string.h>

/* Prints text with the characters of roff escaped. */
static void roff(const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '-' || *p == '\\') putchar('\\');
        if (*p == '.' && p == text) fputs("\\&", stdout);
        putchar(*p);
    }
}

static void man_option(const struct cli_option *o)
{
    char variable[SETTING_NAME_BYTES];
    printf(".TP\n");
    if (o->letter) printf("\\fB\\-%c\\fR, ", o->letter);
    printf("\\fB\\-\\-");
    roff(o->setting.name);
    printf("\\fR");
    if (o->setting.arg) printf("=\\fI%s\\fR", o->setting.arg);
    putchar('\n');
    roff(o->setting.meaning);
    if (o->env) printf(" [%s]", setting_variable(variable, NULL, o->setting.name));
    putchar('\n');
}

static void man_command(const struct command *c)
{
    char name[64];
    printf(".TP\n\\fBprovost %s\\fR ", command_name(c, name));
    roff(c->args);
    putchar('\n');
    roff(c->doc);
    printf(".\n");
    const char *before = "Options: ";
    for (const struct cli_option *o = cli_options; o->setting.name; o++) {
        if (!(o->scopes & c->scopes & ~(unsigned)(FOR_BROKER | FOR_OUTPUT))) continue;
        printf("%s\\-\\-", before);
        roff(o->setting.name);
        before = ", ";
    }
    printf("%s\n", *before == ',' ? "." : "");
}

static void man_exit(const struct cli_exit *e)
{
    printf(".TP\n\\fB%d\\fR %s\n", e->status, e->word);
    roff(e->meaning);
    printf(".\n");
}

static void man(void)
{
    printf(".TH PROVOST 1 \"\" \"provost %s\" \"User Commands\"\n.SH NAME\nprovost \\- proofs, tasks, queues, provers "
           "and keys of a "
           "Provost broker\n.SH SYNOPSIS\n.B provost\n.I COMMAND\n[\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n.SH "
           "COMMANDS\n",
           pv_version());
    for (const struct command *c = cli_commands; c->noun; c++) man_command(c);
    printf(".SH OPTIONS\nEach may also stand in the environment under the name in brackets; the option outranks it. "
           "Where that name has another program's value, PROVOST_CLIENT_... (PROVOST_CLIENT_KEY for PROVOST_KEY) is "
           "read first, "
           "and by this program alone.\n");
    for (const struct cli_option *o = cli_options; o->setting.name; o++) man_option(o);
    printf(".SH OUTPUT\nData goes to stdout, everything else to stderr. A file named \\- is stdin or stdout. With \\-o "
           "json every answer names its schema "
           "and version.\n"
           "NO_COLOR is honoured.\n.SH EXIT STATUS\n");
    for (const struct cli_exit *e = cli_exits; e->word; e++) man_exit(e);
    printf(".PP\n.B provost check\nexits as Nagios expects: 0 fine, 1 warning, 2 critical, 3 unknown.\n");
}

/* Prints all nouns, or the verbs of one noun, each once. */
static void words(const char *noun)
{
    const char *last = "";
    for (const struct command *c = cli_commands; c->noun; c++) {
        const char *word = noun ? c->verb : c->noun;
        if ((noun && (!c->verb || strcmp(c->noun, noun) != 0)) || strcmp(word, last) == 0) continue;
        printf("%s%s", *last ? " " : "", word);
        last = word;
    }
}

static void bash_commands(void)
{
    for (const struct command *c = cli_commands; c->noun; c++) {
        printf("    '%s%s%s') options='", c->noun, c->verb ? " " : "", c->verb ? c->verb : "");
        for (const struct cli_option *o = cli_options; o->setting.name; o++) {
            if (o->scopes & c->scopes) printf("--%s ", o->setting.name);
        }
        printf("--help' ;;\n");
    }
}

static void bash_values(void)
{
    for (const struct cli_option *o = cli_options; o->setting.name; o++) {
        if (!o->words) continue;
        printf("    --%s", o->setting.name);
        if (o->letter) printf("|-%c", o->letter);
        if (o->words[0] == '@')
            printf(") COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n");
        else
            printf(") COMPREPLY=($(compgen -W '%s' -- \"$word\")); return ;;\n", o->words);
    }
}

static void bash(void)
{
    printf("# bash completion for provost; made from its table of options.\n_provost()\n{\n  local "
           "word=${COMP_WORDS[COMP_CWORD]} "
           "before=${COMP_WORDS[COMP_CWORD-1]} command options\n  COMPREPLY=()\n  if [ \"$COMP_CWORD\" = 1 ]; then "
           "COMPREPLY=($(compgen "
           "-W '");
    words(NULL);
    printf("' -- \"$word\")); return; fi\n  command=${COMP_WORDS[1]}\n  case $command in\n");
    const char *last = "";
    for (const struct command *c = cli_commands; c->noun; c++) {
        if (!c->verb || strcmp(c->noun, last) == 0) continue;
        last = c->noun;
        printf("    %s) if [ \"$COMP_CWORD\" = 2 ]; then COMPREPLY=($(compgen -W '", c->noun);
        words(c->noun);
        printf("' -- \"$word\")); return; fi; command=\"$command ${COMP_WORDS[2]}\" ;;\n");
    }
    printf("  esac\n  case $before in\n");
    bash_values();
    printf("  esac\n  case $command in\n");
    bash_commands();
    printf("    *) options='' ;;\n  esac\n  case $word in\n    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) "
           ";;\n    *) "
           "COMPREPLY=($(compgen -f -- \"$word\")) ;;\n  esac\n}\ncomplete -o filenames -F _provost provost\n");
}

/* zsh runs bash's function in its emulation of bash. */
static void zsh(void)
{
    printf("#compdef provost\n# zsh completion for provost; made from its table of options.\nautoload -U +X "
           "bashcompinit && bashcompinit\n");
    bash();
}

static void fish_quote(const char *text)
{
    putchar('\'');
    for (const char *p = text; *p; p++) printf(*p == '\'' || *p == '\\' ? "\\%c" : "%c", *p);
    putchar('\'');
}

static void fish(void)
{
    printf("# fish completion for provost; made from its table of options.\n");
    const char *last = "";
    for (const struct command *c = cli_commands; c->noun; c++) {
        if (strcmp(c->noun, last) != 0) printf("complete -c provost -n __fish_use_subcommand -a %s\n", c->noun);
        last = c->noun;
        if (!c->verb) continue;
        printf("complete -c provost -n '__fish_seen_subcommand_from %s' -a %s -d ", c->noun, c->verb);
        fish_quote(c->doc);
        putchar('\n');
    }
    for (const struct cli_option *o = cli_options; o->setting.name; o++) {
        printf("complete -c provost -l %s", o->setting.name);
        if (o->letter) printf(" -s %c", o->letter);
        if (o->setting.arg) printf(" -r");
        if (o->words && o->words[0] != '@') printf(" -f -a '%s'", o->words);
        printf(" -d ");
        fish_quote(o->setting.meaning);
        putchar('\n');
    }
}

bool cli_generate(const char *what)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } kinds[] = { { "man", man }, { "bash", bash }, { "zsh", zsh }, { "fish", fish } };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, what) != 0) continue;
        kinds[i].print();
        return true;
    }
    return false;
}
