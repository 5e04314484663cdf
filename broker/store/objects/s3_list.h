/** One page of the list of a bucket, as S3 writes it in XML (ListObjectsV2). Pure; what a server sends is bounded by its reader. */
#ifndef PV_S3_LIST_H
#define PV_S3_LIST_H

#include "ids.h"
#include "s3_place.h"
#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { S3_PAGE_MOST = 1000, S3_NAME_MAX = 1024 };

/** An object that is named like a payload: the prefix and a SHA-256 in lower-case hex. */
struct s3_listed {
    wire_hash hash;
    uint64_t bytes;
    int64_t changed_s; /* Unix time, by the server's clock */
};

struct s3_page {
    struct s3_listed at[S3_PAGE_MOST]; /* others are left out */
    size_t n;
    char last[S3_NAME_MAX + 1]; /* the last name of any kind: the next page begins after it */
    bool more;
};

/** prefix: "" or with a slash at its end. PV_BAD_MESSAGE: it is no such page. */
pv_status s3_page_read(struct s3_page *to, const char *xml, const char *prefix);

/** The text of the first element of this name between at and end, of at most bytes - 1 characters. False: none, or longer. */
bool s3_element(const char *at, const char *end, const char *name, char *to, size_t bytes);

#endif
