/** store_payloads.h in SQLite: the functions of the driver. */
#ifndef PV_SQLITE_PAYLOADS_H
#define PV_SQLITE_PAYLOADS_H

#include "store_payloads.h"

pv_status sqlite_put_payload(struct store *base, enum store_kind kind, uint64_t row, const struct store_payload *p);
pv_status sqlite_delete_payload(struct store *base, enum store_kind kind, uint64_t row);
pv_status sqlite_get_payload(struct store *base, enum store_kind kind, uint64_t row, struct store_payload *p);
void sqlite_read_begin(struct store *base);
void sqlite_read_end(struct store *base);
pv_status sqlite_survey(struct store *base, uint64_t *after, struct store_named *to, size_t *n);
pv_status sqlite_last_row(struct store *base, uint64_t *row);
void sqlite_forget_file(struct store *base, wire_hash hash);

#endif
