/** Where a test makes the disk fail: the Nth write, sync, rename or commit. Production passes NULL.
 *
 *  Whatever can fail for the disk's sake, in the store and in the payload files, asks here first. So "the third sync
 *  fails" is one line in a test, and the code under test is the code that runs.
 */
#ifndef PV_FAULTS_H
#define PV_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind { FAULT_WRITE, FAULT_SYNC, FAULT_RENAME, FAULT_COMMIT, FAULT_KINDS };

struct faults {
    uint64_t seen[FAULT_KINDS];    /* how often each was asked */
    uint64_t fail_at[FAULT_KINDS]; /* the call that fails, counted from 1; only this one; 0: none */
    int error[FAULT_KINDS];        /* the errno of the failure; 0: EIO */
};

/** Counts one call. True: it has to fail, and errno is set. f NULL: false. */
bool fault_hit(struct faults *f, enum fault_kind kind);

#endif
