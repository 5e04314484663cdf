/* Any bytes as a wtns: refused, or values that can all be read. */
#include "wtns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wtns w;
    struct prove_error err = { 0 };
    unsigned sum = 0;
    if (wtns_of(&w, data, size, "fuzz", &err) != PV_OK) return err.text[0] ? 0 : (__builtin_trap(), 0);
    for (uint32_t i = 0; i < w.count; i++) sum += w.values[i].bytes[0] + w.values[i].bytes[31];
    __asm__ volatile("" : : "r"(sum)); /* read, whatever the compiler thinks of it */
    wtns_close(&w);
    return 0;
}
