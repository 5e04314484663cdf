/** A vector as text, relative to tests/. */
#ifndef TEST_VECTOR_FILE_H
#define TEST_VECTOR_FILE_H

#include <stdio.h>
#include <stdlib.h>

/** The whole file, zero-terminated, to be freed; ends the program when it is not there. */
static inline char *vector_file(size_t *bytes, const char *path)
{
    enum { ROOM = 1 << 20 };
    FILE *f = fopen(path, "rb");
    char *text = malloc(ROOM);
    if (!f || !text) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    *bytes = fread(text, 1, ROOM - 1, f);
    text[*bytes] = '\0';
    fclose(f);
    return text;
}

#endif
