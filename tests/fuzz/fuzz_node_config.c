/* Any bytes as a node's configuration: refused with a sentence, or settings that printed and read again are the same. */
#include "fuzz_must.h"

#include "fuzz_file.h"
#include "node_config.h"

#include <string.h>

static char *printed(const struct node_config *c, size_t *n)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, n);
    MUST(out);
    node_config_print(c, out);
    MUST(!fclose(out));
    return text;
}

static void expect_same(const struct node_config *a, const struct node_config *b)
{
#define SAME_TEXT(x, y) !strcmp(x, y)
#define SAME_WORD(x, y) !strcmp(x, y)
#define SAME_LIST(x, y) !strcmp(x, y)
#define SAME_NUMBER(x, y) (x) == (y)
#define SAME_SIZE(x, y) (x) == (y)
#define SAME_SWITCH(x, y) (x) == (y)
#define X(name, KIND, fallback, low, high, arg, meaning) MUST(SAME_##KIND(a->name, b->name));
    NODE_CONFIG_LIST(X)
#undef X
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct node_config c, again;
    char why[NODE_CONFIG_WHY_BYTES];
    struct node_config_args args = { .file = fuzz_file(0, data, bytes) };
    if (node_config_read(&c, &args, why) != PV_OK) {
        MUST(why[0]);
        return 0;
    }
    size_t n;
    char *text = printed(&c, &n);
    args.file = fuzz_file(1, text, n);
    MUST(node_config_read(&again, &args, why) == PV_OK);
    expect_same(&c, &again);
    node_config_clear(&again);
    node_config_clear(&c);
    free(text);
    return 0;
}
