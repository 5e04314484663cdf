/* cuda_emu.cpp - the emulator behind cuda_emu.h. Compile it WITHOUT sanitizers,
 * with -DEMU_ASAN or -DEMU_TSAN when the kernels are built with one.
 *
 * Checked in every build: threads of a block at different barriers, a barrier
 * that exited threads never reach, warp collectives with a wrong mask or with
 * lanes missing, deadlock, launch limits, copies outside an allocation, shared
 * memory overruns (canaries), host code touching device memory (pages are
 * PROT_NONE while the host runs) and overruns past its end (guard page).
 * EMU_ASAN: exact bounds of shared arrays and device allocations.
 * EMU_TSAN: every CUDA thread is a TSan fiber and switching is no
 * synchronisation, so a missing barrier, __syncwarp, fence or atomic is
 * reported as a data race with both stacks, whatever order the threads ran in. */
#include "cuda_emu.h"
#include "emu_fault.h"
#include <dlfcn.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#ifdef EMU_ASAN
extern "C" {
void __sanitizer_start_switch_fiber(void **save, const void *bottom, size_t size);
void __sanitizer_finish_switch_fiber(void *save, const void **old_bottom, size_t *old_size);
void __asan_poison_memory_region(const volatile void *, size_t);
void __asan_unpoison_memory_region(const volatile void *, size_t);
void *__asan_region_is_poisoned(void *, size_t);
}
#endif
#ifdef EMU_TSAN
extern "C" {
void *__tsan_get_current_fiber();
void *__tsan_create_fiber(unsigned flags);
void __tsan_set_fiber_name(void *fiber, const char *name);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void __tsan_acquire(void *);
void __tsan_release(void *);
}
enum { TSAN = 1 };
static void sync_rel(void *p)
{
    __tsan_release(p);
}
static void sync_acq(void *p)
{
    __tsan_acquire(p);
}
#else
enum { TSAN = 0 };
static void sync_rel(void *)
{
}
static void sync_acq(void *)
{
}
#endif

extern "C" void emu_jump(void **save_sp, void *to_sp);
#if !defined(__x86_64__)
#error "write emu_jump and the first frame for this machine, or use ucontext"
#endif
asm(".text\n.globl emu_jump\n.type emu_jump,@function\nemu_jump:\n"
    "pushq %rbp\npushq %rbx\npushq %r12\npushq %r13\npushq %r14\npushq %r15\n"
    "movq %rsp,(%rdi)\nmovq %rsi,%rsp\n"
    "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\nret\n");

