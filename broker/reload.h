/** Settings and keys into the parts that use them: at the start, and again at HUP. A mistake in a file changes nothing. What only a
 *  start can change is named in the log and stays as it is.
 */
#ifndef PV_RELOAD_H
#define PV_RELOAD_H

#include "config.h"

struct broker;

/** How much is logged, and in which form. */
void reload_log(const struct config *config);
/** Warns of a configuration without queues: nothing could be submitted. */
void reload_warn_queues(const struct config *config);

/** Tells the core the queues of b->config, and the principals of b->keys with their limits. */
void reload_declare_queues(struct broker *b);
void reload_declare_principals(struct broker *b);

/** Gives the flood its memory_max, with a warning where that is more than the process may use. */
void reload_memory(struct broker *b);

/** HUP: reads settings and keys again. */
void reload_all(struct broker *b);
/** Frees the settings that were read again; those of the start are in force. */
void reload_clear(struct broker *b);

#endif
