/** A shared object as a handler: loaded, and checked before anything of it is called.
 */
#ifndef PV_HOST_OBJECT_H
#define PV_HOST_OBJECT_H

#include "provost_handler.h"

#include <stdbool.h>

enum { HOST_WHY_BYTES = 1024 };

struct host_object {
    void *loaded;
    struct provost_handler handler; /* a copy: members that the object does not have are NULL */
    void *self;
};

/** Loads the object at path. False with a sentence: it cannot be loaded, has no provost_handler, is of another version, has no run. */
bool host_object_load(struct host_object *o, const char *path, char why[HOST_WHY_BYTES]);

/** Calls its open. False with the sentence that it gave. */
bool host_object_open(struct host_object *o, struct provost_opening *opening, char why[HOST_WHY_BYTES]);

void host_object_close(struct host_object *o);

#endif
