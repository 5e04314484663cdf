/** A maker of witnesses as the handler that proves knows it (witness_source.h): the generator is the one beside the key.
 */
#ifndef PV_MAKER_SOURCE_H
#define PV_MAKER_SOURCE_H

#include "witness_maker.h"
#include "witness_source.h"

/** m is borrowed. Its place has to be open before the first witness is made. */
struct witness_source maker_source(struct witness_maker *m);

#endif
