/* The provers of the example: a small program for each step, which reads its input on stdin, checks what the step before has made, and
 * writes its result to stdout.
 *
 *      pipeline_step inner     finds a number with which the SHA-256 of the input begins with 10 zero bits:
 *                              a line "proof TEXT NUMBER"
 *      pipeline_step keccak    checks every proof of its input: a line "keccak HEX", Keccak-256 of the input
 *      pipeline_step outer     checks both: a line "outer COUNT HEX"
 */
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 16, BAD_INPUT = 65, ZERO_BITS = 10, RATE = 136 };

static char input[MOST + 1];
static size_t input_n;

static void refuse(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(BAD_INPUT);
}

/* --- the hash --- */

static uint64_t turned(uint64_t x, unsigned n)
{
    return n ? x << n | x >> (64 - n) : x;
}

/* Keccak-f[1600]; source: https://keccak.team/keccak_specs_summary.html */
static void permute(uint64_t a[25])
{
    uint8_t lfsr = 1;
    for (int round = 0; round < 24; round++) {
        uint64_t c[5], moved;
        for (int x = 0; x < 5; x++) c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
        for (int i = 0; i < 25; i++) a[i] ^= c[(i + 4) % 5] ^ turned(c[(i + 1) % 5], 1);
        moved = a[1];
        for (int t = 0, x = 1, y = 0; t < 24; t++) {
            int next = (2 * x + 3 * y) % 5;
            x = y;
            y = next;
            uint64_t here = a[x + 5 * y];
            a[x + 5 * y] = turned(moved, (unsigned)((t + 1) * (t + 2) / 2 % 64));
            moved = here;
        }
        for (int y = 0; y < 25; y += 5) {
            memcpy(c, &a[y], sizeof c);
            for (int x = 0; x < 5; x++) a[y + x] = c[x] ^ (~c[(x + 1) % 5] & c[(x + 2) % 5]);
        }
        for (unsigned j = 0; j < 7; j++) {
            if (lfsr & 1) a[0] ^= UINT64_C(1) << ((1u << j) - 1);
            lfsr = (uint8_t)(lfsr << 1 ^ (lfsr & 0x80 ? 0x71 : 0));
        }
    }
}

static void keccak256(char hex[65], const char *bytes, size_t n)
{
    uint64_t a[25] = { 0 };
    uint8_t *state = (uint8_t *)a; /* little-endian machines */
    for (; n >= RATE; n -= RATE, bytes += RATE) {
        for (size_t i = 0; i < RATE; i++) state[i] ^= (uint8_t)bytes[i];
        permute(a);
    }
    for (size_t i = 0; i < n; i++) state[i] ^= (uint8_t)bytes[i];
    state[n] ^= 1;
    state[RATE - 1] ^= 0x80;
    permute(a);
    for (int i = 0; i < 32; i++) sprintf(hex + 2 * i, "%02x", state[i]);
}

/* --- the proofs --- */

static bool proves(const char *text, size_t n, uint64_t number)
{
    unsigned char all[256], digest[SHA256_DIGEST_LENGTH];
    int used = snprintf((char *)all, sizeof all, "%.*s %" PRIu64, (int)n, text, number);
    SHA256(all, (size_t)used, digest);
    return !digest[0] && digest[1] >> (16 - ZERO_BITS) == 0;
}

static int inner(void)
{
    uint64_t number = 0;
    if (!input_n || input_n > 200 || strchr(input, '\n')) refuse("the input is not one line");
    while (!proves(input, input_n, number)) number++;
    printf("proof %s %" PRIu64 "\n", input, number);
    return 0;
}

/* Checks the lines of proofs at the beginning of the input. Returns what follows them; *count: how many they were. */
static const char *checked(unsigned *count)
{
    const char *at = input;
    *count = 0;
    for (; !strncmp(at, "proof ", 6); ++*count) {
        const char *end = strchr(at, '\n'), *number = end;
        while (number && number > at && *number != ' ') number--;
        if (!end || number <= at + 6 || !proves(at + 6, (size_t)(number - at - 6), strtoull(number + 1, NULL, 10)))
            refuse("a proof is wrong");
        at = end + 1;
    }
    return at;
}

static int keccak(void)
{
    char hex[65];
    unsigned count;
    if (*checked(&count) || !count) refuse("the input is not proofs alone");
    keccak256(hex, input, input_n);
    printf("keccak %s\n", hex);
    return 0;
}

static int outer(void)
{
    char hex[65], wanted[80];
    unsigned count;
    const char *rest = checked(&count);
    keccak256(hex, input, (size_t)(rest - input));
    snprintf(wanted, sizeof wanted, "keccak %s\n", hex);
    if (strcmp(rest, wanted) != 0) refuse("the hash is wrong");
    printf("outer %u %s\n", count, hex);
    return 0;
}

int main(int argc, char **argv)
{
    const char *step = argc > 1 ? argv[1] : "";
    input_n = fread(input, 1, sizeof input - 1, stdin);
    if (strlen(input) != input_n) refuse("the input is not text");
    if (!strcmp(step, "inner")) return inner();
    if (!strcmp(step, "keccak")) return keccak();
    if (!strcmp(step, "outer")) return outer();
    fprintf(stderr, "usage: pipeline_step inner|keccak|outer\n");
    return 2;
}
