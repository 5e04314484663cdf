#include "emu_grid.h"
#include "emu_fiber.h"
#include "emu_report.h"
#include "emu_shared.h"
#include <condition_variable>
#include <mutex>
#include <signal.h>
#include <thread>
#include <unistd.h>

namespace emu
{
/* ---- one block ---- */
static void start_threads(const Launch *L, unsigned n)
{
    Worker *w = W;
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
}
[[noreturn]] static void deadlock(const Launch *L)
{
    Worker *w = W;
    const unsigned n = w->n;
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
    arrays_open(L->smem);
    start_threads(L, n);
    if (TSAN) /* from here: creating a fiber orders it after its creator */
        for (unsigned i = 0; i < n; i++) fiber_for(&w->thr[i]);
    leave(pop_ready());
    cur = 0;
    if (w->live) deadlock(L);
    arrays_check();
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
        static std::atomic<unsigned> made; /* not an address: one seed is one order, whatever the loader did */
        W->rng = seed() * 0x2545f4914f6cdd1du + made++;
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
void run_grid(Launch *L)
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