namespace emu
{
__thread Ctx *cur;
static const PtxEntry
    *ptx_entries; /* set before main by the translated files' constants; a plain pointer, so no order matters */
PtxEntry::PtxEntry(const char *n, void (*f)(const unsigned char *)) : name(n), fn(f), next(ptx_entries)
{
    ptx_entries = this;
}
static void (*ptx_find(const char *name))(const unsigned char *)
{
    for (const PtxEntry *e = ptx_entries; e; e = e->next)
        if (!strcmp(e->name, name)) return e->fn;
    return nullptr;
}

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
static __thread Worker *W;
static uint64_t seed()
{
    static uint64_t s = getenv("EMU_SEED") ? strtoull(getenv("EMU_SEED"), 0, 0) : 0;
    return s;
}
static uint64_t next_rand(uint64_t &s)
{
    uint64_t z = (s += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void where(FILE *f)
{
    if (!W || !W->L || !cur) return;
    fprintf(f, "  in kernel %s, block (%u,%u,%u), thread (%u,%u,%u)\n", W->L->name, cur->blk->bid.x, cur->blk->bid.y,
            cur->blk->bid.z, cur->tid.x, cur->tid.y, cur->tid.z);
}
[[noreturn]] __attribute__((format(printf, 1, 2))) static void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("EMU ERROR: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    where(stderr);
    fflush(0);
    _exit(86);
}
void trap(const char *msg, const char *file, int line)
{
    die("%s at %s:%d", msg, file, line);
}

/* ---- fibers and the scheduler of one block ---- */
static void finish_switch(void *fake)
{
#ifdef EMU_ASAN
    const void *b;
    size_t s;
    __sanitizer_finish_switch_fiber(fake, &b, &s);
    if (!W->main_bottom) W->main_bottom = b, W->main_size = s;
#else
    (void)fake;
#endif
}
static void fiber_main();
static Fiber *new_fiber()
{
    Fiber *f = new Fiber();
    f->stack =
        (char *)mmap(0, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (f->stack == MAP_FAILED) die("no memory for a fiber stack");
    mprotect(f->stack, 4096, PROT_NONE);
    void **sp = (void **)(f->stack + STACK) - 1;
    *--sp = (void *)fiber_main; /* emu_jump's ret; rsp is then 8 mod 16, as after a call */
    sp -= 6;
    f->sp = sp;
#ifdef EMU_TSAN
    f->tsan = __tsan_create_fiber(0);
#endif
    return f;
}
static Fiber *fiber_for(Thread *t)
{
    if (TSAN) { /* one TSan identity per CUDA thread, two sets so that neighbouring blocks are unordered */
        Fiber *&f = W->fixed[W->set][t->idx];
        if (!f) {
            f = new_fiber();
#ifdef EMU_TSAN
            char name[32];
            snprintf(name, sizeof name, "CUDA thread %u", t->idx);
            __tsan_set_fiber_name(f->tsan, name);
#endif
        }
        return f;
    }
    return W->npool ? W->pool[--W->npool] : new_fiber();
}
static void push_ready(Thread *t)
{
    t->st = READY;
    W->ready[(W->ready_head + W->ready_n++) % MAX_THREADS] = t->idx;
}
static Thread *pop_ready()
{
    if (!W->ready_n) return 0;
    unsigned h = W->ready_head;
    if (seed() > 1) {
        unsigned k = (h + next_rand(W->rng) % W->ready_n) % MAX_THREADS;
        std::swap(W->ready[h], W->ready[k]);
    }
    W->ready_head = (h + 1) % MAX_THREADS;
    W->ready_n--;
    return &W->thr[W->ready[h]];
}
/* leave the running fiber for thread n (or for the block loop when n is null) */
static void leave(Thread *n)
{
    Fiber *from = W->running;
    void *to;
    if (n) {
        if (!n->f) n->f = fiber_for(n);
        n->f->thr = n;
        W->running = n->f;
        to = n->f->sp;
    } else {
        W->running = 0;
        to = W->main_sp;
    }
#ifdef EMU_ASAN
    void **fake = from ? &from->fake : &W->main_fake;
    __sanitizer_start_switch_fiber(fake, n ? (void *)n->f->stack : W->main_bottom, n ? (size_t)STACK : W->main_size);
#endif
#ifdef EMU_TSAN
    __tsan_switch_to_fiber(n ? n->f->tsan : W->main_tsan, 1 /* no synchronisation */);
#endif
    emu_jump(from ? &from->sp : &W->main_sp, to);
#ifdef EMU_ASAN
    finish_switch(from ? from->fake : W->main_fake);
#endif
}
static void wait_here(Thread *t)
{
    leave(pop_ready());
    cur = t;
    t->st = RUN;
}
static void thread_exit(Thread *t)
{
    t->st = DONE;
    W->live--;
    Warp &w = W->warp[t->idx / 32];
    w.live &= ~(1u << t->lane);
    if (W->bar_n) die("thread exits while %u threads wait at the barrier %s:%d", W->bar_n, W->bar_file, W->bar_line);
    for (unsigned i = 0; i < w.ng; i++)
        if (w.g[i].mask >> t->lane & 1)
            die("lane %u exits but is named in the mask %08x of the collective at %s:%d", t->lane, w.g[i].mask,
                w.g[i].file, w.g[i].line);
}
static void fiber_main()
{
    finish_switch(0);
    for (;;) {
        Fiber *self = W->running;
        Thread *t = self->thr;
        cur = t;
        t->st = RUN;
        sync_acq(&W->L->begin), sync_acq(&W->set_begin[W->set]);
        W->L->body();
        sync_rel(&W->L->end), sync_rel(&W->set_end[W->set]);
        thread_exit(t);
        t->f = 0;
        Thread *n = pop_ready();
        if (n && !n->f && !TSAN) { /* a fresh thread can use this stack */
            n->f = self;
            self->thr = n;
            continue;
        }
        if (!TSAN) W->pool[W->npool++] = self;
        leave(n);
    }
}

static void open_array(size_t bytes, const void *tag, const char *name)
{
    size_t off = W->arena_used + REDZONE, size = (bytes + 15) & ~(size_t)15;
    W->arena_used = off + size;
    if (W->arena_used + REDZONE > ARENA || W->narrays == MAX_ARRAYS) die("shared memory arena exhausted");
    unsigned char *p = (unsigned char *)W->arena + off;
#ifdef EMU_ASAN
    __asan_unpoison_memory_region(p, bytes);
#else
    for (volatile unsigned char *q = p - REDZONE; q < p; q++) *q = 0xfa;
    for (volatile unsigned char *q = p + bytes; q < p + size + REDZONE; q++) *q = 0xfa;
#endif
    unsigned char fill = seed() ? (unsigned char)next_rand(W->rng) | 1 : 0xa5;
    for (volatile unsigned char *q = p; q < p + bytes; q++) *q = fill; /* not memset, which TSan sees */
    W->arrays[W->narrays++] = { tag, off, bytes, name };
}
static void check_arrays()
{
#ifndef EMU_ASAN
    for (unsigned k = 0; k < W->narrays; k++) {
        Shared &a = W->arrays[k];
        unsigned char *p = (unsigned char *)W->arena + a.off;
        size_t size = (a.size + 15) & ~(size_t)15;
        for (size_t i = 1; i <= REDZONE; i++)
            if (p[-(long)i] != 0xfa)
                die("shared array %s of kernel %s: written %zu bytes before its start", a.name, W->L->name, i);
        for (size_t i = a.size; i < size + REDZONE; i++)
            if (p[i] != 0xfa)
                die("shared array %s of kernel %s: written %zu bytes past its end", a.name, W->L->name, i - a.size + 1);
    }
#endif
    size_t total = 0;
    for (unsigned k = 0; k < W->narrays; k++)
        if (W->arrays[k].tag) total += W->arrays[k].size;
    if (total > STATIC_SHARED) die("kernel %s: %zu bytes of static shared memory", W->L->name, total);
    if (total + W->L->smem > MAX_SHARED) die("kernel %s: more than 227 KB of shared memory", W->L->name);
}
void *shared(const void *tag, size_t bytes, const char *name)
{
    for (int pass = 0;; pass++) {
        for (unsigned k = 0; k < W->narrays; k++)
            if (W->arrays[k].tag == tag) return W->arena + W->arrays[k].off;
        open_array(bytes, tag, name);
    }
}
void *dyn_shared()
{
    return W->dyn;
}

static void run_block(Launch *L, uint64_t b)
{
    Worker *w = W;
    w->info.bdim = L->block;
    w->info.gdim = L->grid;
    w->info.bid = { (unsigned)(b % L->grid.x), (unsigned)(b / L->grid.x % L->grid.y),
                    (unsigned)(b / L->grid.x / L->grid.y) };
    unsigned n = w->n = w->live = L->block.x * L->block.y * L->block.z;
    w->bar_n = w->ready_n = w->ready_head = 0;
    w->set ^= TSAN;
    w->arena = w->arenas[w->set];
    sync_acq(&w->set_end[w->set]), sync_rel(&w->set_begin[w->set]); /* after this arena's previous block */
#ifdef EMU_ASAN
    __asan_poison_memory_region(w->arena, ARENA);
#endif
    w->narrays = 0;
    w->arena_used = 0;
    w->dyn = 0;
    if (L->smem) {
        open_array(L->smem, 0, "(dynamic)");
        w->dyn = w->arena + w->arrays[0].off;
    }
    for (unsigned i = 0; i < n; i++) {
        unsigned k = seed() == 1 ? n - 1 - i : i;
        Thread *t = &w->thr[k];
        t->tid = { k % L->block.x, k / L->block.x % L->block.y, k / L->block.x / L->block.y };
        t->blk = &w->info;
        t->lane = k % 32;
        t->idx = k;
        t->f = 0;
        t->fenced = false;
        t->ncopy = t->group = 0;
        push_ready(t);
        t->st = NEW;
    }
    for (unsigned i = 0; i < (n + 31) / 32; i++) {
        w->warp[i].live = n - 32 * i >= 32 ? 0xffffffffu : (1u << (n - 32 * i)) - 1;
        w->warp[i].ng = 0;
    }
    if (TSAN) /* from here: creating a fiber orders it after its creator */
        for (unsigned i = 0; i < n; i++) fiber_for(&w->thr[i]);
    leave(pop_ready());
    cur = 0;
    if (w->live) {
        fprintf(stderr, "EMU ERROR: deadlock in kernel %s, block (%u,%u,%u): %u of %u threads wait\n", L->name,
                w->info.bid.x, w->info.bid.y, w->info.bid.z, w->live, n);
        const char *lf = 0;
        int ll = 0, ls = -1;
        for (unsigned i = 0; i < n; i++) {
            Thread &t = w->thr[i];
            if (t.st == ls && (t.st == DONE || (t.file == lf && t.line == ll))) continue;
            ls = t.st, lf = t.file, ll = t.line;
            fprintf(stderr, "  from thread %u: %s %s:%d\n", i,
                    t.st == AT_BAR    ? "barrier"
                    : t.st == AT_WARP ? "warp collective"
                                      : "exited",
                    t.st == DONE ? "" : t.file, t.st == DONE ? 0 : t.line);
        }
        fflush(0);
        _exit(86);
    }
    check_arrays();
}

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

/* ---- workers ---- */
/* never destroyed: idle workers still wait on them at exit */
static std::mutex &pool_mu = *new std::mutex;
static std::condition_variable &pool_cv = *new std::condition_variable, &done_cv = *new std::condition_variable;
static Launch *pool_job;
static uint64_t pool_gen;
static unsigned pool_busy, pool_n;

static void work(Launch *L)
{
    if (!W) {
        W = new Worker();
        for (int i = 0; i <= TSAN; i++) W->arenas[i] = (char *)aligned_alloc(1024, ARENA);
        W->rng = seed() * 0x2545f4914f6cdd1du + (uintptr_t)pthread_self();
#ifdef EMU_TSAN
        W->main_tsan = __tsan_get_current_fiber();
#endif
#ifndef EMU_ASAN
        stack_t ss = {};
        ss.ss_sp = malloc(65536);
        ss.ss_size = 65536;
        sigaltstack(&ss, 0);
#endif
    }
    W->L = L;
    for (uint64_t i; (i = L->next++) < L->nblocks;) run_block(L, (L->first + i * L->stride) % L->nblocks);
    W->L = 0;
}
static void pool_main()
{
    uint64_t gen = 0;
    for (;;) {
        std::unique_lock<std::mutex> l(pool_mu);
        pool_cv.wait(l, [&] { return pool_gen != gen; });
        gen = pool_gen;
        Launch *L = pool_job;
        l.unlock();
        work(L);
        l.lock();
        if (--pool_busy == 0) done_cv.notify_one();
    }
}
static uint64_t gcd(uint64_t a, uint64_t b)
{
    return b ? gcd(b, a % b) : a;
}
static void run_grid(Launch *L)
{
    static bool started;
    L->stride = 1, L->first = 0;
    if (seed() == 1) L->stride = L->nblocks - 1 ? L->nblocks - 1 : 1, L->first = L->nblocks - 1;
    if (seed() > 1) {
        static uint64_t r = seed();
        L->first = next_rand(r) % L->nblocks;
        while (gcd(L->stride = next_rand(r) % L->nblocks + 1, L->nblocks) != 1) {
        }
    }
    sync_rel(&L->begin);
    std::unique_lock<std::mutex> l(pool_mu);
    if (!started) {
        started = true;
        const char *e = getenv("EMU_WORKERS");
        pool_n = e ? atoi(e) : std::thread::hardware_concurrency();
        for (unsigned i = 1; i < pool_n; i++) std::thread(pool_main).detach();
    }
    if (pool_n > 1 && L->nblocks > 1) {
        pool_job = L;
        pool_busy = pool_n - 1;
        pool_gen++;
        pool_cv.notify_all();
    }
    l.unlock();
    work(L);
    l.lock();
    done_cv.wait(l, [] { return pool_busy == 0; });
    sync_acq(&L->end);
}
} // namespace emu

/* ---- device memory, streams, events ---- */
using namespace emu;
struct Alloc {
    size_t size;
    char *map;
    size_t maplen;
};
/* What a capture records: an operation, and those it comes after. */
struct Node {
    std::function<void()> f;
    std::vector<size_t> after;
};
struct emu_graph {
    std::vector<Node> nodes;
    emu_stream *origin;
    bool broken;
};
struct emu_exec {
    std::shared_ptr<std::vector<Node>> nodes;
};
struct emu_stream {
    std::deque<std::function<void()>> q;
    bool nonblocking;
    emu_graph *capture;
    std::vector<size_t> tail;
};
struct emu_event {
    std::shared_ptr<bool> token;
    emu_stream *s;
    double ms;
    emu_graph *capture;
    std::vector<size_t> tail;
};
static std::recursive_mutex api;
#define LOCK std::lock_guard<std::recursive_mutex> lock_(api)
static std::map<char *, Alloc> allocs;
static std::vector<emu_stream *> streams;
static emu_stream null_stream;
static emu_graph *capturing; /* one at a time is enough here */
static std::map<const void *, int> dyn_limit;
static cudaError_t last_error;
static cudaError_t fail(cudaError_t e, const char *what)
{
    if (what) fprintf(stderr, "EMU: %s\n", what);
    return last_error = e;
}

/* ---- failures on demand ---- */
static unsigned fault_left[EMU_FAULTS], live, submitted;
static bool fault_hit, dead;
static bool fault(emu_fault kind) /* is it this one's turn? */
{
    static const bool env = [] {
        const char *m = getenv("EMU_FAIL_MALLOC"), *l = getenv("EMU_FAIL_LAUNCH");
        if (m && !fault_left[EMU_MALLOC]) fault_left[EMU_MALLOC] = atoi(m);
        if (l && !fault_left[EMU_LAUNCH]) fault_left[EMU_LAUNCH] = atoi(l);
        return true;
    }();
    (void)env;
    if (!fault_left[kind] || --fault_left[kind]) return false;
    return fault_hit = true;
}
void emu_fail(emu_fault kind, unsigned nth)
{
    LOCK;
    fault_left[kind] = nth, fault_hit = false;
}
int emu_failed()
{
    LOCK;
    return fault_hit;
}
unsigned emu_live()
{
    LOCK;
    return live;
}
unsigned emu_submitted()
{
    LOCK;
    return submitted;
}
/* every call that can fail begins so */
#define CALL(kind, error)                                                                                              \
    LOCK;                                                                                                              \
    if (dead) return fail(cudaErrorIllegalAddress, 0);                                                                 \
    if (fault(kind)) return fail(error, 0)
/* and one that a capture does not allow, so: it breaks the capture */
#define NOT_CAPTURED                                                                                                   \
    if (capturing) {                                                                                                   \
        capturing->broken = true;                                                                                      \
        return fail(cudaErrorStreamCaptureUnsupported, "a call that a capture does not allow");                        \
    }                                                                                                                  \
    (void)0

/* device memory is reachable only while device work runs */
static void open_device(bool on)
{
    for (auto &a : allocs) {
#if defined(EMU_ASAN)
        if (on)
            __asan_unpoison_memory_region(a.first, a.second.size);
        else
            __asan_poison_memory_region(a.first, a.second.size);
#elif !defined(EMU_TSAN)
        mprotect(a.second.map, a.second.maplen, on ? PROT_READ | PROT_WRITE : PROT_NONE);
#else
        (void)on, (void)a;
#endif
    }
}
static void device_op(const std::function<void()> &f)
{
    open_device(true);
    f();
    open_device(false);
}
static void step(emu_stream *s)
{
    auto f = std::move(s->q.front());
    s->q.pop_front();
    if (!dead) f();
}
static void drain(emu_stream *s)
{
    static uint64_t r = seed();
    while (!s->q.empty()) {
        if (seed() > 1)
            for (emu_stream *o : streams)
                if (!o->q.empty() && next_rand(r) % 2 && !s->q.empty()) step(o);
        if (!s->q.empty()) step(s);
    }
}
static void drain_all(bool blocking_only)
{
    for (emu_stream *s : streams)
        if (!blocking_only || !s->nonblocking) drain(s);
}
static void enqueue(cudaStream_t s, std::function<void()> f)
{
    if (s && s->capture) {
        s->capture->nodes.push_back({ std::move(f), s->tail });
        s->tail = { s->capture->nodes.size() - 1 };
        return;
    }
    submitted++;
    if (!s) {
        drain_all(true);
        if (!dead) f();
    } else {
        s->q.push_back(std::move(f)); /* runs no earlier than somebody waits for it */
    }
}
static bool on_device(const void *p, size_t n, bool *inside)
{
    auto it = allocs.upper_bound((char *)p);
    *inside = false;
    if (it == allocs.begin()) return false;
    --it;
    if ((char *)p >= it->first + it->second.size + 4096) return false;
    *inside = (char *)p + n <= it->first + it->second.size;
    return (char *)p < it->first + it->second.size || n == 0;
}

cudaError_t cudaMalloc(void **p, size_t n)
{
    *p = 0;
    CALL(EMU_MALLOC, cudaErrorMemoryAllocation);
    NOT_CAPTURED;
    if (!n) return cudaSuccess;
    Alloc a = { n, 0, 0 };
    char *q;
#if defined(EMU_ASAN) || defined(EMU_TSAN)
    q = (char *)aligned_alloc(256, (n + 255) & ~(size_t)255);
#else
    a.maplen = (n + 4095) & ~(size_t)4095;
    a.map =
        (char *)mmap(0, a.maplen + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (a.map == MAP_FAILED) return fail(cudaErrorMemoryAllocation, 0);
    mprotect(a.map + a.maplen, 4096, PROT_NONE);
    q = a.map + (a.maplen - ((n + 31) & ~(size_t)31)); /* end against the guard page; 32-byte aligned */
#endif
    static uint64_t r = seed();
    memset(q, seed() ? (int)next_rand(r) | 1 : 0xcd, n);
    allocs[q] = a;
    live++;
    open_device(false);
    *p = q;
    return cudaSuccess;
}
cudaError_t cudaFree(void *p)
{
    LOCK;
    drain_all(false);
    if (!p) return cudaSuccess;
    auto it = allocs.find((char *)p);
    if (it == allocs.end()) return fail(cudaErrorInvalidValue, "cudaFree of a pointer that is not an allocation");
    open_device(true);
    if (it->second.map)
        munmap(it->second.map, it->second.maplen + 4096);
    else
        free(p);
    allocs.erase(it);
    live--;
    open_device(false);
    return dead ? fail(cudaErrorIllegalAddress, 0) : cudaSuccess;
}
cudaError_t cudaMallocHost(void **p, size_t n)
{
    *p = 0;
    CALL(EMU_MALLOC, cudaErrorMemoryAllocation);
    NOT_CAPTURED;
    if (!(*p = malloc(n ? n : 1))) return fail(cudaErrorMemoryAllocation, 0);
    live++;
    return cudaSuccess;
}
cudaError_t cudaFreeHost(void *p)
{
    LOCK;
    if (p) live--;
    free(p);
    return cudaSuccess;
}
cudaError_t cudaMallocAsync(void **p, size_t n, cudaStream_t)
{
    return cudaMalloc(p, n);
}
cudaError_t cudaFreeAsync(void *p, cudaStream_t s)
{
    LOCK;
    enqueue(s, [p] {
        auto it = allocs.find((char *)p);
        if (it == allocs.end()) {
            fail(cudaErrorInvalidValue, "cudaFreeAsync of a pointer that is not an allocation");
            return;
        }
        open_device(true);
        if (it->second.map)
            munmap(it->second.map, it->second.maplen + 4096);
        else
            free(p);
        allocs.erase(it);
        live--;
        open_device(false);
    });
    return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void *d, const void *s, size_t n, cudaMemcpyKind k, cudaStream_t st)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    if (!st) {
        NOT_CAPTURED;
    }
    bool di, si, dd = on_device(d, n, &di), sd = on_device(s, n, &si);
    if ((dd && !di) || (sd && !si)) return fail(cudaErrorInvalidValue, "copy leaves its device allocation");
    if (k != cudaMemcpyDefault && n &&
        (dd != (k == cudaMemcpyHostToDevice || k == cudaMemcpyDeviceToDevice) ||
         sd != (k == cudaMemcpyDeviceToHost || k == cudaMemcpyDeviceToDevice)))
        return fail(cudaErrorInvalidValue, "copy kind does not match its pointers");
    enqueue(st, [=] { device_op([=] { memmove(d, s, n); }); });
    return cudaSuccess;
}
cudaError_t cudaMemcpy(void *d, const void *s, size_t n, cudaMemcpyKind k)
{
    return cudaMemcpyAsync(d, s, n, k, 0);
}
cudaError_t cudaMemsetAsync(void *d, int v, size_t n, cudaStream_t st)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    if (!st) {
        NOT_CAPTURED;
    }
    bool in;
    if (n && (!on_device(d, n, &in) || !in)) return fail(cudaErrorInvalidValue, "memset leaves its device allocation");
    enqueue(st, [=] { device_op([=] { memset(d, v, n); }); });
    return cudaSuccess;
}
cudaError_t cudaMemset(void *d, int v, size_t n)
{
    return cudaMemsetAsync(d, v, n, 0);
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned flags)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    *s = new emu_stream{ {}, (flags & cudaStreamNonBlocking) != 0, 0, {} };
    streams.push_back(*s);
    live++;
    return cudaSuccess;
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t *s, unsigned flags, int)
{
    return cudaStreamCreateWithFlags(s, flags);
}
cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    *least = 0, *greatest = -5;
    return cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t s)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    NOT_CAPTURED;
    if (!s->q.empty()) step(s);
    if (dead) return fail(cudaErrorIllegalAddress, 0);
    return s->q.empty() ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaStreamCreate(cudaStream_t *s)
{
    return cudaStreamCreateWithFlags(s, 0);
}
cudaError_t cudaStreamSynchronize(cudaStream_t s)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    NOT_CAPTURED;
    if (s)
        drain(s);
    else
        drain_all(true);
    return dead ? fail(cudaErrorIllegalAddress, 0) : cudaGetLastError();
}
cudaError_t cudaStreamDestroy(cudaStream_t s)
{
    LOCK;
    drain(s);
    for (size_t i = 0; i < streams.size(); i++)
        if (streams[i] == s) streams.erase(streams.begin() + i--);
    delete s;
    live--;
    return cudaSuccess;
}
static double now_ms()
{
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    *e = new emu_event{ nullptr, nullptr, 0, 0, {} };
    live++;
    return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t *e)
{
    return cudaEventCreateWithFlags(e, 0);
}
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    e->capture = s ? s->capture : 0;
    if (e->capture) return e->tail = s->tail, cudaSuccess;
    auto tok = e->token = std::make_shared<bool>(false);
    e->s = s;
    enqueue(s, [e, tok] {
        *tok = true;
        if (e->token == tok) e->ms = now_ms();
    });
    submitted--; /* no work */
    return cudaSuccess;
}
static void wait_token(std::shared_ptr<bool> tok, emu_stream *s)
{
    while (tok && !*tok) {
        if (dead) return;
        if (!s || s->q.empty()) die("wait for an event whose record never runs");
        step(s);
    }
}
cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    if (e->capture || (s && s->capture)) { /* the capture spreads to s, or s comes back to it */
        if (!s || !e->capture || e->capture != capturing || (s->capture && s->capture != e->capture))
            return fail(cudaErrorStreamCaptureIsolation, 0);
        s->capture = e->capture;
        s->tail.insert(s->tail.end(), e->tail.begin(), e->tail.end());
        return cudaSuccess;
    }
    enqueue(s, [tok = e->token, es = e->s] { wait_token(tok, es); });
    submitted--;
    return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t e)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    NOT_CAPTURED;
    wait_token(e->token, e->s);
    return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t a, cudaEvent_t b)
{
    *ms = (float)(b->ms - a->ms);
    return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t e)
{
    LOCK;
    wait_token(e->token, e->s);
    delete e;
    live--;
    return cudaSuccess;
}

