/* Where the threads of a block meet: barriers, warp collectives, asynchronous copies. The calls are cuda_emu.h's. */
#include "emu_fiber.h"
#include "emu_report.h"
#include <sched.h>

namespace emu
{
int barrier(BarOp op, int pred, const char *file, int line)
{
    Worker *w = W;
    Thread *t = static_cast<Thread *>(cur);
    if (w->live != w->n) die("barrier %s:%d reached after %u of %u threads exited", file, line, w->n - w->live, w->n);
    if (!w->bar_n)
        w->bar_op = op, w->bar_file = file, w->bar_line = line, w->bar_cnt = 0;
    else if (line != w->bar_line || op != w->bar_op || strcmp(file, w->bar_file))
        die("divergent barriers: this thread is at %s:%d, %u others wait at %s:%d", file, line, w->bar_n, w->bar_file,
            w->bar_line);
    w->bar_cnt += pred;
    char *sync = &w->bar_sync[w->bar_gen & 1];
    sync_rel(sync);
    if (++w->bar_n == w->n) {
        w->bar_res = w->bar_cnt;
        w->bar_n = 0;
        w->bar_gen++;
        for (unsigned i = 0; i < w->n; i++)
            if (&w->thr[i] != t) push_ready(&w->thr[i]);
    } else {
        t->st = AT_BAR, t->file = file, t->line = line;
        wait_here(t);
    }
    sync_acq(sync);
    return op == BAR_OR ? w->bar_res != 0 : op == BAR_AND ? w->bar_res == w->n : (int)w->bar_res;
}

static uint64_t collect(const Warp &w, const Group &g, unsigned lane)
{
    unsigned a = w.arg[lane], width = w.width[lane], base = lane & ~(width - 1), src = lane;
    uint64_t r = 0;
    switch (g.op) {
    case SHFL_IDX: src = base + (a & (width - 1)); break;
    case SHFL_UP: src = lane >= base + a ? lane - a : lane; break;
    case SHFL_DOWN: src = lane + a < base + width ? lane + a : lane; break;
    case SHFL_XOR: src = (lane ^ a) < base + width ? lane ^ a : lane; break;
    case SYNCWARP: return 0;
    default:
        for (unsigned i = 0, first = 1; i < 32; i++) {
            if (!(g.mask >> i & 1)) continue;
            uint64_t v = w.val[i];
            switch (g.op) {
            case BALLOT: r |= (uint64_t)v << i; break;
            case MATCH: r |= (uint64_t)(v == w.val[lane]) << i; break;
            case RED_ADD: r = (uint32_t)(r + v); break;
            case RED_MIN: r = first || v < r ? v : r; break;
            case RED_MAX: r = first || v > r ? v : r; break;
            case RED_OR: r |= v; break;
            case RED_AND: r = first ? v : r & v; break;
            default: r ^= v; break;
            }
            first = 0;
        }
        return r;
    }
    if (!(g.mask >> src & 1))
        die("shuffle at %s:%d: lane %u reads lane %u, which is not in the mask %08x", g.file, g.line, lane, src,
            g.mask);
    return w.val[src];
}
uint64_t warp(WarpOp op, uint32_t mask, uint64_t v, unsigned arg, unsigned width, const char *file, int line)
{
    Thread *t = static_cast<Thread *>(cur);
    Warp &w = W->warp[t->idx / 32];
    if (!(mask >> t->lane & 1))
        die("warp collective at %s:%d: lane %u is not in its own mask %08x", file, line, t->lane, mask);
    if (mask & ~w.live)
        die("warp collective at %s:%d: mask %08x names lanes that exited or do not exist (live: %08x)", file, line,
            mask, w.live);
    if (width == 0 || width > 32 || (width & (width - 1))) die("shuffle width %u at %s:%d", width, file, line);
    unsigned k = 0;
    while (k < w.ng && !(w.g[k].mask & mask)) k++;
    if (k == w.ng) w.g[w.ng++] = { mask, 0, op, file, line, w.nsync++ % 8 };
    Group &g = w.g[k];
    if (g.mask != mask || g.op != op || g.line != line || strcmp(g.file, file))
        die("warp collective at %s:%d mask %08x meets another at %s:%d mask %08x", file, line, mask, g.file, g.line,
            g.mask);
    w.val[t->lane] = v, w.arg[t->lane] = arg, w.width[t->lane] = width;
    g.arrived |= 1u << t->lane;
    char *sync = &w.sync[g.sync];
    if (op == SYNCWARP) sync_rel(sync); /* a shuffle orders no memory */
    if (g.arrived == mask) {
        Group done = g;
        w.g[k] = w.g[--w.ng];
        for (unsigned i = 0; i < 32; i++) {
            if (!(mask >> i & 1)) continue;
            Thread *o = &W->thr[t->idx / 32 * 32 + i];
            o->ret = collect(w, done, i);
            if (o != t) push_ready(o);
        }
    } else {
        t->st = AT_WARP, t->file = file, t->line = line;
        wait_here(t);
    }
    if (op == SYNCWARP) sync_acq(sync);
    return t->ret;
}
void fence()
{
    cur->fenced = true; /* TSan knows no fences: later atomics of this thread become acquire-release */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
void copy16_async(void *to, const void *from)
{
    Thread *t = static_cast<Thread *>(cur);
    if (t->ncopy == MAX_COPIES) die("more than %d asynchronous copies under way in a thread", MAX_COPIES);
    if (((uintptr_t)to | (uintptr_t)from) & 15) die("misaligned asynchronous copy");
    t->copy[t->ncopy].to = to, t->copy[t->ncopy].from = from, t->copy[t->ncopy++].group = t->group;
}
void copy_close()
{
    static_cast<Thread *>(cur)->group++;
}
void copy_wait(unsigned pending)
{
    Thread *t = static_cast<Thread *>(cur);
    unsigned n = 0;
    while (n < t->ncopy && t->copy[n].group + pending < t->group) {
#ifdef EMU_ASAN
        if (__asan_region_is_poisoned(const_cast<void *>(t->copy[n].from), 16) ||
            __asan_region_is_poisoned(t->copy[n].to, 16))
            die("asynchronous copy outside its arrays");
#endif
        for (int i = 0; i < 16; i++) ((volatile char *)t->copy[n].to)[i] = ((const volatile char *)t->copy[n].from)[i];
        n++;
    }
    for (unsigned i = n; i < t->ncopy; i++) t->copy[i - n] = t->copy[i];
    t->ncopy -= n;
}
void relax()
{
    Thread *t = static_cast<Thread *>(cur);
    if (!W->ready_n) {
        sched_yield();
        return;
    }
    push_ready(t);
    wait_here(t);
}
} // namespace emu
