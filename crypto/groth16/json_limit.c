#include "json_limit.h"

bool groth16_json_fits(const char *text, size_t bytes)
{
    size_t values = 0;
    bool inside = false;
    if (bytes > GROTH16_JSON_BYTES_MAX) return false;
    for (size_t i = 0; i < bytes; i++) {
        char c = text[i];
        if (inside && c == '\\')
            i++;
        else if (c == '"')
            inside = !inside;
        else if (!inside)
            values += c == ',' || c == ':' || c == '[' || c == '{';
    }
    return values <= GROTH16_JSON_VALUES_MAX;
}
