/** Reads a log of SQLite as SQLite's own recovery does: what is valid of it, transaction by transaction. Source:
 *  https://sqlite.org/fileformat2.html#the_write_ahead_log
 */
#ifndef PV_LOG_FRAMES_H
#define PV_LOG_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_frames {
    const uint8_t *bytes, *end, *next; /* borrowed */
    size_t page_bytes;
    bool big_endian; /* the words that are summed */
    uint32_t sum[2];
};

/** False: the header is damaged, or there is none. */
bool log_frames_begin(struct log_frames *f, const uint8_t *log, size_t bytes);
/** The frames of the next transaction, from *from up to *to: page_bytes + 24 each, the page last. False: no whole one
 *  follows. */
bool log_frames_next(struct log_frames *f, const uint8_t **from, const uint8_t **to);

#endif
