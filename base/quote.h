/** Text in double quotes as YAML reads it: what --print-config writes can be read back, whatever a value holds. */
#ifndef PV_QUOTE_H
#define PV_QUOTE_H

#include <stdio.h>

/** Writes text, which is UTF-8, with its quotes. Bytes that are no UTF-8 (an environment may hold them) go out as they are. */
void pv_quote(FILE *to, const char *text);

#endif