/* ---- captures and graphs ---- */
cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    if (!s || capturing)
        return fail(s ? cudaErrorIllegalState : cudaErrorStreamCaptureUnsupported, "a capture cannot begin here");
    capturing = s->capture = new emu_graph{ {}, s, false };
    s->tail.clear();
    live++;
    return cudaSuccess;
}
static void mark_before(const emu_graph *g, size_t node, std::vector<bool> &seen)
{
    if (seen[node]) return;
    seen[node] = true;
    for (size_t k : g->nodes[node].after) mark_before(g, k, seen);
}
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *graph)
{
    LOCK; /* ends whatever happened */
    *graph = 0;
    emu_graph *g = s->capture;
    if (!g) return fail(cudaErrorIllegalState, "no capture to end");
    std::vector<bool> joined(g->nodes.size());
    for (size_t k : s->tail) mark_before(g, k, joined);
    cudaError_t e = g->broken        ? cudaErrorStreamCaptureInvalidated
                    : g->origin != s ? cudaErrorStreamCaptureUnmatched
                                     : cudaSuccess;
    for (bool b : joined)
        if (!b && !e) e = cudaErrorStreamCaptureUnjoined;
    for (emu_stream *o : streams)
        if (o->capture == g) o->capture = 0, o->tail.clear();
    capturing = 0;
    if (!e && dead) e = cudaErrorIllegalAddress;
    if (!e && fault(EMU_CALL)) e = cudaErrorUnknown;
    if (!e) return *graph = g, cudaSuccess;
    delete g;
    live--;
    return fail(e, e == cudaErrorStreamCaptureUnjoined ? "a forked stream was not joined before the capture's end" : 0);
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t g, unsigned long long)
{
    CALL(EMU_CALL, cudaErrorMemoryAllocation);
    *exec = new emu_exec{ std::make_shared<std::vector<Node>>(g->nodes) };
    live++;
    return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t g)
{
    LOCK;
    delete g;
    live--;
    return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t e)
{
    LOCK;
    delete e;
    live--;
    return cudaSuccess;
}
/* in any order the graph allows: the first that may run, the last, or any */
static void run_graph(const std::vector<Node> &nodes)
{
    static uint64_t r = seed();
    std::vector<bool> done(nodes.size());
    for (size_t left = nodes.size(); left; left--) {
        std::vector<size_t> may;
        for (size_t k = 0; k < nodes.size(); k++) {
            bool ok = !done[k];
            for (size_t a : nodes[k].after) ok = ok && done[a];
            if (ok) may.push_back(k);
        }
        const size_t k = seed() == 0 ? may.front() : seed() == 1 ? may.back() : may[next_rand(r) % may.size()];
        if (!dead) nodes[k].f();
        done[k] = true;
    }
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t s)
{
    CALL(EMU_LAUNCH, cudaErrorLaunchOutOfResources);
    enqueue(s, [nodes = exec->nodes] { run_graph(*nodes); });
    return cudaSuccess;
}
void emu_revive()
{
    LOCK;
    dead = false, last_error = cudaSuccess;
}

