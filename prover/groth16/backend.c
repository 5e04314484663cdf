#include "backend.h"

#include <stdio.h>
#include <string.h>

bool backend_choice_parse(enum backend_choice *choice, const char *word)
{
    static const char *const words[] = { [BACKEND_AUTO] = "auto", [BACKEND_CPU] = "cpu", [BACKEND_CUDA] = "cuda" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(word, words[i]) != 0) continue;
        *choice = (enum backend_choice)i;
        return true;
    }
    return false;
}

/* PV_OK when the GPU backend was built in and has a device. */
static pv_status pick_cuda(const struct backend **backend, const struct backend_options *options,
                           struct prove_error *err)
{
#ifdef PV_HAVE_CUDA
    TRY(backend_cuda.usable(options, err));
    *backend = &backend_cuda;
    return PV_OK;
#else
    (void)backend;
    (void)options;
    return prove_error_set(err, PV_NO_DEVICE, "built without CUDA");
#endif
}

pv_status backend_pick(const struct backend **backend, enum backend_choice choice,
                       const struct backend_options *options, char *note, size_t note_bytes, struct prove_error *err)
{
    struct prove_error why = { 0 };
    note[0] = 0;
    if (choice == BACKEND_CUDA) return pick_cuda(backend, options, err);
    if (choice == BACKEND_AUTO && pick_cuda(backend, options, &why) == PV_OK) return PV_OK;
    if (choice == BACKEND_AUTO) snprintf(note, note_bytes, "%s: proving on the CPU", why.text);
    *backend = &backend_cpu;
    return PV_OK;
}
