/* wire_vectors write DIR: the golden frames, DIR/<message>.bin and a readable .json beside each.
 * wire_vectors tables FILE: rewrites FILE's tables between "<!-- table NAME -->" and "<!-- end -->" from the lists. */
#include "encode.h"
#include "wire_samples.h"

#include <stdlib.h>
#include <string.h>

static int fail(const char *what, const char *name)
{
    fprintf(stderr, "wire_vectors: %s %s\n", what, name);
    return 1;
}

static int sample_write(const char *folder, const struct wire_sample *s)
{
    static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX], file[2 * WIRE_CHUNK_MAX];
    char path[4096], why[WIRE_WHY_BYTES];
    struct wire_frames f;
    if (wire_msg_encode(&s->msg, s->way, buffer, sizeof buffer, &f, why) != PV_OK) return fail(why, s->name);
    size_t bytes = wire_file_of_frames(file, &f);
    snprintf(path, sizeof path, "%s/%s.bin", folder, s->name);
    FILE *out = fopen(path, "wb");
    if (!out || fwrite(file, 1, bytes, out) != bytes || fclose(out)) return fail("cannot write", path);
    snprintf(path, sizeof path, "%s/%s.json", folder, s->name);
    out = fopen(path, "wb");
    if (!out) return fail("cannot write", path);
    wire_json_print(out, &f);
    return fclose(out) ? fail("cannot write", path) : 0;
}

static int vectors_write(const char *folder)
{
    for (size_t i = 0; i < wire_samples(); i++) {
        struct wire_sample s;
        wire_sample_make(&s, i, SAMPLE_FULL);
        if (sample_write(folder, &s)) return 1;
    }
    return 0;
}

static int tables_write(const char *path)
{
    char *text = NULL, *line = NULL;
    size_t text_bytes = 0, line_bytes = 0;
    FILE *in = fopen(path, "r"), *made = open_memstream(&text, &text_bytes);
    if (!in || !made) return fail("cannot read", path);
    bool inside = false;
    while (getline(&line, &line_bytes, in) > 0) {
        char name[32];
        if (!strcmp(line, "<!-- end -->\n")) inside = false;
        if (!inside) fputs(line, made);
        if (sscanf(line, "<!-- table %31[a-z] -->", name) != 1) continue;
        if (!wire_table_print(made, name)) return fail("no table", name);
        inside = true;
    }
    fclose(in);
    fclose(made);
    FILE *out = fopen(path, "w");
    if (!out || fwrite(text, 1, text_bytes, out) != text_bytes || fclose(out)) return fail("cannot write", path);
    free(text);
    free(line);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "write")) return vectors_write(argv[2]);
    if (argc == 3 && !strcmp(argv[1], "tables")) return tables_write(argv[2]);
    fputs("usage: wire_vectors write DIR | tables FILE\n", stderr);
    return 2;
}