cudaError_t cudaDeviceSynchronize()
{
    CALL(EMU_CALL, cudaErrorUnknown);
    NOT_CAPTURED;
    drain_all(false);
    return dead ? fail(cudaErrorIllegalAddress, 0) : last_error;
}
cudaError_t cudaGetLastError()
{
    LOCK;
    if (dead) return cudaErrorIllegalAddress;
    cudaError_t e = last_error;
    last_error = cudaSuccess;
    return e;
}
cudaError_t cudaPeekAtLastError()
{
    return last_error;
}
const char *cudaGetErrorString(cudaError_t e)
{
    return e == cudaSuccess                     ? "no error"
           : e == cudaErrorMemoryAllocation     ? "out of memory"
           : e == cudaErrorNoDevice             ? "no CUDA-capable device is detected"
           : e == cudaErrorInvalidConfiguration ? "invalid configuration argument"
           : e == cudaErrorIllegalAddress       ? "an illegal memory access was encountered"
           : e == cudaErrorLaunchOutOfResources ? "too many resources requested for launch"
           : e >= cudaErrorStreamCaptureUnsupported && e <= cudaErrorStreamCaptureIsolation
               ? "operation not permitted when stream is capturing"
           : e == cudaErrorUnknown ? "unknown error"
                                   : "invalid argument";
}
cudaError_t cudaGetDeviceCount(int *n)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    *n = getenv("EMU_NO_DEVICE") ? 0 : 1;
    return *n ? cudaSuccess : fail(cudaErrorNoDevice, 0);
}
cudaError_t cudaSetDevice(int)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    memset(p, 0, sizeof *p);
    strcpy(p->name, "CPU emulation of sm_90");
    p->major = 9, p->multiProcessorCount = getenv("EMU_SMS") ? atoi(getenv("EMU_SMS")) : 4, p->warpSize = 32,
    p->l2CacheSize = 50 << 20;
    p->totalGlobalMem = (size_t)139 << 30, p->sharedMemPerBlockOptin = MAX_SHARED;
    return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t *f, size_t *t)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    *t = (size_t)139 << 30, *f = *t;
    for (auto &a : allocs) *f -= a.second.size;
    return cudaSuccess;
}

