/** The files of a folder of keys that give no circuit, each with its reason: said in the log when it comes or changes, and
 *  kept for whoever asks from outside.
 */
#ifndef PV_UNSERVED_H
#define PV_UNSERVED_H

#include <stdbool.h>
#include <stddef.h>

struct unserved_file {
    char *file; /* its path below the folder, with what cannot be shown escaped (visible.h); the folder itself is "." */
    char *why;
};

/** Zero is empty. */
struct unserved {
    struct unserved_file *files;
    size_t n, room;
};

/** Adds a file; bytes that cannot be shown are escaped. Without memory it is left out. */
void unserved_add(struct unserved *u, const char *file, const char *why);

/** Sorts what was added, and logs ("key.unusable") what *before, which is sorted too, lacks. True: they differ. */
bool unserved_say(struct unserved *u, const struct unserved *before);

void unserved_clear(struct unserved *u);

#endif
