#include "blinding.h"

#include "primes.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

static pv_status from_system(void *arg, uint8_t *bytes, size_t n)
{
    (void)arg;
    for (size_t at = 0; at < n;) {
        ssize_t got = getrandom(bytes + at, n - at, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return PV_IO;
        at += (size_t)got;
    }
    return PV_OK;
}

pv_status blinding_draw(bn254_scalar *k, prove_random *random, void *arg, struct prove_error *err)
{
    uint8_t bytes[32];
    do {
        pv_status status = (random ? random : from_system)(arg, bytes, sizeof bytes);
        if (status != PV_OK) return prove_error_set(err, status, "the source of randomness failed");
        bytes[31] &= 0x3f;
    } while (!bn254_below(bytes, bn254_prime_r));
    memcpy(k->l, bytes, sizeof bytes);
    explicit_bzero(bytes, sizeof bytes);
    return PV_OK;
}
