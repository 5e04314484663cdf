/** What a prover node can do: a handler turns one task's input into one result.
 *
 *  A node has a table of handlers; each queue name is bound to the handler that serves it. `groth16` proves; `echo`
 *  answers what it is told to (handler_echo.h).
 *
 *  A handler runs on a proving thread of the node, never on the thread that sends the heartbeat. It uses nothing of the
 *  node but its arguments, so that handlers can run side by side.
 */
#ifndef PV_HANDLER_H
#define PV_HANDLER_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "fields.h"
#include "status.h"

/** One task as the broker offered it. All of it is borrowed until run returns. */
struct handler_input {
    const char *task;    /* 32 hex digits, for log lines */
    const char *circuit; /* as the client wrote it: a name or the 64 hex digits of a zkey's SHA-256; may be "" */
    const uint8_t *bytes;
    size_t size;
    enum wire_input_kind kind; /* what the bytes are */
};

/** How the node stops a handler and follows its progress. */
struct handler_watch {
    const atomic_int *stop; /* non-zero: end within about 100 ms, return PV_CANCELLED */
    void (*progress)(void *ctx, const char *phase, unsigned percent);
    void *ctx;
};

/** How a failure counts: moves 6, 7, 8 and 9 of broker/SEMANTICS.md. */
enum handler_verdict {
    HANDLER_RETRYABLE, /* another attempt may succeed: counts as a failure of the task */
    HANDLER_PERMANENT, /* no attempt can succeed: bad input, unsatisfied witness */
    HANDLER_RESOURCE,  /* this machine cannot do it: not counted */
    HANDLER_UNSTARTED, /* nothing was done with it, and this node can do nothing just now: handed back, not counted */
    HANDLER_LOST,      /* what computed it ended, whoever's fault that is: counts as a loss, as if the node had ended */
};

struct handler_output {
    uint8_t *bytes; /* malloc'ed by the handler on PV_OK; the caller frees it */
    size_t size;
    enum handler_verdict verdict; /* read when run fails */
    char text[513];               /* one sentence for people when run fails; never a witness */
};

struct handler_counters {
    atomic_ulong started, succeeded, failed, stopped;
    atomic_ulong permanent, resource; /* of failed: those that were no fault of the attempt */
    atomic_ulong lost, unstarted;     /* of failed: what computed it ended; nothing was done with it */
    atomic_ulong busy_ms;             /* of those that ended */
    atomic_ulong bytes_in, bytes_out; /* inputs of all that ended, results of those that succeeded */
};

struct handler {
    const char *name;
    /** Does the work. PV_OK fills bytes and size; PV_CANCELLED when the watch said stop; anything else is a failure. */
    pv_status (*run)(void *self, const struct handler_input *in, const struct handler_watch *watch,
                     struct handler_output *out);
    /** Called by the thread that ran a task, once its end has been told. May be NULL. */
    void (*after)(void *self);
    void *self;
    uint64_t time_limit_ms; /* 0: none. The node raises stop after it. */
    uint32_t kinds;         /* of input that it takes besides a witness, as bits: others never reach run */
    struct handler_counters counters;
};

/** A circuit that the node can prove, as it announces it. */
struct handler_circuit {
    char name[WIRE_NAME_MAX + 1];
    wire_hash digest;
    bool warm;
    uint32_t load_ms;
    uint64_t need_vram, need_ram;
    unsigned slower; /* percent more work of a proof, because the GPU's memory is short */
    uint32_t kinds;  /* of input besides a witness, as bits 1 << enum wire_input_kind */
};

/** A key file that the node does not serve, as it is announced: cut to fit, safe to show. */
struct handler_unserved {
    char file[160];
    char why[256];
};

/** How many run now; how long one takes, of those that ended. Of counters that others count on, for people. */
unsigned long handler_running(const struct handler_counters *c);
unsigned long handler_mean_ms(const struct handler_counters *c);

/** Runs h and keeps its counters. Input of a kind that it does not take is a failure (PV_INVALID_INPUT, HANDLER_RETRYABLE: another node may bind the
 *  queue to a handler that does). */
pv_status handler_run(struct handler *h, const struct handler_input *in, const struct handler_watch *watch,
                      struct handler_output *out);

#endif
