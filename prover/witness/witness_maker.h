/** One witness: a generator run on one input.json, in a folder of its own, as another user, in the sandbox of handlers that are
 *  programs (program_run.h).
 *
 *  A process for each witness. Whoever wants witnesses calls witness_make alone, so a generator that stays resident takes its place
 *  there.
 */
#ifndef PV_WITNESS_MAKER_H
#define PV_WITNESS_MAKER_H

#include "generator.h"
#include "prove_error.h"

struct witness_maker {
    struct program as; /* user, sandbox and limits; it has no command */
    const struct program_place *place;
    char *node_js, *script; /* for WebAssembly; NULL: not found, and no_wasm tells why */
    char no_wasm[PROGRAM_WHY_BYTES];
    uint64_t limit_ms; /* of one witness; 0: none */
};

/** What a maker is told. */
struct witness_maker_options {
    const char *run_as;  /* for a process that is root: the user, which is never root; "": none */
    const char *node_js; /* path of Node.js; "": where it usually is */
    uint64_t limit_ms;
};

/** Finds the user, Node.js and the script beside the launcher. place is borrowed, and is opened before the first witness.
 *  PV_BAD_CONFIG with a sentence. Without Node.js only executables can be run. */
pv_status witness_maker_open(struct witness_maker *m, const struct program_place *place,
                             const struct witness_maker_options *options, char why[PROGRAM_WHY_BYTES]);
void witness_maker_clear(struct witness_maker *m);

/** Whether m can run g: WebAssembly needs Node.js. Else a sentence. */
bool witness_maker_can(const struct witness_maker *m, const struct generator *g, char why[PROGRAM_WHY_BYTES]);

struct witness_order {
    const struct generator *generator;
    const char *task;     /* for log lines */
    const uint8_t *input; /* the bytes of input.json */
    size_t input_bytes;
    uint32_t values; /* at most, of a witness of the key: no file may be larger than one with so many */
    const struct handler_watch *watch;
};

/** What came of it. */
struct witness_made {
    uint8_t *bytes; /* a .wtns, not looked into; malloc'ed on PV_OK; witness_made_clear wipes it */
    size_t n;
    enum handler_verdict verdict; /* of a failure */
};

/** PV_CANCELLED: the watch said stop, or the limit is over (verdict HANDLER_RETRYABLE, and err tells). PV_INVALID_INPUT: it refused the input,
 *  with the line that circom printed. PV_FAILED, PV_RESOURCES, PV_BAD_CONFIG (the generator, or who may write to it, has changed), PV_IO,
 *  PV_DISK_FULL. Nothing of the run is left: no process, no file. */
pv_status witness_make(struct witness_made *made, const struct witness_maker *m, const struct witness_order *order,
                       struct prove_error *err);
void witness_made_clear(struct witness_made *made);

#endif
