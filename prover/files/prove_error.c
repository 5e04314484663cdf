#include "prove_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

pv_status prove_error_set(struct prove_error *err, pv_status status, const char *format, ...)
{
    if (!err) return status;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    err->status = status;
    return status;
}

pv_status prove_error_in(struct prove_error *err, pv_status status, const char *name)
{
    if (!err) return status;
    char sentence[sizeof err->text];
    memcpy(sentence, err->text, sizeof sentence);
    return prove_error_set(err, status, "%s: %s", name, sentence);
}
