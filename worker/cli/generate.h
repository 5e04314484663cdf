/** Man page and completions, made from the tables of commands.h. */
#ifndef PV_CLI_GENERATE_H
#define PV_CLI_GENERATE_H

#include <stdbool.h>

/** Prints the man page ("man") or the completions for a shell ("bash", "zsh", "fish") to stdout. False: what is neither. */
bool cli_generate(const char *what);

#endif
