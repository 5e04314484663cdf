/** A program that serves tasks as a handler: what its file says, and what was found out about it at the start.
 *
 *  HANDLERS.md has every setting with its meaning for whoever writes such a file.
 */
#ifndef PV_PROGRAM_H
#define PV_PROGRAM_H

#include "attempt_groups.h"
#include "handler.h"
#include "launch_plan.h"

#include <stdbool.h>

enum program_input { PROGRAM_INPUT_FILE, PROGRAM_INPUT_STDIN };
enum program_result { PROGRAM_RESULT_FILE, PROGRAM_RESULT_STDOUT, PROGRAM_RESULT_GROTH16 };
enum program_progress { PROGRAM_PROGRESS_NONE, PROGRAM_PROGRESS_STDERR, PROGRAM_PROGRESS_DESCRIPTOR };

enum program_mode { PROGRAM_TASK, PROGRAM_PERSISTENT, PROGRAM_LIBRARY };

/* X(name, KIND, default, low, high, "words", "meaning") */
#define PROGRAM_SETTING_LIST(X)                                                                                        \
    X(mode, CHOICE, "task", 0, 0, "task persistent library",                                                           \
      "started for each task; started once and spoken to in frames; a shared object, which provost-host loads")        \
    X(library, TEXT, "", 0, 0, NULL, "mode: library: the whole path of the shared object")                             \
    X(options, TEXT, "", 0, 0, NULL, "a text for a program that stays, in HELLO")                                      \
    X(instances, NUMBER, "1", 1, 64, NULL, "how many of a program that stays run at once")                             \
    X(ready_limit, DURATION, "60s", 100, 86400000, NULL, "how long one may take until it is ready")                    \
    X(ping, DURATION, "10s", 100, 86400000, NULL, "one that has nothing to do is asked so often, and answers as soon") \
    X(quarantine, DURATION, "60s", 100, 3600000, NULL, "the rest after three deaths in a row; doubled each time")      \
    X(input, CHOICE, "file", 0, 0, "file stdin", "how the input reaches it: a file named by {input}, or stdin")        \
    X(result, CHOICE, "file", 0, 0, "file stdout groth16",                                                             \
      "how the result comes back: the file {result}, stdout, or the two files {proof} and {public} of snarkjs")        \
    X(progress, CHOICE, "none", 0, 0, "none stderr descriptor", "where it writes lines of percent, phase and eta")     \
    X(sandbox, CHOICE, "auto", 0, 0, "auto namespaces none",                                                           \
      "namespaces where the kernel lets the node make them; always, or not at all; never")                             \
    X(network, SWITCH, "no", 0, 1, NULL, "it may use the network")                                                     \
    X(run_as, TEXT, "", 0, 0, NULL, "the user that it runs as, for a node that is root")                               \
    X(version_has, TEXT, "", 0, 0, NULL, "what the output of version has in it")                                       \
    X(selftest, TEXT, "", 0, 0, NULL, "file with an input for provost-prover handlers --selftest")                     \
    X(selftest_circuit, TEXT, "", 0, 0, NULL, "the circuit of that input")                                             \
    X(result_max, SIZE, "64M", 1, 512ull << 20, NULL, "a larger result is a failure")                                  \
    X(memory, SIZE, "0", 0, 1ull << 50, NULL, "bytes of address space of each of its processes (0: no limit)")         \
    X(cpu_seconds, NUMBER, "0", 0, 1ull << 30, NULL, "CPU seconds of each of its processes (0: no limit)")             \
    X(open_files, NUMBER, "1024", 16, 1u << 20, NULL, "descriptors of each of its processes")                          \
    X(file_size, SIZE, "0", 0, 1ull << 50, NULL, "bytes of each file that it writes (0: four times result_max)")       \
    X(processes, NUMBER, "0", 0, 1u << 22, NULL, "processes and threads of its user (0: no limit)")                    \
    X(total_memory, SIZE, "0", 0, 1ull << 50, NULL,                                                                    \
      "bytes of memory of all of its processes, where the node's control group is delegated (0: no limit)")            \
    X(total_processes, NUMBER, "0", 0, 1u << 22, NULL, "its processes and threads, likewise (0: no limit)")            \
    X(cpus, NUMBER, "0", 0, 4096, NULL, "processors that they may use at once, likewise (0: no limit)")                \
    X(nice, NUMBER, "5", 0, 19, NULL, "added to the node's niceness, so that the node itself is never kept waiting")   \
    X(time_limit, DURATION, "0", 0, 1ull << 40, NULL, "how long one task may take (0: as the queue says)")             \
    X(grace, DURATION, "5s", 0, 600000, NULL, "between TERM and KILL")

/* Lists of texts: each ends with NULL; NULL where the file has no such list. */
#define PROGRAM_TEXTS_LIST(X)                                                                                          \
    X(command, "the program and its arguments")                                                                        \
    X(verify, "run after it: exit status 0, or the attempt failed")                                                    \
    X(version, "prints its version")                                                                                   \
    X(environment, "NAME, taken from the node, or NAME=value")                                                         \
    X(permanent, "exit statuses: no attempt can succeed (8 and 65); [none]: none")                                     \
    X(resource, "exit statuses: this machine cannot do it (10); [none]: none")

#define PROGRAM_MEMBER_TEXT(name) const char *name;
#define PROGRAM_MEMBER_CHOICE(name) int name;
#define PROGRAM_MEMBER_NUMBER(name) uint64_t name;
#define PROGRAM_MEMBER_SIZE(name) uint64_t name;
#define PROGRAM_MEMBER_DURATION(name) uint64_t name;
#define PROGRAM_MEMBER_SWITCH(name) bool name;
#define PROGRAM_MEMBER(name, KIND, fallback, low, high, words, meaning) PROGRAM_MEMBER_##KIND(name)
#define PROGRAM_TEXTS_MEMBER(name, meaning) char **name;

enum { PROGRAM_WHY_BYTES = 512 };

struct program {
    char name[WIRE_NAME_MAX + 1];
    char *path; /* of its file */
    PROGRAM_SETTING_LIST(PROGRAM_MEMBER)
    PROGRAM_TEXTS_LIST(PROGRAM_TEXTS_MEMBER)
    enum handler_verdict verdicts[256]; /* of an exit status */
    void *owned;                        /* the texts of the file */
    /* found out by program_check */
    char *executable, *verifier, *versioner; /* resolved; NULL: there is no such command */
    uint32_t uid, gid;                       /* UINT32_MAX: the node's */
    uint32_t groups[LAUNCH_GROUPS_MAX], groups_n;
};

/** What all programs of a node share. */
struct program_place {
    char *launcher;  /* provost-launch: a path that can be executed */
    int launcher_fd; /* what that path names, open: an update beside a node that runs changes nothing for it; 0: none */
    char *work;      /* absolute; each attempt has a folder below it */
    int work_fd;     /* of that folder, locked while the node lives; -1: none */
    bool temporary;  /* it was made by this process, and goes with it */
    const struct attempt_groups *groups; /* NULL: no control groups */
    const char *hide[8]; /* what no program is to see, up to a NULL; the folder work is hidden besides */
};

#endif
