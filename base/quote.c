#include "quote.h"

#include <stdbool.h>
#include <string.h>

/* Characters beyond ASCII's controls that a YAML stream may not hold, or that end a line in it. */
static const struct {
    const char *bytes, *escape;
} beyond[] = { { "\xe2\x80\xa8", "\\u2028" },
               { "\xe2\x80\xa9", "\\u2029" },
               { "\xef\xbb\xbf", "\\ufeff" },
               { "\xef\xbf\xbe", "\\ufffe" },
               { "\xef\xbf\xbf", "\\uffff" } };

/* Writes the character at text as an escape if it needs one. Returns how many bytes of text that was, 0: none. */
static size_t escape(FILE *to, const unsigned char *text)
{
    bool quote = *text == '"' || *text == '\\', control = *text < 0x20 || *text == 0x7f;
    if (quote) fprintf(to, "\\%c", *text);
    if (control) fprintf(to, "\\x%02x", *text);
    if (quote || control) return 1;
    if (text[0] == 0xc2 && text[1] >= 0x80 && text[1] < 0xa0) return fprintf(to, "\\x%02x", text[1]), 2;
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++)
        if (!strncmp((const char *)text, beyond[i].bytes, 3)) return fputs(beyond[i].escape, to), 3;
    return 0;
}

void pv_quote(FILE *to, const char *text)
{
    fputc('"', to);
    while (*text) {
        size_t written = escape(to, (const unsigned char *)text);
        if (!written) fputc(*text, to);
        text += written ? written : 1;
    }
    fputc('"', to);
}
