/** The store's rows of tasks and settings, and the one of the clock: all of them read at start, single ones written while the
 *  broker runs.
 *
 *  Writes are part of the open transaction (store_commit ends it). They answer PV_OK or PV_STORE, which sticks.
 */
#ifndef PV_STORE_ROWS_H
#define PV_STORE_ROWS_H

#include "setting_record.h"
#include "status.h"
#include "task_record.h"
#include "up_clock.h"

#include <stdint.h>

struct store;

/** Calls each for every task, in the order of their rows. A status other than PV_OK from each ends it and is returned.
 *  PV_STORE: a row is damaged, or could not be read. */
pv_status store_scan(struct store *s, pv_status (*each)(void *context, const struct task_record *task), void *context);
/** The same for every setting. A setting whose key this program does not know (a newer one wrote it) is left alone. */
pv_status store_scan_settings(struct store *s, pv_status (*each)(void *context, const struct setting_record *setting),
                              void *context);

/** Writes the task's row, in place of one with the same number (task->order). */
pv_status store_put_task(struct store *s, const struct task_record *task);
/** Deletes the task's row and its payloads (store_delete_payload). */
pv_status store_delete_task(struct store *s, uint64_t row);
/** Writes a setting in place of the one of the same key, principal and name; `cleared` deletes that one instead. */
pv_status store_put_setting(struct store *s, const struct setting_record *setting);

/** The broker's clock as it was saved last; up_ms 0: never. PV_STORE: it could not be read, or holds what this program never
 *  wrote. */
pv_status store_get_clock(struct store *s, struct up_clock *clock);
/** Writes it in place of that. A part of the open transaction as the others are: of a commit that is made anyway. */
pv_status store_put_clock(struct store *s, const struct up_clock *clock);

#endif
