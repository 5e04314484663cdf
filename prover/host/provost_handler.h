/** A handler that is a shared object: what provost-host, which loads it, expects of it. C11 and C++11; nothing else is included.
 *
 *      #include <provost_handler.h>
 *      static int run(void *self, const struct provost_task *t) { return t->result(t->host, t->input, t->input_bytes); }
 *      const struct provost_handler provost_handler = { .version = PROVOST_HANDLER_VERSION,
 *                                                       .bytes = sizeof(struct provost_handler), .run = run };
 *
 *      cc -shared -fPIC -o mine.so mine.c          mode: library, library: /whole/path/mine.so (prover/HANDLERS.md)
 *
 *  The object runs in a process of its own, in the sandbox of every handler; a crash ends one attempt. All functions are called by the
 *  process's first thread, one at a time, but for those of struct provost_task, which any thread may call while run lasts. Its stdout and
 *  stderr go to the node as what it says; its stdin is empty.
 *
 *  Stability: members are only added, at the ends, and `bytes` says which there are. PROVOST_HANDLER_VERSION changes when that is not
 *  enough, and a host refuses an object of a version that it does not know, with a sentence.
 */
#ifndef PROVOST_HANDLER_H
#define PROVOST_HANDLER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PROVOST_HANDLER_VERSION 1

/** What open and run return. */
enum {
    PROVOST_HANDLER_OK = 0,
    PROVOST_HANDLER_RETRYABLE = 1, /* another attempt may succeed */
    PROVOST_HANDLER_PERMANENT = 2, /* none can: a bad input */
    PROVOST_HANDLER_RESOURCES = 3  /* this machine cannot do it */
};

/** How it is opened. Borrowed until open returns. */
struct provost_opening {
    const char *handler;                          /* the name of its file, without .yaml */
    const char *options;                          /* as the file has it; "" */
    unsigned instance;                            /* 0 to instances - 1 */
    uint64_t result_max;                          /* bytes of a result */
    void *host;                                   /* for the functions below */
    void (*refuse)(void *host, const char *text); /* why it cannot be opened, for people; copied */
};

/** One task. Borrowed until run returns. */
struct provost_task {
    const char *task;    /* its id, 32 hex digits */
    const char *circuit; /* as its client wrote it; "" */
    const void *input;
    size_t input_bytes;
    void *host; /* for the functions below */
    /** Non-zero: the task is not wanted any more. A run that looks every 100 ms keeps its process; one that does not come back within
     *  `grace` is killed with it. */
    int (*stopped)(void *host);
    /** percent 0 to 100; phase: 1 to 64 of A-Z a-z 0-9 . _ - */
    void (*progress)(void *host, unsigned percent, const char *phase);
    /** The result, copied. Once, and before run returns OK. Returns what run may return: 0, or non-zero when there is no memory for it,
     *  it is empty or longer than result_max, or it is the second. */
    int (*result)(void *host, const void *bytes, size_t n);
    /** Why run is about to fail, for people; copied, cut at 4096 bytes. Never a secret. */
    void (*why)(void *host, const char *text);
};

/** The object's functions. Those that may be NULL say so. */
struct provost_handler {
    uint32_t version;     /* PROVOST_HANDLER_VERSION */
    uint32_t bytes;       /* sizeof(struct provost_handler) */
    const char *software; /* its name and version, for people; may be NULL */
    /** Once, at the start: reads keys. *self is handed to the others. May be NULL. */
    int (*open)(void **self, const struct provost_opening *opening);
    /** Writes at most `most` names of the circuits that it has, which live until close, and returns how many there are, at most 1024. 0:
     *  it takes tasks of any. A task of another circuit is another node's. May be NULL. */
    size_t (*circuits)(void *self, const char **names, size_t most);
    /** Bytes of memory that a task of that circuit needs; 0: not known. May be NULL. */
    uint64_t (*need)(void *self, const char *circuit);
    /** Does one task. */
    int (*run)(void *self, const struct provost_task *task);
    /** Once, at an orderly end. May be NULL. */
    void (*close)(void *self);
};

/** The object defines it. */
#if defined __GNUC__
__attribute__((visibility("default")))
#endif
extern const struct provost_handler provost_handler;

#ifdef __cplusplus
}
#endif
#endif
