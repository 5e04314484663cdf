/** How the emulator stops and in which order it runs things. */
#ifndef EMU_REPORT_H
#define EMU_REPORT_H
#include <stdint.h>
#include <stdio.h>

namespace emu
{
/** EMU_SEED, 0 when it is not set: 0 is ascending order, 1 descending, others random. */
uint64_t seed();
/** The next of a sequence of random numbers (splitmix64); s is its state. */
uint64_t next_rand(uint64_t &s);
/** The kernel, block and thread that run now; nothing when none does. */
void where(FILE *f);
/** Prints "EMU ERROR: sentence" and where(), and ends the process with status 86. */
[[noreturn]] __attribute__((format(printf, 1, 2))) void die(const char *fmt, ...);
} // namespace emu
#endif
