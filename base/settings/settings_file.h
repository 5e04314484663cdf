/** Settings from all their sources: a flag beats the environment, which beats the file, which beats the default.
 *
 *  The file is a YAML mapping of the table's names to scalars, and may hold one list of mappings with a table of their own
 *  (the broker's queues). An unknown key, and a value that is refused, are errors with their line.
 */
#ifndef PV_SETTINGS_FILE_H
#define PV_SETTINGS_FILE_H

#include "settings.h"

/** A program's table. */
struct settings_table {
    const struct setting *rows;
    size_t n;
    const char *list; /* the key of the list in the file, or NULL; its items' table: */
    const struct setting *item_rows;
    size_t item_n;
    unsigned items_most;
    const char *
        program; /* "broker": PROVOST_BROKER_<NAME> is its own and beats PROVOST_<NAME>, which others read too; NULL: no own */
    const char *const *identity; /* settings that tell this program from others, up to a NULL; NULL: none */
    bool empty_variables;        /* an empty environment variable is an empty text; else it is as if it were not set */
};

struct settings_file;

/** Reads path, every scalar as text. table is borrowed until settings_file_destroy.
 *  PV_IO: it cannot be read. PV_BAD_CONFIG, PV_NO_MEMORY. */
pv_status settings_file_read(struct settings_file **file, const char *path, const struct settings_table *table,
                             char why[SETTINGS_WHY_BYTES]);
void settings_file_destroy(struct settings_file **file);

/** Where the settings of a struct go. */
struct settings_target {
    void *base;
    enum setting_origin *origin; /* of each row */
    const char **text;           /* of each row, as it was said; or NULL */
};

/** Reads every row from the first source that has it. flags: a text for each row, NULL where no flag was given. file may be
 *  NULL. to borrows the texts of flags, environment and file. PV_BAD_CONFIG. */
pv_status settings_gather(const struct settings_table *table, const struct settings_target *to,
                          const char *const *flags, const struct settings_file *file, char why[SETTINGS_WHY_BYTES]);

/** Tells each identity setting whose value came from the variable that other programs read too: with it they would pass for
 *  one another, or use each other's files. origin: as settings_gather filled it. */
void settings_shared(const struct settings_table *table, const enum setting_origin *origin,
                     void (*told)(const char *variable, const char *own));

/** Items of the file's list; 0 where there is no list. */
size_t settings_file_items(const struct settings_file *file);

/** Reads what item k says into base, and leaves the rest as it is. base borrows the file's texts. PV_BAD_CONFIG. */
pv_status settings_file_item(const struct settings_file *file, size_t k, void *base, char why[SETTINGS_WHY_BYTES]);

#endif
