/** Reads circom's .r1cs: the constraints of a compiled circuit. For tests and measurements, which make its key in
 *  seconds with toy_setup.h instead of by a ceremony.
 *
 *  Source: iden3/r1csfile, doc/r1cs_bin_format.md, version 1.
 */
#ifndef R1CS_FILE_H
#define R1CS_FILE_H

#include "toy_setup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** size bytes of a file into *s (then toy_clear). NULL, or a constant sentence about what is wrong; then *s is
 *  untouched. Any bytes may come: every length, wire and number is checked against the rest before it is used. */
const char *r1cs_read(struct toy_r1cs *s, const uint8_t *bytes, size_t size);

#endif