#ifndef EMU_ASAN
static void on_segv(int, siginfo_t *si, void *)
{
    fprintf(stderr, "EMU ERROR: bad memory access at %p%s\n", si->si_addr, cur ? "" : " by host code");
    where(stderr);
    for (auto &a : allocs) {
        long d = (char *)si->si_addr - a.first;
        if (d >= -4096 && d < (long)a.second.size + 4096)
            fprintf(stderr, "  %ld bytes into a device allocation of %zu bytes%s\n", d, a.second.size,
                    cur ? "" : " (device memory read or written on the host)");
    }
    fflush(0);
    _exit(86);
}
static const bool segv_installed = [] {
    struct sigaction sa = {};
    sa.sa_sigaction = on_segv;
    sa.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGSEGV, &sa, 0);
    sigaction(SIGBUS, &sa, 0);
    return true;
}();
#else
extern "C" void __asan_on_error()
{
    where(stderr);
}
#endif

cudaError_t emu::host_op(cudaStream_t s, std::function<void()> f)
{
    LOCK;
    enqueue(s, [f] { device_op(f); });
    return cudaSuccess;
}
cudaError_t emu::func_attr(const void *fn, cudaFuncAttribute a, int v)
{
    CALL(EMU_CALL, cudaErrorUnknown);
    if (a != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
    if (v > MAX_SHARED) return fail(cudaErrorInvalidValue, "more than 227 KB of dynamic shared memory asked for");
    dyn_limit[fn] = v;
    return cudaSuccess;
}
cudaError_t emu::launch(const char *name, const void *fn, dim3 g, dim3 b, size_t smem, cudaStream_t s,
                        std::function<void()> body, std::function<void(void *)> pack)
{
    CALL(EMU_LAUNCH, cudaErrorLaunchOutOfResources);
    uint64_t nt = (uint64_t)b.x * b.y * b.z;
    int limit = dyn_limit.count(fn) ? dyn_limit[fn] : STATIC_SHARED;
    if (!nt || nt > MAX_THREADS || b.z > 64 || !g.x || !g.y || !g.z || g.x > 0x7fffffffu || g.y > 65535 ||
        g.z > 65535 || smem > (size_t)limit) {
        fprintf(stderr, "EMU: launch of %s refused: grid (%u,%u,%u) block (%u,%u,%u) shared %zu (limit %d)\n", name,
                g.x, g.y, g.z, b.x, b.y, b.z, smem, limit);
        return fail(smem > (size_t)limit ? cudaErrorInvalidValue : cudaErrorInvalidConfiguration, 0);
    }
    static bool ptx = getenv("EMU_PTX") && atoi(getenv("EMU_PTX"));
    if (ptx) {
        Dl_info di;
        if (!dladdr(const_cast<void *>(fn), &di) || !di.dli_sname)
            die("EMU_PTX: no symbol for kernel %s (link with -rdynamic and the translated PTX)", name);
        auto f = ptx_find(di.dli_sname);
        if (!f) die("EMU_PTX: kernel %s is not in the PTX", di.dli_sname);
        auto buf = std::make_shared<std::vector<uint64_t>>(512);
        pack(buf->data());
        body = [f, buf] { f((const unsigned char *)buf->data()); };
    }
    enqueue(s, [=] {
        Launch L;
        L.name = name, L.body = body, L.grid = g, L.block = b, L.smem = smem;
        L.nblocks = (uint64_t)g.x * g.y * g.z;
        if (fault(EMU_KERNEL))
            dead = true;
        else
            device_op([&] { run_grid(&L); });
    });
    return cudaSuccess;
}
