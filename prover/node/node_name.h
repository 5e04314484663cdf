/** The name of a node that was not given one: the host's, or HOST-2, HOST-3, ... when another node of this host has that.
 *
 *  A node holds its name by an abstract unix socket, which the kernel keeps once for each network namespace and gives up when the
 *  process ends, however it ends. Nodes in containers of their own whose hosts have one name do not see each other there: the
 *  broker refuses the second (R19), and that one asks for another (node_name_next).
 *
 *  The name is kept in the file `name` of the state folder, so that a node that comes back is the same prover to its broker. A node
 *  without a state folder gets the first name that is free.
 */
#ifndef PV_NODE_NAME_H
#define PV_NODE_NAME_H

#include "ids.h"

#include <stdbool.h>

enum { NODE_NAMES_MAX = 99 }; /* the highest number after a host's name */

struct node_name {
    char host[WIRE_NAME_MAX + 1];  /* what it is made from */
    char text[WIRE_NAME_MAX + 1];  /* the name */
    char first[WIRE_NAME_MAX + 1]; /* the name that was kept; "": none */
    const char *state;             /* NULL: there is no folder to keep it in */
    unsigned number;               /* of the name; 0: it is the one that was kept */
    int claim;                     /* descriptor; -1: none */
};

/** A name that was given: it is held, so that others keep off, and never changed. */
void node_name_given(struct node_name *n, const char *name);
/** Takes the name that state keeps, or the host's, or the next that is free, and keeps it. host is a legal name; it is copied.
 *  state: an existing folder, borrowed until node_name_clear, or NULL. */
void node_name_take(struct node_name *n, const char *host, const char *state);
/** The broker says that somebody else has the name: takes the next free one. False: there is none, and it stays. */
bool node_name_next(struct node_name *n);
/** Gives the name up. */
void node_name_clear(struct node_name *n);

#endif
