/** Computes the five sums of a Groth16 proof: on the CPU, or on a GPU that keeps a key's tables between proofs.
 *
 *  A backend is a table of functions. It opens a key once and then turns each witness into the five sums of the paper.
 *  Blinding, the check of the finished proof and all files stay with prove.h, on the CPU. Another scheme (PLONK) needs
 *  sums of another shape and gets a table of its own.
 *
 *  Each backend has a source file (backend_cpu.c, backend_cuda.c) that defines its table and nothing else for others,
 *  so those files share this header; backend.c has the rest.
 */
#ifndef PV_BACKEND_H
#define PV_BACKEND_H

#include "g1.h"
#include "g2.h"
#include "run.h"
#include "vkey.h"
#include "prove_error.h"
#include "zkey.h"

#include <stdbool.h>
#include <stddef.h>

/** Reports progress, from the calling thread. phase is one of "key", "quotient", "msm", "verify"; percent, 0..100 of
 *  the whole proof, never decreases. It must return soon; may be NULL. */
typedef void prove_progress(void *arg, const char *phase, unsigned percent);

/** What happens to the pages of a mapped key when a step is done with them: they stay for the next proof, or this
 *  process releases them, so that a single proof never holds the whole key. (The kernel's cache of the file keeps them
 *  either way.) */
enum prove_key_pages { PROVE_KEY_STAYS, PROVE_KEY_PASSES_BY };

/** When a proof on a device reached each stage, in milliseconds since its sums were asked for; 0 for what has no such stage
 *  (CPU). Waiting for a free place on the device is in staged_ms. */
struct backend_times {
    double staged_ms;   /* the witness is copied to where the device reads it */
    double uploaded_ms; /* it is on the device, and the copy in RAM is wiped */
    double device_ms;   /* the sums are back in RAM */
    double wiped_ms;    /* the wipe of the device's copies is handed over, and nothing waits for it */
    double finished_ms; /* the five sums are ready */
};

/** How one proof runs. The zero value is the default: best path of this CPU, all cores, no stop flag, no progress. */
struct prove_run {
    struct backend_times *times; /* filled in by the backend; NULL: nobody asks */
    enum prove_key_pages key_pages;
    struct bn254_run cpu; /* path, threads and stop flag: after it becomes non-zero, PV_CANCELLED within about 100 ms */
    prove_progress *progress;
    void *progress_arg;
    /* What the CPU can do while the device computes: sums calls it once when all its work is queued, or never (NULL: there is
     * nothing). */
    void (*meanwhile)(void *arg);
    void *meanwhile_arg;
    int *device; /* filled in by a backend that has several devices: which of them did the sums; NULL: nobody asks */
};

struct gpus;

struct backend_options {
    int device;       /* GPU index */
    unsigned threads; /* CPU threads of a proof, for need; 0: every core */
    /* The most memory of a key and a proof, on the device or in RAM beside the mapped file; 0: no limit. */
    size_t memory_bytes_max;
    enum groth16_keys keys; /* whether prove_key_new opens keys for which proofs can be forged */
    unsigned places;        /* on a device: proofs that may run at a time, of all keys together; 0: by its memory */
    /* key_open fails with PV_NO_MEMORY rather than take a slower plan than the device has room for when it is empty. */
    bool best_plan_only;
    struct gpus *gpus; /* of backend_remote alone: the processes that do the sums (prover/gpu/gpus.h) */
};

/** The memory of a key and of one proof with it, known before any work. On the CPU the mapped file itself is not
 *  counted. */
struct backend_need {
    size_t key_bytes;   /* while the key is open */
    size_t proof_bytes; /* in addition, while one proof runs */
    /* On a device proofs run in places that all open keys share; each is as large as the largest of them needs, and stays while
     * one of them is open. 0: a proof's memory is its own and comes and goes with it. */
    unsigned places;
    size_t place_host_bytes; /* of a place: RAM, besides its proof_bytes on the device */
    size_t key_host_bytes;   /* of a key on a device: RAM while it is open, besides its file */
    /* How many percent more work the sums of a proof are than with the best plan, which takes best_bytes for the key and a proof: the
     * device's memory is short. 0: it is the best. */
    unsigned slower;
    size_t best_bytes;
};

