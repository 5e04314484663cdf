#include "json_limit.h"

/* What stands outside strings. */
struct outline {
    size_t values;
    unsigned depth, deepest;
};

static void bracket(struct outline *o, char c)
{
    if (c == '[' || c == '{') o->depth++;
    if ((c == ']' || c == '}') && o->depth) o->depth--;
    if (o->depth > o->deepest) o->deepest = o->depth;
}

static struct outline outline_of(const char *text, size_t bytes)
{
    struct outline o = { 0 };
    bool inside = false;
    for (size_t i = 0; i < bytes; i++) {
        char c = text[i];
        if (inside && c == '\\') {
            i++;
        } else if (c == '"') {
            inside = !inside;
        } else if (!inside) {
            o.values += c == ',' || c == ':' || c == '[' || c == '{';
            bracket(&o, c);
        }
    }
    return o;
}

bool groth16_json_fits(const char *text, size_t bytes)
{
    if (bytes > GROTH16_JSON_BYTES_MAX) return false;
    struct outline o = outline_of(text, bytes);
    return o.values <= GROTH16_JSON_VALUES_MAX && o.deepest <= GROTH16_JSON_DEPTH_MAX;
}

bool groth16_json_is_shallow(const char *text, size_t bytes)
{
    return outline_of(text, bytes).deepest <= GROTH16_JSON_DEPTH_MAX;
}
