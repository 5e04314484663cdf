/** Whether what a library is about to need can be had. libgomp, libzmq and czmq end the process where they get no thread, no
 *  descriptor or no memory; whoever asks here first can do with less, or say a sentence.
 *
 *  The answer is true of the moment: between the question and the use another process of the same user may take the rest.
 */
#ifndef PV_STARTABLE_H
#define PV_STARTABLE_H

#include "status.h"

#include <stddef.h>

/** How many threads, `most` at most, can be started beside those that there are. Starts them, each with stack_bytes of stack
 *  (0: as threads are started by default), and ends them again; after the return the kernel no longer counts them. Two
 *  hundred take 2 ms. */
unsigned startable_threads(unsigned most, size_t stack_bytes);

/** How many descriptors, `most` at most, can be opened beside those that there are. */
unsigned startable_descriptors(unsigned most);

/** What a program takes at its start, in one question. */
struct startable {
    const char *who; /* "a broker": the subject of the sentence */
    unsigned threads, descriptors;
    size_t memory; /* bytes of address space, not touched; 0: not asked */
};

/** PV_OK: all of it can be had now. PV_BUSY (threads, descriptors), PV_NO_MEMORY: with a sentence that names the limits. */
pv_status startable_check(const struct startable *need, char *why, size_t why_bytes);

#endif
