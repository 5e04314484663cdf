/** The command line's one table of options and one of commands: parsing, help, man page and completions come from these. */
#ifndef PV_CLI_OPTIONS_H
#define PV_CLI_OPTIONS_H

#include "provost.h"

#include <stdbool.h>
#include <stdint.h>

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
};

enum output { OUTPUT_TABLE, OUTPUT_JSON };
enum progress { PROGRESS_AUTO, PROGRESS_BAR, PROGRESS_JSON, PROGRESS_NONE };

/** What the arguments say. Strings are argv's or the environment's. */
struct cli {
    const struct command *command;
    char **args;
    int args_n;

    const char *broker, *key_file, *server_key, *name;
    bool insecure;
    int64_t timeout_ms; /* -1: the command's own */
    int64_t connect_ms;
    enum output output;
    bool wide;

    const char *queue, *circuit, *id, *group;
    int priority;
    uint64_t deadline_ms; /* Unix time */
    enum pv_on_restart on_restart;
    uint64_t ttl_ms, need_vram, need_ram;
    bool revive, busy_fail;

    const char *vkey;
    enum progress progress;
    bool cancel_on_interrupt;

    unsigned states; /* bits 1 << state */
    const char *state, *after;
    uint64_t limit, age_ms;
    bool dry_run;
    int64_t run_timeout_ms, stall_timeout_ms; /* as pv_queue_settings */
    bool follow;
    uint64_t interval_ms, times;
    uint64_t warning, critical;
    uint64_t count, inflight, bytes;
};

/* The letters and numbers of the options. */
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

struct cli_option {
    const char *name;
    int key;         /* its letter, or a number above 255 */
    const char *arg; /* NULL: a flag */
    unsigned scopes;
    const char *env; /* read when the option is not given */
    const char *doc;
    const char *words; /* for completion: what arg may be, or "@file", or NULL */
};
extern const struct cli_option cli_options[]; /* ends with name NULL */

struct command {
    const char *noun, *verb; /* verb NULL: the noun is the command */
    const char *args;
    int args_min, args_max;
    unsigned scopes;
    const char *doc;
    int (*run)(struct cli *cli);
};
extern const struct command cli_commands[]; /* ends with noun NULL */

/** Reads argv (argv[0] the program, then noun and verb) and the environment; help and wrong usage end the process. */
void cli_parse(struct cli *cli, int argc, char **argv);

/** "prove" or "task submit". */
const char *command_name(const struct command *c, char to[64]);

/** Prints the man page, or the completions for a shell, from the tables. False: what is neither. */
bool cli_generate(const char *what);

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
