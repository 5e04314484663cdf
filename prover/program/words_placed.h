/** The places of a command: {input}, {result} and others, which each attempt fills. */
#ifndef PV_WORDS_PLACED_H
#define PV_WORDS_PLACED_H

#include <stdbool.h>
#include <stddef.h>

/* X(name, "meaning") */
#define PLACED_LIST(X)                                                                                                 \
    X(input, "the file with the input, relative to the working folder")                                                \
    X(result, "the file that the result goes to, likewise")                                                            \
    X(proof, "result: groth16: the file for the proof")                                                                \
    X(public, "result: groth16: the file for the public signals")                                                      \
    X(folder, "the working folder, absolute")                                                                          \
    X(circuit, "the task's circuit, as its client wrote it")                                                           \
    X(task, "the task's id")
#define PLACED_WORDS "{input}, {result}, {proof}, {public}, {folder}, {circuit}, {task}"

struct placed {
#define X(name, meaning) const char *name;
    PLACED_LIST(X)
#undef X
};

/** Whether text has a place {word} of small letters that is none of the list: unknown gets the word, cut. */
bool placed_unknown(const char *text, char *unknown, size_t bytes);

/** Whether one of argv has the place. argv ends with NULL, and may be NULL. */
bool placed_has(char *const *argv, const char *place);

/** A copy of argv with every place filled, in one block that is freed with free. NULL: no memory. A place whose text is
 *  NULL is filled with nothing. */
char **placed_fill(char *const *argv, const struct placed *with);

#endif
