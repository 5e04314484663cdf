/** What the emulator tells the sanitizers. The emulator itself is compiled without any: with -DEMU_ASAN or -DEMU_TSAN when the
 *  kernels are built with one. sync_rel and sync_acq order memory for TSan; without it they do nothing. */
#ifndef EMU_SANITIZE_H
#define EMU_SANITIZE_H
#include <stddef.h>

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
static inline void sync_rel(void *p)
{
    __tsan_release(p);
}
static inline void sync_acq(void *p)
{
    __tsan_acquire(p);
}
#else
enum { TSAN = 0 };
static inline void sync_rel(void *)
{
}
static inline void sync_acq(void *)
{
}
#endif
#endif
