/* make_circuit chain|bits|mixed SIZE FOLDER: a circuit as circuit.zkey and witness.wtns. SIZE up to 28 fills the domain
 * 2^SIZE; a larger one is the number of constraints.
 * The key's secret is a fixed seed: for measurements only. */
#include "toy_circuits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int write_file(const char *folder, const char *name, uint8_t *bytes, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(bytes, 1, size, f) == size;
    if (!f || fclose(f) != 0 || !ok) return perror(path), 1;
    free(bytes);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*make)(struct toy_circuit *c, uint32_t constraints, uint64_t seed);
    } kinds[] = { { "chain", toy_chain }, { "bits", toy_bits }, { "mixed", toy_mixed } };
    struct toy_circuit c = { 0 };
    size_t size;
    if (argc != 4) return fprintf(stderr, "make_circuit chain|bits|mixed SIZE FOLDER\n"), 2;
    uint32_t given = (uint32_t)strtoul(argv[2], NULL, 10);
    uint32_t constraints = given > 28 ? given : ((uint32_t)1 << given) - 4; /* the public rows fill it up */
    for (size_t i = 0; i < 3; i++)
        if (!strcmp(argv[1], kinds[i].name)) kinds[i].make(&c, constraints, 1);
    if (!c.witness) return fprintf(stderr, "unknown kind: %s\n", argv[1]), 2;
    uint8_t *zkey = toy_zkey(&size, &c.r1cs, 2);
    int failed = write_file(argv[3], "circuit.zkey", zkey, size);
    uint8_t *wtns = toy_wtns(&size, c.witness, c.r1cs.wires);
    failed |= write_file(argv[3], "witness.wtns", wtns, size);
    toy_circuit_clear(&c);
    return failed;
}
