/** The file of one handler: YAML of names, texts and lists, read whole or refused with file and line. */
#ifndef PV_PROGRAM_CONFIG_H
#define PV_PROGRAM_CONFIG_H

#include "program.h"

/** Reads path into *p; name is the handler's. PV_BAD_CONFIG with a sentence, PV_IO (it cannot be read), PV_NO_MEMORY. In each
 *  case the caller clears p. */
pv_status program_config_read(struct program *p, const char *name, const char *path, char why[PROGRAM_WHY_BYTES]);
void program_config_clear(struct program *p);

/** Writes a sentence about a key of p's file, with its line. Always PV_BAD_CONFIG. */
pv_status program_config_refuse(const struct program *p, const char *key, char why[PROGRAM_WHY_BYTES],
                                const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
