/* make_key CIRCUIT.r1cs KEY.zkey: a proving key for a compiled circuit, in seconds, from a secret that is a fixed seed: for
 * measurements only, whoever knows it proves anything. Its shape, zeroes and points at infinity are those of a ceremony's key. */
#include "r1cs_file.h"

#include <stdio.h>
#include <stdlib.h>

static uint8_t *read_whole(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    long end = f && fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    uint8_t *bytes = end >= 0 && fseek(f, 0, SEEK_SET) == 0 ? malloc((size_t)end + 1) : NULL;
    bool ok = bytes && fread(bytes, 1, (size_t)end, f) == (size_t)end;
    if (f) fclose(f);
    if (ok) return *size = (size_t)end, bytes;
    free(bytes);
    return perror(path), NULL;
}

static bool write_whole(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(bytes, 1, size, f) == size;
    if (f && fclose(f) != 0) ok = false;
    if (!ok) perror(path);
    return ok;
}

int main(int argc, char **argv)
{
    struct toy_r1cs circuit = { 0 };
    size_t size;
    if (argc != 3) return fprintf(stderr, "make_key CIRCUIT.r1cs KEY.zkey\n"), 2;
    uint8_t *bytes = read_whole(argv[1], &size);
    if (!bytes) return 1;
    const char *wrong = r1cs_read(&circuit, bytes, size);
    free(bytes);
    if (wrong) return fprintf(stderr, "%s: %s\n", argv[1], wrong), 1;
    uint8_t *zkey = toy_zkey(&size, &circuit, 2);
    bool ok = write_whole(argv[2], zkey, size);
    free(zkey);
    toy_clear(&circuit);
    return ok ? 0 : 1;
}
