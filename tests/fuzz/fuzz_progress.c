/* Any bytes as what a program writes: no line of progress is illegal, the text of the end is legal, and cuts make no difference. */
#include "fuzz_must.h"

#include "progress_lines.h"
#include "text.h"

#include <stdint.h>
#include <string.h>

struct told {
    unsigned n, sum;
};

static void note(void *ctx, const struct progress_line *line)
{
    struct told *t = ctx;
    MUST(line->percent <= 100);
    MUST(wire_name_valid(line->phase, strlen(line->phase)));
    t->n++;
    t->sum += line->percent;
}

static struct told taken(const uint8_t *data, size_t bytes, size_t cut, char text[600])
{
    struct told told = { 0 };
    struct progress_lines p = { 0 };
    static struct error_tail tail;
    tail = (struct error_tail){ 0 };
    for (size_t at = 0; at < bytes; at += cut)
        progress_lines_take(&p, (const char *)data + at, bytes - at < cut ? bytes - at : cut, &tail, note, &told);
    progress_lines_end(&p, &tail);
    error_tail_text(&tail, text, 513);
    MUST(strlen(text) <= 512);
    MUST(!wire_text_fault(text, strlen(text), 512));
    return told;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char whole[600], cut[600];
    struct told a = taken(data, bytes, bytes ? bytes : 1, whole),
                b = taken(data, bytes, 1 + (bytes ? data[0] % 7 : 0), cut);
    MUST(a.n == b.n && a.sum == b.sum);
    MUST(!strcmp(whole, cut));
    return 0;
}
