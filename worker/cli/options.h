/** What the arguments and the environment of a `provost` command say. The tables that they are read by: commands.h. */
#ifndef PV_CLI_OPTIONS_H
#define PV_CLI_OPTIONS_H

#include "provost.h"

#include <stdbool.h>
#include <stdint.h>

enum output { OUTPUT_TABLE, OUTPUT_JSON };
enum progress { PROGRESS_AUTO, PROGRESS_BAR, PROGRESS_JSON, PROGRESS_NONE };
enum busy { BUSY_WAIT, BUSY_FAIL };

/** Strings are argv's or the environment's. */
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
    bool revive;
    const char *traceparent;
    enum busy busy;

    const char *principal;
    const char *input;           /* a file: input.json instead of a witness */
    const char *vkey, *expected; /* files */
    bool development_key;
    enum progress progress;
    bool cancel_on_interrupt;

    unsigned states; /* bits 1 << state */
    const char *state, *after;
    uint64_t limit, age_ms;
    bool dry_run, yes, results;
    int64_t run_timeout_ms, stall_timeout_ms; /* as pv_queue_settings */
    bool follow;
    uint64_t interval_ms, times;
    uint64_t warning, critical;
    uint64_t count, inflight, bytes;
};

/** Reads argv (argv[0] the program, then noun and verb) and the environment; help and wrong usage end the process. */
void cli_parse(struct cli *cli, int argc, char **argv);

#endif
