/** Where witnesses come from that a task does not bring: the seam between the handler that proves and whatever computes them, a process for
 *  each (prover/witness) or one that stays. Functions only.
 */
#ifndef PV_WITNESS_SOURCE_H
#define PV_WITNESS_SOURCE_H

#include "handler.h"
#include "prove_error.h"

/** One witness to compute. */
struct witness_wanted {
    const char *task;     /* for log lines */
    const char *key_path; /* of the circuit's key: the generator lies beside it */
    const uint8_t *input; /* the bytes of input.json */
    size_t input_bytes;
    uint32_t values; /* at most, of a witness of the key */
    const struct handler_watch *watch;
};

/** NULL functions: there are none. */
struct witness_source {
    /** The kinds of input that can be taken for the circuit whose key is at that path, as bits 1 << enum wire_input_kind, besides a witness.
     *  0 with a sentence in why where there is a generator that cannot be used, in file the path of it; "" where there is none. For the thread
     *  that looks at keys. */
    uint32_t (*kinds)(void *self, const char *key_path, char file[4096], char why[PROVE_ERROR_TEXT_BYTES]);
    /** Computes it: the bytes of a .wtns, not looked into, malloc'ed; the caller wipes and frees them. PV_CANCELLED; PV_INVALID_INPUT: the
     *  circuit refuses the input, with the line that its program printed. PV_RESOURCES, PV_NOT_FOUND, PV_BAD_CONFIG, PV_DISK_FULL: not on this
     *  machine. PV_FAILED, PV_RUN_TIMEOUT, PV_IO: another attempt may succeed. For any thread. */
    pv_status (*make)(void *self, uint8_t **bytes, size_t *n, const struct witness_wanted *wanted,
                      struct prove_error *err);
    void *self;
};

#endif
