/** Shared memory of a block: each array lies between red zones. */
#ifndef EMU_SHARED_H
#define EMU_SHARED_H
#include <stddef.h>

namespace emu
{
/** Starts a block without arrays; smem bytes of dynamic shared memory, which dyn_shared gives. */
void arrays_open(size_t smem);
/** Ends the process when the block wrote outside an array or declared more than the device has. */
void arrays_check();
} // namespace emu
#endif
