/** Lines of progress from a program: `percent phase [eta]`, and what is none of them.
 *
 *      42 witness          42% witness 12s          99.5 prove 3
 *
 *  The percent is 0 to 100, with an optional fraction, which is cut, and an optional %. The phase is a name as the protocol
 *  has them. The eta, in seconds with an optional s, is read and not used: the protocol has no field for it from a node.
 *  Lines end with \n or \r. Whatever is no such line goes to the tail.
 */
#ifndef PV_PROGRESS_LINES_H
#define PV_PROGRESS_LINES_H

#include "error_tail.h"
#include "fields.h"

#include <stdbool.h>
#include <stddef.h>

struct progress_line {
    unsigned percent;
    char phase[WIRE_NAME_MAX + 1];
};

/** Reads one line without its end. False: it is none. */
bool progress_line_read(struct progress_line *to, const char *line, size_t n);

enum { PROGRESS_LINE_BYTES = 128 };

/** Bytes as they come. Zero is the beginning. */
struct progress_lines {
    char line[PROGRESS_LINE_BYTES];
    size_t n;
    bool longer; /* the line is too long to be one of progress: its rest goes to the tail */
};

/** Takes n bytes; told is called for each line of progress. tail may be NULL: what is no progress is dropped. */
void progress_lines_take(struct progress_lines *p, const char *bytes, size_t n, struct error_tail *tail,
                         void (*told)(void *ctx, const struct progress_line *line), void *ctx);
/** The end: what is left of a line goes to the tail. */
void progress_lines_end(struct progress_lines *p, struct error_tail *tail);

#endif
