/* Any bytes as the broker's configuration, then (each behind a NUL) as --queue arguments: refused with a sentence, or
 * settings that printed and read again are the same. */
#include "fuzz_must.h"

#include "config.h"
#include "fuzz_file.h"

#include <string.h>

enum { TEXT_MOST = 1 << 16 };

static char *printed(const struct config *c, size_t *n)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, n);
    MUST(out);
    config_print(c, out);
    MUST(!fclose(out));
    return text;
}

/* Without what is behind the last '#' of each line: where a value came from is another the second time. */
static void drop_origins(char *text)
{
    char *to = text;
    for (char *line = text, *next; *line; line = next) {
        size_t n = strcspn(line, "\n"), keep = n;
        next = line + n + (line[n] != 0);
        for (size_t i = 0; i < n; i++)
            if (line[i] == '#') keep = i;
        memmove(to, line, keep);
        to += keep;
        *to++ = '\n';
    }
    *to = 0;
}

static void say_again(const struct config *c)
{
    static struct config again;
    char why[CONFIG_WHY_BYTES];
    size_t first_n, second_n;
    char *first = printed(c, &first_n);
    struct config_args args = { .file = fuzz_file(1, first, first_n) };
    MUST(config_read(&again, &args, why) == PV_OK);
    char *second = printed(&again, &second_n);
    config_clear(&again);
    drop_origins(first);
    drop_origins(second);
    MUST(!strcmp(first, second));
    free(first);
    free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct config c;
    static char text[TEXT_MOST + 1];
    char why[CONFIG_WHY_BYTES];
    if (bytes > TEXT_MOST) return 0;
    memcpy(text, data, bytes);
    text[bytes] = 0;
    size_t file_n = strlen(text);
    struct config_args args = { .file = fuzz_file(0, text, file_n) };
    for (size_t at = file_n + 1; at < bytes && args.queues_n < 8; at += strlen(text + at) + 1)
        args.queues[args.queues_n++] = text + at;
    if (config_read(&c, &args, why) != PV_OK) {
        MUST(why[0]);
        return 0;
    }
    say_again(&c);
    config_clear(&c);
    return 0;
}
