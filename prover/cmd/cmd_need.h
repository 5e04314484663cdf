/** What a key needs of a GPU, as inspect and bench say it: of this machine's, or of one that is assumed. */
#ifndef PV_CMD_NEED_H
#define PV_CMD_NEED_H

#include "backend.h"

#include <argp.h>
#include <jansson.h>

/** The key of --gpu-memory SIZE in a command's table of options, and its help. */
enum { CMD_GPU_MEMORY = 0x203 };
#define CMD_GPU_MEMORY_HELP                                                                                            \
    "What it needs of a GPU with so much memory, such as 80G (default: of this machine's, or of one with 80G)"

/** The argument of --gpu-memory in bytes: 80G and 80GiB are the same. For anything else argp's error, which ends the process. */
size_t cmd_gpu_memory(const char *arg, struct argp_state *state);

struct cmd_need {
    struct backend_need gpu;
    struct prove_error none; /* status PV_OK when gpu holds; else why there is none */
    size_t assumed, least;   /* memory of the card that gpu is for, 0: this machine's; of the smallest, 0: none */
};

/** memory: of a card that is assumed; 0: the one that is here, or one with 80 GiB. */
void cmd_need_of(struct cmd_need *n, const struct zkey *z, const struct backend_options *options, size_t memory);

/** The plan, or null where there is none; the assumed card's memory, or null; the least. NULL: out of memory. */
json_t *cmd_need_json(const struct cmd_need *n);
json_t *cmd_need_assumed_json(const struct cmd_need *n);

#endif
