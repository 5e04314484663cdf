/** The limits of JSON from outside, checked before it is parsed.
 *
 *  Jansson makes up to 80 bytes of memory from each byte of `{},{},{},...`: 32 MiB took 2.5 GB and 10 s. So values are
 *  counted in the text first, and a text with more than the largest key needs is not parsed.
 */
#ifndef GROTH16_JSON_LIMIT_H
#define GROTH16_JSON_LIMIT_H

#include <stdbool.h>
#include <stddef.h>

enum {
    GROTH16_JSON_BYTES_MAX = 32 << 20,
    GROTH16_JSON_DEPTH_MAX = 16,         /* a key's deepest value is in 4 */
    GROTH16_JSON_VALUES_MAX = 5 * 65536, /* a key of GROTH16_PUBLICS_MAX signals: four for each point of IC */
};

/** Whether text is within these limits. Counts commas, colons and opening brackets outside strings: at least values - 1. */
bool groth16_json_fits(const char *text, size_t bytes);

/** Whether no bracket stands in more than GROTH16_JSON_DEPTH_MAX others. Jansson goes down 2,048 levels, each with frames of its
 *  own: more than the stack of a thread with 64 KiB. */
bool groth16_json_is_shallow(const char *text, size_t bytes);

#endif
