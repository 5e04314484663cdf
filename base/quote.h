/** Text in double quotes as YAML reads it, so that what --print-config writes can be read back whatever a value holds. */
#ifndef PV_QUOTE_H
#define PV_QUOTE_H

#include <stdio.h>

/** Writes text, which should be UTF-8, with quotes around it. Bytes that are not UTF-8 (an environment variable may hold
 *  them) are written as they are. */
void pv_quote(FILE *to, const char *text);

#endif
