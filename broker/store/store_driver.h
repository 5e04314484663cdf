/** What a driver of the store answers: one function for each of the contract in store.h, store_rows.h and store_payloads.h, with the
 *  same arguments, statuses and promises. store.c calls them; nobody else does.
 *
 *  A driver's own state begins with a struct store:
 *
 *      struct sqlite_store { struct store base; ... };
 */
#ifndef PV_STORE_DRIVER_H
#define PV_STORE_DRIVER_H

#include "store.h"

struct store {
    const struct store_driver *driver;
};

struct store_driver {
    const char *name; /* "sqlite", "postgresql" */
    pv_status (*open)(struct store **out, const struct store_place *place, int wake, struct faults *faults,
                      char why[STORE_WHY_BYTES]);
    void (*close)(struct store *s); /* frees it; never NULL */

    const struct store_migration *(*migration)(const struct store *s);
    const struct store_found *(*found)(const struct store *s);
    uint32_t (*epoch)(const struct store *s);
    pv_status (*boot)(struct store *s, uint32_t above, uint32_t *epoch);
    bool (*ours)(const struct store *s);
    bool (*lazy)(const struct store *s);

    pv_status (*commit)(struct store *s, enum store_when when, uint64_t *number);
    bool (*writing)(const struct store *s);
    void (*sync)(struct store *s);
    bool (*syncing)(const struct store *s);
    bool (*gathers)(const struct store *s);
    uint64_t (*kept)(const struct store *s);
    void (*turn)(struct store *s);
    void (*settle)(struct store *s);
    uint64_t (*durable)(const struct store *s);

    const char *(*failure)(const struct store *s);
    void (*fail)(struct store *s, const char *why);
    bool (*full)(const struct store *s);
    bool (*heals)(const struct store *s);
    pv_status (*reopen)(struct store *s);

    struct blobs *(*blobs)(struct store *s);
    void (*read_stats)(struct store *s, struct store_stats *to);
    void (*tidy)(struct store *s);

    pv_status (*get_gate)(struct store *s, struct store_gate *gate);
    pv_status (*put_gate)(struct store *s, const struct store_gate *gate);

    pv_status (*scan)(struct store *s, pv_status (*each)(void *context, const struct task_record *task), void *context);
    pv_status (*scan_settings)(struct store *s, pv_status (*each)(void *context, const struct setting_record *setting),
                               void *context);
    pv_status (*put_task)(struct store *s, const struct task_record *task);
    pv_status (*delete_task)(struct store *s, uint64_t row);
    pv_status (*put_setting)(struct store *s, const struct setting_record *setting);
    pv_status (*get_clock)(struct store *s, struct up_clock *clock);
    pv_status (*put_clock)(struct store *s, const struct up_clock *clock);

    pv_status (*put_payload)(struct store *s, enum store_kind kind, uint64_t row, const struct store_payload *p);
    pv_status (*delete_payload)(struct store *s, enum store_kind kind, uint64_t row);
    pv_status (*get_payload)(struct store *s, enum store_kind kind, uint64_t row, struct store_payload *p);
    void (*read_begin)(struct store *s);
    void (*read_end)(struct store *s);
    pv_status (*survey)(struct store *s, uint64_t *after, struct store_named *to, size_t *n);
    pv_status (*last_row)(struct store *s, uint64_t *row);
    void (*forget_file)(struct store *s, wire_hash hash);
};

#endif
