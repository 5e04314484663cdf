#include "emu_fiber.h"
#include "emu_report.h"
#include <sys/mman.h>

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
__thread Worker *W;

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
Fiber *fiber_for(Thread *t)
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
void push_ready(Thread *t)
{
    t->st = READY;
    W->ready[(W->ready_head + W->ready_n++) % MAX_THREADS] = t->idx;
}
Thread *pop_ready()
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
void leave(Thread *n)
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
void wait_here(Thread *t)
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
} // namespace emu
