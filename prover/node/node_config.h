/** The node's settings: one list gives the flag, the environment variable, the key in the file and --print-config.
 *
 *  A flag beats PROVOST_PROVER_<NAME>, which beats PROVOST_<NAME>, which beats the file (/etc/provost/prover.yaml, or --config), which beats the default.
 *  In the file a key that is not listed is an error with its line. Sizes may end in K, M or G (powers of 1024). The items of
 *  a list are separated by commas, and its flag may be given several times.
 */
#ifndef PV_NODE_CONFIG_H
#define PV_NODE_CONFIG_H

#include "settings.h"

/* X(name, KIND, default, low, high, "ARG", "meaning")     flag --na-me, environment PROVOST_PROVER_NA_ME, file na_me
 *   TEXT, LIST  const char *; empty means none       WORD  const char *, one of the words in low
 *   NUMBER      uint64_t in low..high                SIZE  the same, in bytes              SWITCH  bool */
#define NODE_CONFIG_LIST(X)                                                                                            \
    X(broker, LIST, "", 0, 0, "tcp://HOST:PORT", "connect to this broker; several are tried in turn")                  \
    X(queue, LIST, "", 0, 0, "NAME[:HANDLER]", "serve this queue with the handler groth16, echo or one of handlers")   \
    X(handlers, TEXT, "", 0, 0, "DIR", "folder of handlers that are programs: DIR/NAME.yaml (prover/HANDLERS.md)")     \
    X(work, TEXT, "", 0, 0, "DIR",                                                                                     \
      "where these programs work: a folder for each task, removed after it (default: STATE/work, or one in /tmp)")     \
    X(circuits, TEXT, "", 0, 0, "DIR", "folder of keys: DIR/NAME.zkey or DIR/NAME/circuit.zkey")                       \
    X(allow_code, SWITCH, "no", 0, 1, NULL,                                                                            \
      "run programs: handlers, and those beside keys, DIR/NAME/witness or DIR/NAME/circuit.wasm, which compute "       \
      "witnesses: then tasks may be an input.json (prover/HANDLERS.md)")                                               \
    X(run_as, TEXT, "", 0, 0, "USER", "with allow_code: the user that they run as, for a node that is root")           \
    X(witness_limit_s, NUMBER, "600", 0, 1000000, "SECONDS",                                                           \
      "with allow_code: end one that takes longer (0: no limit)")                                                      \
    X(node_js, TEXT, "", 0, 0, "FILE",                                                                                 \
      "with allow_code: Node.js, which runs circuit.wasm (default: /usr/bin/node or /usr/local/bin/node)")             \
    X(name, TEXT, "", 0, 0, "NAME",                                                                                    \
      "name of this node (default: the host's, and a number if another node there has it)")                            \
    X(state, TEXT, "", 0, 0, "DIR",                                                                                    \
      "folder where finished results wait until the broker has them; without it they wait in memory")                  \
    X(slots, NUMBER, "1", 1, 64, "N", "how many tasks to compute at once")                                             \
    X(gpu_slots, NUMBER, "0", 0, 16, "N",                                                                              \
      "how many proofs to run on the GPU at once, whatever their circuits (0: as slots, at most 2 to 4 by its "        \
      "memory)")                                                                                                       \
    X(prefetch, NUMBER, "1", 0, 64, "N", "how many inputs to fetch ahead")                                             \
    X(memory, SIZE, "0", 0, 1ull << 50, "BYTES",                                                                       \
      "most memory for keys and proofs (0: three quarters of what the node may use)")                                  \
    X(input_max, SIZE, "512M", 1, 1ull << 40, "BYTES", "hand back inputs larger than this")                            \
    X(backend, WORD, "auto", "auto cpu cuda", 0, "auto|cpu|cuda",                                                      \
      "what computes the sums; auto: a GPU if one is usable")                                                          \
    X(device, NUMBER, "0", 0, 1023, "N", "number of the GPU to use")                                                   \
    X(gpus, LIST, "", 0, 0, "all|0,2|UUID",                                                                            \
      "GPUs to use, each in a process of its own: all, numbers, or UUIDs (default: the one of device)")                \
    X(gpu_limit_s, NUMBER, "120", 1, 86400, "SECONDS",                                                                 \
      "a GPU that takes longer for a proof hangs, and its process is ended")                                           \
    X(gpu_check, SWITCH, "no", 0, 1, NULL,                                                                             \
      "check every point of a new key on a GPU; the CPU looks only where that does not find all of them good")         \
    X(threads, NUMBER, "0", 0, 4096, "N", "CPU threads (0: as many as the node may use processors)")                   \
    X(plan, WORD, "latency", "latency throughput", 0, "latency|throughput",                                            \
      "latency: each proof uses all threads; throughput: the threads are divided among the slots, and there is one "   \
      "slot "                                                                                                          \
      "per core unless slots is set")                                                                                  \
    X(allow_development_key, SWITCH, "no", 0, 1, NULL,                                                                 \
      "also prove with keys for which anyone can forge proofs, such as one without a contribution")                    \
    X(insecure, SWITCH, "no", 0, 1, NULL, "no keys: only for a broker on this machine")                                \
    X(key, TEXT, "", 0, 0, "FILE", "this node's key pair, as provost key gen writes it")                               \
    X(server_key, TEXT, "", 0, 0, "FILE",                                                                              \
      "file with the broker's public key; or several, separated by commas, one for each broker")                       \
    X(http, TEXT, "", 0, 0, "ADDRESS:PORT", "serve /metrics, /livez and /readyz there (default: not at all)")          \
    X(http_hosts, TEXT, "", 0, 0, "NAMES", "names by which it may be asked there, with commas between them")           \
    X(http_read_token, TEXT, "", 0, 0, "FILE", "file with the token that reads of /metrics need")                      \
    X(trace, TEXT, "", 0, 0, "FILE", "append a line of JSON for each attempt: its phases, and the trace of its task")  \
    X(grace_s, NUMBER, "110", 0, 1000000, "SECONDS",                                                                   \
      "how long a drain may take before the remaining tasks are handed back")                                          \
    X(log, WORD, "text", LOG_FORMAT_WORDS, 0, "text|json", "form of the log lines")                                    \
    X(log_level, WORD, "info", LOG_LEVEL_WORDS, 0, "LEVEL", "least important lines to log: error, warn, info or debug")