/** The sums over the witness w and the quotient h: sum w_i A_i, w_i B_i (in G1 and G2), w_i C_i, h_i H_i. A proof needs only c + h, so a
 *  backend may put both into h and leave c at infinity. */
struct backend_sums {
    bn254_g1 a, b1, c, h;
    bn254_g2 b2;
};

struct backend_key; /* each backend has its own */

struct backend {
    const char *name; /* "cpu", "cuda" */
    /* Calls of sums that one key takes at a time; UINT_MAX on the CPU, which only reads keys. On a device those beyond its places
     * wait for one. */
    unsigned proofs_at_once;
    bool reads_key_once; /* the zkey that key_open was given is not looked at after it has returned */

    /** PV_OK, or PV_NO_DEVICE with the reason in err. Cheap after the first call. */
    pv_status (*usable)(const struct backend_options *options, struct prove_error *err);

    /** The device's whole memory, which a node announces; 0 when unknown. NULL when the backend has no memory of its
     *  own (CPU). */
    size_t (*device_bytes)(const struct backend_options *options);

    /** The device's multiprocessors, by which sums are planned. NULL: none, or not known. */
    unsigned (*device_sm_count)(const struct backend_options *options);

    /** A pure function of the key's sizes (and, for a GPU, of the device's). */
    pv_status (*need)(struct backend_need *need, const struct zkey *zkey, const struct backend_options *options,
                      struct prove_error *err);

    /** *zkey is borrowed until key_close. PV_NO_MEMORY, PV_RESOURCES (more than memory_bytes_max), PV_DEVICE. */
    pv_status (*key_open)(struct backend_key **key, const struct zkey *zkey, const struct backend_options *options,
                          const struct prove_run *run, struct prove_error *err);

    /** Frees and sets *key to NULL; harmless on NULL. */
    void (*key_close)(struct backend_key **key);

    /** What an open key holds by the plan that it got, and whether it would get a better one if it were opened now. NULL where there
     *  is one plan only. */
    void (*key_need)(struct backend_need *need, bool *better_now, struct backend_key *key);

    /** Looks on the device at every point of an open key, whose bytes are given again, as keycheck_points does: PV_OK, all are good;
     *  PV_BAD_ZKEY, one is not, and it does not say which; PV_CANCELLED, PV_DEVICE, ... NULL: there is no device. */
    pv_status (*key_check)(struct backend_key *key, const struct zkey *zkey, const struct prove_run *run,
                           struct prove_error *err);

    /** witness: zkey->vars values, each < r. All copies of it in RAM are wiped before the return, on failure too; those on a device
     *  by work that is queued there, which comes before anything else in their place and before the place's memory is freed. Up to
     *  proofs_at_once threads may call it with one key. PV_CANCELLED when the stop flag was seen. */
    pv_status (*sums)(struct backend_sums *out, struct backend_key *key, const bn254_scalar_packed *witness,
                      const struct prove_run *run, struct prove_error *err);
};

extern const struct backend backend_cpu;
#ifdef PV_HAVE_CUDA
extern const struct backend backend_cuda; /* backend_cuda.c */
#endif

enum backend_choice { BACKEND_AUTO, BACKEND_CPU, BACKEND_CUDA };

/** "auto", "cpu", "cuda". False for another word. */
bool backend_choice_parse(enum backend_choice *choice, const char *word);

/** The backend to use. AUTO takes the GPU when it is usable and otherwise the CPU. note (note_bytes > 0) gets the
 *  reason for the CPU, to be printed once, or "". CUDA fails with PV_NO_DEVICE instead of falling back. */
pv_status backend_pick(const struct backend **backend, enum backend_choice choice,
                       const struct backend_options *options, char *note, size_t note_bytes, struct prove_error *err);

/** Calls run's progress callback, if there is one. */
static inline void prove_run_report(const struct prove_run *run, const char *phase, unsigned percent)
{
    if (run && run->progress) run->progress(run->progress_arg, phase, percent);
}

#endif
