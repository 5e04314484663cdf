/** Where a test makes the disk fail: the Nth write, sync, rename or commit from now. Production passes NULL.
 *
 *  Everything of the store and the payload files that can fail for the disk's sake asks here first, so that "the third
 *  sync fails" is one line in a test and the code under test is the code that runs.
 */
#ifndef PV_FAULTS_H
#define PV_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind { FAULT_WRITE, FAULT_SYNC, FAULT_RENAME, FAULT_COMMIT, FAULT_KINDS };

struct faults {
    uint64_t seen[FAULT_KINDS];    /* how often each was asked */
    uint64_t fail_at[FAULT_KINDS]; /* the call that fails, counted from 1; 0 never. It fails once */
    int error[FAULT_KINDS];        /* the errno to fail with; 0 stands for EIO */
};

/** Counts one call. True when this one is to fail: errno is set. False for f == NULL. */
bool fault_hit(struct faults *f, enum fault_kind kind);

#endif
