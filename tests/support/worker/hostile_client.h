/** A real client of libprovost, its caller, and a broker that means harm. */
#ifndef HOSTILE_CLIENT_H
#define HOSTILE_CLIENT_H

#include <stddef.h>
#include <stdint.h>

/** Plays a script: its first bytes are the caller's calls (submit small and large, prove, wait, attach, fetch, cancel,
 *  purge, list, forget, process), the others are what the broker does with each message (support/wire/hostile.h).
 *  Aborts when a call breaks a promise of provost.h; a sanitizer sees the rest. Returns how many messages the broker
 *  said; adds to heard, by type, what it heard (may be NULL). */
unsigned hostile_client_play(const uint8_t *script, size_t bytes, unsigned heard[128]);

#endif
