#include "witness_text.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { SHELL_SIGNAL = 128 }; /* a script tells the signal of what it ran by this and its number */

/* Of circom's C++ (main.cpp, calcwit.cpp), and of witness_wasm.cjs. */
static const char *const on_stdout[] = { "Failed assert", ".dat file not found" };
static const char *const on_stderr[] = { "Assert Failed", "Error", "Not all inputs", "Signal ", "Too many " };
static const char *const of_machine[] = { "bad_alloc",         "out of memory",      "Out of memory",
                                          "Not enough memory", "allocation failed",  "Cannot allocate memory",
                                          "No such file",      ".dat file not found" };

static const char *first_of(const char *text, const char *const *phrases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *at = strstr(text, phrases[i]);
        if (at) return at;
    }
    return NULL;
}

/* As much of the text as there is room for, cut between characters. */
static void clip(char to[WITNESS_TEXT_BYTES], const char *text, size_t n)
{
    struct error_tail line = { 0 };
    error_tail_add(&line, text, n < WITNESS_TEXT_BYTES - 1 ? n : WITNESS_TEXT_BYTES - 1);
    error_tail_text(&line, to, WITNESS_TEXT_BYTES);
}

/* The line of out that has one of the phrases, without control characters. False: none has. */
static bool line_of(char to[WITNESS_TEXT_BYTES], const struct error_tail *out)
{
    char text[ERROR_TAIL_BYTES + 1];
    size_t kept = out->n < ERROR_TAIL_BYTES ? out->n : ERROR_TAIL_BYTES;
    for (size_t i = 0; i < kept; i++) {
        char c = out->bytes[(out->n - kept + i) % ERROR_TAIL_BYTES];
        text[i] = c ? c : ' ';
    }
    text[kept] = 0;
    const char *at = first_of(text, on_stdout, sizeof on_stdout / sizeof *on_stdout);
    if (at) clip(to, at, strcspn(at, "\r\n"));
    return at != NULL;
}

const char *witness_text(char to[WITNESS_TEXT_BYTES], const struct error_tail *out, const struct error_tail *errors)
{
    char text[ERROR_TAIL_BYTES + 4];
    if (line_of(to, out)) return to;
    error_tail_text(errors, text, sizeof text);
    char *shown = strstr(text, "; last read"); /* a JSON reader's piece of the input */
    if (shown) *shown = 0;
    const char *at = first_of(text, on_stderr, sizeof on_stderr / sizeof *on_stderr);
    clip(to, at ? at : text, strlen(at ? at : text));
    return to;
}

enum handler_verdict witness_text_verdict(const struct program_end *end, const char *text)
{
    if (first_of(text, of_machine, sizeof of_machine / sizeof *of_machine)) return HANDLER_RESOURCE;
    int of_shell = end->code > SHELL_SIGNAL ? end->code - SHELL_SIGNAL : 0;
    int signal = end->ending == PROGRAM_EXITED ? of_shell : end->code;
    return !signal || signal == SIGABRT ? HANDLER_PERMANENT : HANDLER_RETRYABLE;
}
