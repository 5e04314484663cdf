/** What a node knows of a key before it needs it: its digest, its sizes, its header, its coefficients. */
#ifndef PV_ZKEY_SURVEY_H
#define PV_ZKEY_SURVEY_H

#include "zkey.h"

/** Reads the file once and keeps a quarter of it: *z is as after zkey_load, except that the points of sections 5 to 9 are
 *  zeroes. digest is that of the whole file. PV_BAD_ZKEY, mapfile_read's statuses; on failure *z is untouched. */
pv_status zkey_survey(struct zkey *z, uint8_t digest[32], const char *path, struct prove_error *err);

#endif
