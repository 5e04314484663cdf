/** A grid's blocks over the workers. */
#ifndef EMU_GRID_H
#define EMU_GRID_H
#include "emu_block.h"

namespace emu
{
/** Runs all blocks of L, in the order EMU_SEED asks for, on EMU_WORKERS OS threads; returns when they are done. */
void run_grid(Launch *L);
} // namespace emu
#endif
