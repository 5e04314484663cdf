/** Output on stdout: aligned columns for people, or JSON with a versioned schema (-o json). */
#ifndef PV_CLI_SHOW_H
#define PV_CLI_SHOW_H

#include "options.h"

#include <jansson.h>
#include <stdio.h>

/** Prints a table with these columns (NULL, or with --wide: all columns). As JSON: {"schema", "rows", "next"}, all
 *  columns. */
void show_table(const struct cli *cli, const pv_table *t, const char *const *columns);

/** Prints the first rows of a table as columns that fit into room characters (0: all of them). order: which row comes when; NULL: as they
 *  are. Returns how many columns found no room. */
size_t show_rows(FILE *to, const struct cli *cli, const pv_table *t, const char *const *columns, const size_t *order,
                 size_t rows, size_t room);
/** The rows as a JSON array. */
json_t *show_rows_json(const pv_table *t);

/** Prints the first row as show_row does; on a terminal of 80 characters and more two figures to a line, without those that are empty, so
 *  that it fits a screen. */
pv_status show_figures(const struct cli *cli, const pv_table *t);

/** Prints the row whose column key is name (key NULL: the first row), one line for each column; as JSON like
 *  show_table. PV_NOT_FOUND when there is no such row. */
pv_status show_row(const struct cli *cli, const pv_table *t, const char *key, const char *name);

/** Prints a prover's row, one line for each value, then its keys as the table provost.keys/1 has them (NULL: not known):
 *  circuits, and files that are not served, and its handlers as provost.handlers/1 has them (NULL: not known). As JSON an object of
 *  schema provost.prover/1. */
void show_prover(const struct cli *cli, struct pv_row prover, const pv_table *keys, const pv_table *handlers);

/** Prints an object with json_dumps' flags and a line feed. What could upset a terminal is escaped. */
void show_json_to(FILE *to, const json_t *object, size_t flags);

/** Prints a row as one line: "TIME KIND WHAT key=value ...", or a JSON object with this schema. */
void show_line(const struct cli *cli, struct pv_row row, const char *schema);

/** Prints a task, one line for each value, or as a JSON object of schema provost.task/1. */
void show_task(const struct cli *cli, const struct pv_task_info *info);

/** Prints an object, indented on a terminal and else on one line, and frees it. */
void show_json(json_t *object);
void show_json_at(FILE *to, json_t *object);

/** The number in the cell of a row with this key; 0 when there is none. */
int64_t cell_number(const struct pv_row *row, const char *key);
/** The text in the cell of a row with this key, borrowed from the table; "" when there is none. */
const char *cell_text(const struct pv_row *row, const char *key);

#endif
