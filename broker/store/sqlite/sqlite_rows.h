/** store_rows.h in SQLite: the functions of the driver. */
#ifndef PV_SQLITE_ROWS_H
#define PV_SQLITE_ROWS_H

#include "store_rows.h"

pv_status sqlite_scan(struct store *base, pv_status (*each)(void *context, const struct task_record *task),
                      void *context);
pv_status sqlite_scan_settings(struct store *base,
                               pv_status (*each)(void *context, const struct setting_record *setting), void *context);
pv_status sqlite_put_task(struct store *base, const struct task_record *task);
pv_status sqlite_delete_task(struct store *base, uint64_t row);
pv_status sqlite_put_setting(struct store *base, const struct setting_record *setting);
pv_status sqlite_get_clock(struct store *base, struct up_clock *clock);
pv_status sqlite_put_clock(struct store *base, const struct up_clock *clock);

#endif
