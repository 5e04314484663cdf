/** A folder of small keys and a cache over it, for the tests of the key cache. The keys are files of any content: their
 *  size counts as resident, "bad" as first word fails the check, "junk" is not a key.
 */
#ifndef PV_KEYCACHE_SCENE_H
#define PV_KEYCACHE_SCENE_H

#include "keycache_folder.h"

#include <stdatomic.h>

extern char folder[64], circuits[80], checked[80];
extern atomic_int opens, closes, checks, surveys; /* calls of the fake keys */
extern struct keycache *cache;
extern struct keycache_options options; /* for start */
extern struct prove_error err;
extern unsigned at_once;          /* proofs that a key serves */
extern uint64_t host_bytes;       /* of a key on a device; 0: they are in RAM */
extern unsigned places_shared;    /* by the proofs of all keys; 0: each has memory of its own */
extern int device_room;           /* keys that can be open at once */
extern int best_room;             /* with their best plans */
extern void *slow_key;            /* open with a slower plan; NULL: none */
extern const char *while_loading; /* what another process makes of the file in the moment before it is read */

int setup(void **state);
int teardown(void **state);

/** Opens the cache over the folder. */
void start(void);

/** A key's path; overwritten by the next call. */
const char *path_of(const char *name);

/** Writes a key: by rename, as keys are replaced, or over what is there. */
void put(const char *name, const char *bytes);
void write_in_place(const char *path, const char *bytes);

pv_status take(struct keycache_key **k, const char *circuit);

/** Takes a key and gives it back. */
void use(const char *circuit);

/** The first word of the key that is taken under that name and given back; the status' word when there is none. */
const char *taken(const char *circuit, const atomic_int *stop);

/** A thread that takes "a" and gives it back, or is stopped. */
struct waiter {
    pv_status status;
    atomic_int stop;
};
void *waiter_main(void *waiter);

/** Reads at most 1023 bytes of a file; how many. */
size_t content(const char *path, char to[1024]);

/** The file is among those that are not served, and the reason has these words. */
void expect_unserved(const char *file, const char *why);

bool is_warm(const char *name);
size_t listed(void);

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
