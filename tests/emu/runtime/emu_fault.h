/** Failures on demand, and what exists: for tests beside the emulator, in C or C++. */
#ifndef EMU_FAULT_H
#define EMU_FAULT_H
#ifdef __cplusplus
extern "C" {
#endif
enum emu_fault {
    EMU_MALLOC, /* an allocation, on the device or of pinned memory */
    EMU_LAUNCH, /* a launch, of a kernel or of a graph */
    EMU_CALL,   /* any other call that can fail; not one that frees */
    EMU_KERNEL, /* a kernel that runs: it faults, and from then on the device answers no call, as after a bad address */
    EMU_FAULTS
};
/** The nth such thing from now on fails, once; 0: none. EMU_FAIL_MALLOC=n and EMU_FAIL_LAUNCH=n do the same from the start. */
void emu_fail(enum emu_fault kind, unsigned nth);
/** Did it? */
int emu_failed(void);
/** From now on each thing of a kind is noted with its place: the calls that led to it, of a kernel those that led to its launch. What
 *  the same line does in a loop has one place, and what one function does for two callers has two. */
void emu_note(enum emu_fault kind);
/** Ends that. How many things there were; place[i] of the first most of them. */
unsigned emu_noted(unsigned long long *place, unsigned most);
/** A device that died is as new, without what was allocated on it. */
void emu_revive(void);
/** Each capture stays open for that many milliseconds at least, so that calls of other threads meet it. */
void emu_linger(unsigned ms);
/** The device's memory from now on; 0: 139 GiB, as at first. What is allocated stays, beyond it too. */
void emu_memory(unsigned long long bytes);
/** Other processes hold all of it from now on but so many bytes beside what is allocated; 0: none do. */
void emu_leave(unsigned long long bytes);
/** Device memory that is allocated. */
unsigned long long emu_allocated(void);
/** Allocations, pinned ones, streams, events, graphs that were made and not freed. */
unsigned emu_live(void);
/** Calls that put something on a stream, a graph being one. */
unsigned emu_submitted(void);
/** How often it was done so far: a function of CUDA by its name, failed calls too ("launch": a kernel's, not a graph's, also while it is
 *  recorded), "kernel" (one ran, of a graph too), "wait" (the host's wait was over: a synchronisation returned, or a query said that all was
 *  done), "bytes up", "bytes down" (copied to the device and from it). */
unsigned long long emu_count(const char *what);
/** Streams that have work which has not run. */
unsigned emu_busy(void);
/** From now on nothing that is queued touches memory, and a new allocation is there in name alone: what comes back is nonsense, but calls,
 *  launches and bytes are those of a proof of any size. 0: as before. */
void emu_dry(int on);
#ifdef __cplusplus
}
#endif
#endif
