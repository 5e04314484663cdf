/** The folder of one attempt: made, filled, read and removed without ever following a link, as a program may put anything
 *  into it.
 *
 *      WORK/try-<random>/          the program's working folder
 *          input                   if a command has {input}
 *          result/                 where the result is expected: what it may hold, result_take says
 */
#ifndef PV_ATTEMPT_FOLDER_H
#define PV_ATTEMPT_FOLDER_H

#include "prove_error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATTEMPT_INPUT "input"
#define ATTEMPT_RESULTS "result"

struct attempt_folder {
    int work, fd, results; /* the folder above (borrowed), the folder, the one for results; -1: none */
    char name[32], path[4096];
};

/** Makes it below the open folder work, whose path is work_path. PV_IO, PV_DISK_FULL with a sentence. */
pv_status attempt_folder_make(struct attempt_folder *f, int work, const char *work_path, struct prove_error *err);

/** Whose the files are. uid UINT32_MAX: of this process. */
struct attempt_owner {
    uint32_t uid, gid;
};

/** Puts a file into one of its folders, by its name. */
pv_status attempt_folder_put(int folder, const char *name, const uint8_t *bytes, size_t n, struct attempt_owner owner,
                             struct prove_error *err);

/** Gives both folders to the owner. */
pv_status attempt_folder_give(const struct attempt_folder *f, struct attempt_owner owner, struct prove_error *err);

/** Removes it with all that is in it, however deep. A failure is logged and leaves it for the next start. */
void attempt_folder_remove(struct attempt_folder *f);

/** Removes what earlier attempts have left in the folder work. Returns how many there were. */
unsigned attempt_folder_sweep(int work);

/** Removes the folder name below parent with all that is in it. False with errno. Needs four descriptors, however deep it is. */
bool folder_remove(int parent, const char *name);

#endif
