/** What a test's own code does to the disk, step by step, and any step made to fail. A test that is linked with
 *  pv_disk_steps has its writes, syncs, renames and removals come by here; what libraries such as SQLite do is not seen. */
#ifndef DISK_STEPS_H
#define DISK_STEPS_H

#include <stdbool.h>

/** Begins a new record of what this process does in this folder and below it. The path is kept. NULL: no longer. */
void disk_steps_watch(const char *folder);

/** What was done: "write a.tmp; sync a.tmp; rename a.tmp to b/a; sync b". A write that goes on is one step; "." is the folder itself. */
const char *disk_steps(void);

/** The step after n others fails with this error, and is recorded as "step!"; -1: none. */
void disk_steps_fail(int n, int error);
/** Whether it did. */
bool disk_steps_failed(void);

#endif
