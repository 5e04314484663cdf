/** What a node knows of a key before it needs it: its digest, its sizes, its header, its coefficients. */
#ifndef PV_ZKEY_SURVEY_H
#define PV_ZKEY_SURVEY_H

#include "zkey.h"

/** Reads the file once and keeps its header and section 3: *z is as after zkey_load, except that the coefficients and
 *  points of sections 4 to 9 are zeroes, which take no memory. The coefficients are checked as they pass. digest is that
 *  of the whole file. PV_BAD_ZKEY, mapfile_read's statuses, PV_CANCELLED (interrupt, which may be NULL, was asked after
 *  each MiB); on failure *z is untouched. */
pv_status zkey_survey(struct zkey *z, uint8_t digest[32], const char *path, const struct regular_interrupt *interrupt,
                      struct prove_error *err);

#endif
