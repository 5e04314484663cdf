#include "file_why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

pv_status file_say(struct file_why *why, pv_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    return status;
}

const char *file_called(const char *path, const char *standard)
{
    return strcmp(path, "-") ? path : standard;
}
