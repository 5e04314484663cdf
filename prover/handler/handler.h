/** What a prover node can do: a handler turns one task's input into one result.
 *
 *  A node has a table of handlers; a queue is served by the handler its name is bound to. `groth16` proves; `echo` answers
 *  whatever it was told to, and exists for drills, benches and new deployments that want to see tasks move.
 *
 *  A handler runs on the node's proving thread, never on the thread that keeps the heartbeat. It touches nothing of the
 *  node's but what it is given here, so that one handler can run beside another.
 */
#ifndef PV_HANDLER_H
#define PV_HANDLER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "fields.h"
#include "status.h"

/** One task as the broker offered it. Everything is borrowed until run returns. */
struct handler_input {
    const char *task;    /* 32 hex digits, for log lines */
    const char *circuit; /* as the client named it: a name or the 64 hex digits of a zkey's SHA-256; may be "" */
    const uint8_t *bytes;
    size_t size;
};

/** How a handler is watched while it works. */
struct handler_watch {
    const atomic_int *stop; /* non-zero: end within about 100 ms, return PV_CANCELLED */
    void (*progress)(void *ctx, const char *phase, unsigned percent);
    void *ctx;
};

/** How a failure counts: moves 6, 7 and 9 of broker/SEMANTICS.md. */
enum handler_verdict {
    HANDLER_RETRYABLE, /* another attempt may succeed: charged as a failure */
    HANDLER_PERMANENT, /* no attempt can succeed: bad input, unsatisfied witness */
    HANDLER_RESOURCE,  /* not on this machine: not charged */
};

struct handler_output {
    uint8_t *bytes; /* malloc'ed by the handler on PV_OK, the caller frees */
    size_t size;
    enum handler_verdict verdict; /* read when run fails */
    char text[256];               /* one sentence for people when run fails; never a witness */
};

struct handler_counters {
    atomic_ulong started, succeeded, failed, stopped;
    atomic_ulong busy_ms;
};

struct handler {
    const char *name;
    /** Does the work. PV_OK fills bytes and size; PV_CANCELLED when the watch said stop; anything else is a failure. */
    pv_status (*run)(void *self, const struct handler_input *in, const struct handler_watch *watch,
                     struct handler_output *out);
    void *self;
    uint64_t time_limit_ms; /* 0: none. The node raises stop when it is over. */
    struct handler_counters counters;
};

/** A circuit the node can prove, as it is announced. */
struct handler_circuit {
    char name[WIRE_NAME_MAX + 1];
    wire_hash digest;
    bool warm;
    uint32_t load_ms;
    uint64_t need_vram, need_ram;
};

/** Runs h and keeps its counters. */
pv_status handler_run(struct handler *h, const struct handler_input *in, const struct handler_watch *watch,
                      struct handler_output *out);

#endif
