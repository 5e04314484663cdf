/** What goes to stdout: aligned columns for people, or JSON with a versioned schema. */
#ifndef PV_CLI_SHOW_H
#define PV_CLI_SHOW_H

#include "options.h"

#include <jansson.h>

/** Rows of a table with these columns (NULL: all; --wide too), or all of them as {"schema", "rows", "next"}. */
void show_table(const struct cli *cli, const pv_table *t, const char *const *columns);

/** One row downwards, a line a column; JSON as above. PV_NOT_FOUND when there is none where key is name (key NULL: the first). */
pv_status show_row(const struct cli *cli, const pv_table *t, const char *key, const char *name);

/** A row as one line: "TIME KIND WHAT key=value ...", or one JSON object with this schema. */
void show_line(const struct cli *cli, struct pv_row row, const char *schema);

void show_task(const struct cli *cli, const struct pv_task_info *info);

/** Prints an object on one line, or indented on a terminal, and releases it. */
void show_json(json_t *object);

/** The whole number in a cell of a row, 0 without one. */
int64_t cell_number(const struct pv_row *row, const char *key);
const char *cell_text(const struct pv_row *row, const char *key);

#endif
