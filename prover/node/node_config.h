/** The node's settings: one list gives the flag, the environment variable, the key in the file and --print-config.
 *
 *  A flag beats PROVOST_<NAME>, which beats the file (/etc/provost/prover.yaml, or --config), which beats the default.
 *  In the file a key that is not listed is an error with its line. Sizes may end in K, M or G (powers of 1024); lists
 *  have commas between their items, and a list's flag may be given several times.
 */
#ifndef PV_NODE_CONFIG_H
#define PV_NODE_CONFIG_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* X(name, KIND, default, low, high, "ARG", "meaning")     flag --na-me, environment PROVOST_NA_ME, file na_me
 *   TEXT, LIST  const char *; empty means none     NUMBER  uint64_t in low..high     SIZE  the same, in bytes
 *   SWITCH  bool */
#define NODE_CONFIG_LIST(X)                                                                                            \
    X(broker, LIST, "", 0, 0, "tcp://HOST:PORT", "dial out to this broker; several are tried in turn")                 \
    X(queue, LIST, "", 0, 0, "NAME[:HANDLER]", "serve this queue, with groth16 or echo (default groth16)")             \
    X(circuits, TEXT, "", 0, 0, "DIR", "keys: DIR/NAME.zkey or DIR/NAME/circuit.zkey")                                 \
    X(name, TEXT, "", 0, 0, "NAME", "of this node (default: the host's)")                                              \
    X(state, TEXT, "", 0, 0, "DIR", "where finished results wait until the broker has them; without it, in memory")    \
    X(slots, NUMBER, "1", 1, 64, "N", "tasks computed at once")                                                        \
    X(prefetch, NUMBER, "1", 0, 64, "N", "inputs fetched ahead")                                                       \
    X(memory, SIZE, "0", 0, 1ull << 50, "BYTES", "what keys and proofs may take (0: three quarters of the machine's)") \
    X(input_max, SIZE, "512M", 1, 1ull << 40, "BYTES", "larger inputs are handed back")                                \
    X(backend, TEXT, "auto", 0, 0, "auto|cpu|cuda", "who does the sums: a GPU where one is usable")                    \
    X(device, NUMBER, "0", 0, 1023, "N", "which GPU")                                                                  \
    X(threads, NUMBER, "0", 0, 4096, "N", "CPU threads (0: every core)")                                               \
    X(plan, TEXT, "latency", 0, 0, "latency|throughput",                                                               \
      "a proof gets all threads; or its slot's share of them, and slots is the cores unless it is set")                \
    X(insecure, SWITCH, "no", 0, 1, NULL, "no keys: only for a broker on loopback")                                    \
    X(key, TEXT, "", 0, 0, "FILE", "this node's key, as provost key gen writes it")                                    \
    X(server_key, TEXT, "", 0, 0, "FILE", "the broker's public key; with commas, one for each broker")                 \
    X(grace_s, NUMBER, "110", 0, 1000000, "SECONDS", "how long a drain may take before the rest is handed back")       \
    X(log, TEXT, "text", 0, 0, "text|json", "form of the log lines")                                                   \
    X(log_level, TEXT, "info", 0, 0, "LEVEL", "error, warn, info or debug")

enum node_config_origin { NODE_CONFIG_DEFAULT, NODE_CONFIG_FILE, NODE_CONFIG_ENVIRONMENT, NODE_CONFIG_FLAG };

#define NODE_CONFIG_MEMBER_TEXT(name) const char *name;
#define NODE_CONFIG_MEMBER_LIST(name) const char *name;
#define NODE_CONFIG_MEMBER_NUMBER(name) uint64_t name;
#define NODE_CONFIG_MEMBER_SIZE(name) uint64_t name;
#define NODE_CONFIG_MEMBER_SWITCH(name) bool name;
#define NODE_CONFIG_MEMBER(name, KIND, fallback, low, high, arg, meaning) NODE_CONFIG_MEMBER_##KIND(name)
#define NODE_CONFIG_NUMBERED(name, KIND, fallback, low, high, arg, meaning) NODE_CONFIG_##name,

enum node_config_setting { NODE_CONFIG_LIST(NODE_CONFIG_NUMBERED) NODE_CONFIG_SETTINGS };
enum { NODE_CONFIG_WHY_BYTES = 512 };

struct node_config {
    NODE_CONFIG_LIST(NODE_CONFIG_MEMBER)
    enum node_config_origin origin[NODE_CONFIG_SETTINGS];
    const char *text[NODE_CONFIG_SETTINGS];
    const char *file; /* the file that was read, or NULL */
    void *owned;
};

/** What the command line said. Zero: nothing. */
struct node_config_args {
    char *values[NODE_CONFIG_SETTINGS]; /* owned; NULL where no flag was given */
    const char *file;                   /* --config; NULL: the usual place if there is one */
};

struct node_config_info {
    const char *name, *arg, *meaning; /* arg NULL: a switch */
};

/** Row i of the list, for the argument parser and the manual. */
const struct node_config_info *node_config_info(enum node_config_setting i);

/** A flag came: a second one of a list is appended, of anything else replaces the first. False: no memory. */
bool node_config_arg(struct node_config_args *args, enum node_config_setting i, const char *value);
void node_config_args_clear(struct node_config_args *args);

/** Reads everything in its order. c borrows args' values until node_config_clear. PV_BAD_CONFIG with a sentence that names
 *  the setting, where it came from, and the line of the file; PV_IO: the file named by --config cannot be read. */
pv_status node_config_read(struct node_config *c, const struct node_config_args *args, char why[NODE_CONFIG_WHY_BYTES]);
void node_config_clear(struct node_config *c);

/** Every setting with its value and where that came from, as a file that could be read back. */
void node_config_print(const struct node_config *c, FILE *to);

#endif
