/** A text that a test tells line by line, beside the golden text in a file: what a path says and does, whole. The file is written anew by the
 *  test's argument "write", and the diff is read; it does not change by accident. One text at a time. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <stdbool.h>
#include <stddef.h>

/** Whether the texts are written anew, instead of being compared: for main. */
void golden_writes(bool anew);

/** Adds to what is told. Fails the test where there is no room: 1 MiB a text. */
void golden_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** The told text so far; it may be changed in place, and made shorter. */
char *golden_told(void);

/** What stands in the file, until the next call. Fails the test where there is none. */
const char *golden_wanted(const char *file);

/** Fails the test with the file, the number of the first line that differs, and what follows it in both; or writes the file. What is told is then empty. */
void golden_is(const char *file);

#endif
