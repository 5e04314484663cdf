/* Any bytes as a zkey: refused, or a key whose every promised byte can be read. */
#include "zkey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads what z claims to hold, so that a claim beyond the file is seen by the address sanitizer. */
static unsigned touch(const void *from, size_t bytes)
{
    unsigned sum = 0;
    const uint8_t *p = from;
    for (size_t i = 0; i < bytes; i++) sum += p[i];
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zkey z;
    struct prove_error err = { 0 };
    static volatile unsigned sink;
    if (zkey_of(&z, data, size, "fuzz", &err) != PV_OK) return err.text[0] ? 0 : (__builtin_trap(), 0);
    sink += touch(z.coefs, (size_t)z.coef_count * sizeof *z.coefs) + touch(z.ic, (z.publics + (size_t)1) * 64);
    sink += touch(z.a, (size_t)z.vars * 64) + touch(z.b1, (size_t)z.vars * 64) + touch(z.b2, (size_t)z.vars * 128);
    sink += touch(z.c, (size_t)zkey_c_count(&z) * 64) + touch(z.h, (size_t)z.domain * 64) + touch(z.delta2, 128);
    zkey_close(&z);
    return 0;
}
