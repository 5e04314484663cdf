/** Which columns of a table fit into a terminal, and how wide each is. */
#ifndef PV_CLI_COLUMNS_H
#define PV_CLI_COLUMNS_H

#include <stddef.h>

/** The characters of a line of the terminal on stdout; 0: stdout is none, or does not say. */
size_t columns_room(void);

/** Makes n columns (with two spaces between them) fit into room: first the widest are made narrower, down to least[k], then
 *  the last ones are left out. Returns how many are shown, at least one. room 0: all, as they are. */
size_t columns_fit(size_t *width, const size_t *least, size_t n, size_t room);

#endif
