/** One block on one OS thread: its CUDA threads are fibers. State shared by the files that run it: emu_fiber.cpp (the threads),
 *  emu_meet.cpp (barriers and warp collectives), emu_shared.cpp (shared memory), emu_grid.cpp (blocks and workers). */
#ifndef EMU_BLOCK_H
#define EMU_BLOCK_H
#include "cuda_emu.h"
#include "emu_sanitize.h"
#include <atomic>

namespace emu
{
enum {
    MAX_THREADS = 1024,
    MAX_SHARED = 227 << 10,
    STATIC_SHARED = 48 << 10,
    REDZONE = 64,
    STACK = 256 << 10,
    ARENA = 512 << 10,
    MAX_ARRAYS = 64,
    MAX_COPIES = 64
};
enum State { NEW, RUN, READY, AT_BAR, AT_WARP, DONE };
struct Fiber {
    void *sp;
    char *stack;
    struct Thread *thr;
    void *tsan, *fake;
};
struct Thread : Ctx {
    State st;
    Fiber *f;
    const char *file;
    int line;
    unsigned idx;
    uint64_t ret;
    struct {
        void *to;
        const void *from;
        unsigned group;
    } copy[MAX_COPIES];
    unsigned ncopy, group; /* copies under way, oldest first; the group still open */
};
struct Group {
    uint32_t mask, arrived;
    WarpOp op;
    const char *file;
    int line;
    unsigned sync;
};
struct Warp {
    uint64_t val[32];
    unsigned arg[32], width[32];
    uint32_t live;
    Group g[32];
    unsigned ng, nsync;
    char sync[8];
};
struct Shared {
    const void *tag;
    size_t off, size;
    const char *name;
};
struct Launch {
    const char *name;
    std::function<void()> body;
    dim3 grid, block;
    size_t smem;
    uint64_t nblocks, stride, first;
    std::atomic<uint64_t> next{ 0 };
    char begin, end; /* two, or a block would be ordered after those that finished before it */
};
struct Worker {
    Launch *L;
    BlockInfo info;
    Thread thr[MAX_THREADS];
    Warp warp[MAX_THREADS / 32];
    unsigned n, live, bar_n, bar_cnt, bar_res, bar_gen, ready_head, ready_n;
    BarOp bar_op;
    const char *bar_file;
    int bar_line;
    char bar_sync[2];
    uint16_t ready[MAX_THREADS];
    Fiber *running;
    void *main_sp, *main_tsan, *main_fake;
    const void *main_bottom;
    size_t main_size;
    Fiber *pool[MAX_THREADS], *fixed[2][MAX_THREADS]; /* plain arrays: TSan sees what std::vector does */
    unsigned npool, set;
    char *arenas[2], *arena, *dyn;
    char set_begin[2], set_end[2];
    size_t arena_used;
    Shared arrays[MAX_ARRAYS];
    unsigned narrays;
    uint64_t rng;
};
extern __thread Worker *W; /* of this OS thread */
} // namespace emu
#endif
