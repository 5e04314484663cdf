/** What a test's own code asks the system and SQLite for, call by call, and any of these calls made to fail. A test that is linked with
 *  pv_call_faults has them come by here; what libraries do by themselves is not seen, nor what other threads do. */
#ifndef CALL_FAULTS_H
#define CALL_FAULTS_H

#include <stdbool.h>

/** From here on this thread's calls are counted, and the one after n others fails: with this error, or with SQLITE_IOERR. Paths are told below
 *  this folder, which is kept, and only what is there is counted. NULL: no longer. Of the names of a folder only the first can fail, since the order of others is the file system's matter. */
void call_faults_begin(const char *folder, int n, int error);

/** The call that failed: "openat backup/provost.db.new"; NULL: there were not as many. */
const char *call_faults_failed(void);

/** Calls with this in their paths are not counted. Kept. NULL: all are. */
void call_faults_but(const char *part);
/** From here on SQLite's statements are not counted. */
void call_faults_no_statements(void);
/** Below the folder of call_faults_begin: no link of this thread's can be made there, as if it were another disk's. Kept. NULL: none. */
void call_faults_other_disk(const char *name);

#endif
