/** The agent of a node, its handler, and a broker that means harm. */
#ifndef HOSTILE_NODE_H
#define HOSTILE_NODE_H

#include <stddef.h>
#include <stdint.h>

/** Plays a script: what the broker does with each message of the node (support/wire/hostile.h), until the script is
 *  over. Aborts when the node breaks a promise (a handler gets another input than was offered); a sanitizer sees the
 *  rest. Returns how many messages the broker said; adds to heard, by type, what it heard (may be NULL). */
unsigned hostile_node_play(const uint8_t *script, size_t bytes, unsigned heard[128]);

#endif
