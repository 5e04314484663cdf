/** The one table of options and the one of commands: parsing, help, man page and completions are made from them. */
#ifndef PV_CLI_COMMANDS_H
#define PV_CLI_COMMANDS_H

#include "options.h"
#include "settings.h"

/* Which commands take an option: bits. */
enum {
    FOR_BROKER = 1,   /* all that talk to a broker */
    FOR_OUTPUT = 2,   /* all that print something */
    FOR_SUBMIT = 4,   /* prove, task submit, bench */
    FOR_RESULT = 8,   /* prove, task wait, task fetch: verify and write */
    FOR_WAIT = 16,    /* prove, task wait */
    FOR_TASKS = 32,   /* task ls */
    FOR_PURGE = 64,   /* queue purge */
    FOR_REPEAT = 128, /* top, events */
    FOR_CHECK = 256,
    FOR_BENCH = 512,
    FOR_SET = 1024, /* queue set */
    FOR_EVENTS = 2048,
    FOR_PROVER = 4096, /* prover drain, resume */
    FOR_INPUT = 8192,  /* prove, task submit */
};

struct cli_option {
    char letter; /* 0: none */
    unsigned scopes;
    bool env;               /* its variable is read when the option is not given */
    const char *words;      /* for completion: what the value may be, or "@file", or NULL */
    struct setting setting; /* of struct cli */
};
extern const struct cli_option cli_options[]; /* ends with a name of NULL */

struct command {
    const char *noun, *verb; /* verb NULL: the noun is the command */
    const char *args;
    int args_min, args_max;
    unsigned scopes;
    const char *doc;
    int (*run)(struct cli *cli);
};
extern const struct command cli_commands[]; /* ends with a noun of NULL */

struct cli_exit {
    int status;
    const char *word, *meaning;
};
extern const struct cli_exit cli_exits[]; /* what the program's exit status tells; ends with a word of NULL */

/** "prove" or "task submit". */
const char *command_name(const struct command *c, char to[64]);

/* The commands, each in its noun's do_*.c. They return the exit status. */
int run_prove(struct cli *cli);
int run_task_submit(struct cli *cli);
int run_task_wait(struct cli *cli);
int run_task_show(struct cli *cli);
int run_task_ls(struct cli *cli);
int run_task_cancel(struct cli *cli);
int run_task_kick(struct cli *cli);
int run_task_fetch(struct cli *cli);
int run_queue_ls(struct cli *cli);
int run_queue_show(struct cli *cli);
int run_queue_pause(struct cli *cli);
int run_queue_resume(struct cli *cli);
int run_queue_set(struct cli *cli);
int run_queue_purge(struct cli *cli);
int run_prover_ls(struct cli *cli);
int run_prover_show(struct cli *cli);
int run_prover_drain(struct cli *cli);
int run_prover_resume(struct cli *cli);
int run_key_gen(struct cli *cli);
int run_key_show(struct cli *cli);
int run_key_check(struct cli *cli);
int run_status(struct cli *cli);
int run_top(struct cli *cli);
int run_events(struct cli *cli);
int run_check(struct cli *cli);
int run_bench(struct cli *cli);

#endif