#define NODE_CONFIG_MEMBER_TEXT(name) const char *name;
#define NODE_CONFIG_MEMBER_LIST(name) const char *name;
#define NODE_CONFIG_MEMBER_WORD(name) const char *name;
#define NODE_CONFIG_MEMBER_NUMBER(name) uint64_t name;
#define NODE_CONFIG_MEMBER_SIZE(name) uint64_t name;
#define NODE_CONFIG_MEMBER_SWITCH(name) bool name;
#define NODE_CONFIG_MEMBER(name, KIND, fallback, low, high, arg, meaning) NODE_CONFIG_MEMBER_##KIND(name)
#define NODE_CONFIG_NUMBERED(name, KIND, fallback, low, high, arg, meaning) NODE_CONFIG_##name,

enum node_config_setting { NODE_CONFIG_LIST(NODE_CONFIG_NUMBERED) NODE_CONFIG_SETTINGS };
enum { NODE_CONFIG_WHY_BYTES = SETTINGS_WHY_BYTES };

struct node_config {
    NODE_CONFIG_LIST(NODE_CONFIG_MEMBER)
    enum setting_origin origin[NODE_CONFIG_SETTINGS];
    const char *text[NODE_CONFIG_SETTINGS]; /* each as it was said */
    const char *file;                       /* the file that was read, or NULL */
    void *owned;
};

/** What the command line said. Zero: nothing. */
struct node_config_args {
    char *values[NODE_CONFIG_SETTINGS]; /* owned; NULL where no flag was given */
    const char *file;                   /* --config; NULL: the usual place if there is one */
};

/** Row i of the list, for the argument parser and the manual. */
const struct setting *node_config_row(enum node_config_setting i);

/** Takes a flag: a second one of a list is appended, of anything else replaces the first. False: no memory. */
bool node_config_arg(struct node_config_args *args, enum node_config_setting i, const char *value);
void node_config_args_clear(struct node_config_args *args);

/** Reads everything in its order. c borrows args' values until node_config_clear. PV_BAD_CONFIG with a sentence that names
 *  the setting, where it came from, and the line of the file; PV_IO: the file named by --config cannot be read. */
pv_status node_config_read(struct node_config *c, const struct node_config_args *args, char why[NODE_CONFIG_WHY_BYTES]);
void node_config_clear(struct node_config *c);

/** Tells the variables from which c has its key, name, queue or folder and which other programs read too (settings_shared). */
void node_config_shared(const struct node_config *c, void (*told)(const char *variable, const char *own));

/** Every setting with its value and where that came from, as a file that could be read back. */
void node_config_print(const struct node_config *c, FILE *to);

#endif
