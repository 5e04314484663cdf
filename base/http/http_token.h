/** Bearer tokens: read from a file that only its owner may read, kept as a digest, compared in constant time.
 */
#ifndef PV_HTTP_TOKEN_H
#define PV_HTTP_TOKEN_H

#include "ids.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>

enum { HTTP_TOKEN_LEAST = 16, HTTP_TOKEN_MOST = 256 };

struct http_token {
    bool there; /* false: nothing equals it */
    wire_hash digest;
};

/** The one line of the file; path "": none is there. setting: its name, for the sentence. PV_BAD_CONFIG with a sentence: the file is missing, others may read it, or it
 *  does not hold 16 to 256 visible ASCII characters. */
pv_status http_token_read(struct http_token *to, const char *path, const char *setting, char *why, size_t why_bytes);

/** Whether n bytes at text are the token. Takes the same time whatever they are. */
bool http_token_equals(const struct http_token *t, const char *text, size_t n);

#endif
