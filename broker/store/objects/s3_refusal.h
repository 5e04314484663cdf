/** What an answer of S3 that is no success means, and its sentence. Pure. */
#ifndef PV_S3_REFUSAL_H
#define PV_S3_REFUSAL_H

#include "s3_place.h"
#include "status.h"

/** code: of HTTP. body: what came with it, "" for none. */
pv_status s3_refusal(char why[S3_WHY_BYTES], const struct s3_place *place, const char *method, long code,
                     const char *body);

#endif
