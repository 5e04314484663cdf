/** The key of a bucket, from a file: the id on one line and the secret on the next, or the profile [default] of the form that AWS's
 *  programs keep in ~/.aws/credentials. Nothing else is asked for a key.
 */
#ifndef PV_S3_KEY_H
#define PV_S3_KEY_H

#include "s3_place.h"
#include "status.h"

#include <stdbool.h>

enum { S3_KEY_MAX = 128 };

struct s3_key {
    char id[S3_KEY_MAX + 1], secret[S3_KEY_MAX + 1];
};

/** PV_BAD_KEY_FILE with a sentence: missing, readable by others than its owner, or no key in it. */
pv_status s3_key_read(struct s3_key *key, const char *path, char why[S3_WHY_BYTES]);
/** The same from the file's text. What is wrong with it, or NULL. */
const char *s3_key_of_text(struct s3_key *key, const char *text);
bool s3_key_equal(const struct s3_key *a, const struct s3_key *b);
/** Wipes it. */
void s3_key_clear(struct s3_key *key);

#endif
