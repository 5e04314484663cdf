/** A circuit of a few squarings, built into the program from selftest/. */
#ifndef PV_SELFTEST_DATA_H
#define PV_SELFTEST_DATA_H

#include <stddef.h>
#include <stdint.h>

extern const uint8_t selftest_zkey[], selftest_wtns[];
extern const size_t selftest_zkey_bytes, selftest_wtns_bytes;

#endif
