/** The sentence that goes with a failure over a file: what is wrong with which file. For programs to print; the status
 *  is for them to end with. */
#ifndef PV_FILE_WHY_H
#define PV_FILE_WHY_H

#include "status.h"

enum { FILE_WHY_BYTES = 320 };

struct file_why {
    char text[FILE_WHY_BYTES];
};

/** Writes the formatted sentence (cut to fit) and returns status, for `return file_say(...)`. */
pv_status file_say(struct file_why *why, pv_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The name of a path in a sentence: "-" is called what it stands for. */
const char *file_called(const char *path, const char *standard);

#endif
