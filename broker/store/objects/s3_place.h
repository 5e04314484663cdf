/** Where objects lie: a bucket of a server that speaks S3's protocol, and the names in it that are ours. From settings alone: no
 *  environment, no instance metadata, no file of another program decides where payloads go.
 */
#ifndef PV_S3_PLACE_H
#define PV_S3_PLACE_H

#include "status.h"

#include <stdbool.h>

enum { S3_WHY_BYTES = 512, S3_BUCKET_MAX = 63, S3_PREFIX_MAX = 256, S3_ENDPOINT_MAX = 255, S3_REGION_MAX = 40 };

struct s3_settings {
    const char *where;    /* s3://BUCKET/PREFIX or s3://BUCKET */
    const char *endpoint; /* https://HOST[:PORT]; http only on loopback */
    const char *region;   /* "" or NULL: us-east-1 */
    const char *key_file; /* borrowed as long as the place */
    const char *
        ca_file; /* certificates that are trusted instead of the system's; "" or NULL: the system's. Borrowed likewise */
};

struct s3_place {
    char endpoint[S3_ENDPOINT_MAX + 1];
    char bucket[S3_BUCKET_MAX + 1];
    char prefix[S3_PREFIX_MAX + 2]; /* "" or with a slash at its end; only characters that a URL takes as they are */
    char region[S3_REGION_MAX + 1];
    const char *key_file, *ca_file; /* ca_file NULL: the system's */
    bool tls;
};

/** Whether the setting `payloads` names a bucket and no folder. */
bool s3_place_named(const char *where);

/** Reads the settings; opens nothing. PV_BAD_CONFIG with a sentence that begins with the setting's name. */
pv_status s3_place_read(struct s3_place *to, const struct s3_settings *from, char why[S3_WHY_BYTES]);

#endif
