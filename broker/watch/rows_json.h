/** Rows of a table as JSON: the same names and values as LIST and `provost -o json` have.
 */
#ifndef PV_ROWS_JSON_H
#define PV_ROWS_JSON_H

#include "json_text.h"
#include "tables.h"

/** The cells of a row, into an object that is open. */
void rows_json_cells(struct json_text *j, const struct wire_row *row);
/** What stands before the rows and behind them: {"schema":..,"rows":[  and  ],"next":"123"} or "next":null. */
void rows_json_begin(struct json_text *j, const char *schema);
void rows_json_end(struct json_text *j, const struct tables *t);
/** The whole table. NULL: no memory. */
char *rows_json(const struct tables *t, const char *schema);

#endif
