/** The settings of a program as a table of rows: what each is called, what it may be, where its member lies. One engine reads
 *  them from flags, environment, file and defaults; the tables stay with their programs (config.h, node_config.h, commands.c).
 *
 *  A refused value gets a sentence that says which setting, which value, what is allowed, and where it stands:
 *      /etc/provost/broker.yaml: batch: not a number: "many" (1 to 100000) (line: 7)
 *      PROVOST_BATCH: 0 is too small: 1 to 100000
 *      --insecure: not yes or no: "maybe" (also true, false, on, off, 1, 0)
 */
#ifndef PV_SETTINGS_H
#define PV_SETTINGS_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** How a row's text is read, and what its member is. */
enum setting_kind {
    SETTING_TEXT,       /* const char *, as it stands; "" is none */
    SETTING_LIST,       /* the same, with commas between items; a flag given again appends */
    SETTING_WORD,       /* const char *, one of the row's words */
    SETTING_CHOICE,     /* an enum or int: the place in the row's words */
    SETTING_NUMBER,     /* uint64_t within low and high */
    SETTING_SIZE,       /* uint64_t in bytes within low and high; may end in K, M or G */
    SETTING_LARGE_SIZE, /* the same; also T */
    SETTING_DURATION,   /* uint64_t or int64_t in ms within low and high; ms, s, m, h, d; a bare number is seconds */
    SETTING_SWITCH,     /* bool */
    SETTING_OTHER,      /* whatever the row's own reader sets */
};

struct setting {
    const char
        *name; /* the key in a file; with dashes for underscores the flag; in capitals behind PROVOST_ the variable */
    enum setting_kind kind;
    const char *fallback; /* the default as text; NULL: the member stays as it is */
    uint64_t low, high;   /* high at or above INT64_MAX: no bound that a sentence should name */
    const char *words;    /* WORD, CHOICE: with single spaces between them. OTHER: what it may be, for the sentence */
    bool live;            /* a change counts at the next HUP, not only at the next start */
    const char *arg;      /* the value's name in the help; NULL: a flag without value */
    const char *meaning;
    size_t offset;
    bool (*read)(void *member, const char *text); /* OTHER */
};

/** Where a value came from; a higher one wins. */
enum setting_origin { SETTING_DEFAULT, SETTING_FILE, SETTING_ENVIRONMENT, SETTING_FLAG, SETTING_ORIGINS };

enum { SETTINGS_WHY_BYTES = 512, SETTING_NAME_BYTES = 64 };

/** The word of an origin, as --print-config prints it. */
const char *setting_origin_word(enum setting_origin o);

/** "heartbeat-ms": the flag of heartbeat_ms, without its dashes. Returns to. */
const char *setting_flag(char to[SETTING_NAME_BYTES], const char *name);

/** "PROVOST_HEARTBEAT_MS": the environment variable of heartbeat_ms (and of heartbeat-ms); with a program, such as "broker",
 *  the one that is that program's alone, "PROVOST_BROKER_HEARTBEAT_MS". program may be NULL. Returns to. */
const char *setting_variable(char to[SETTING_NAME_BYTES], const char *program, const char *name);

/** Reads text into s's member of the struct at base, which borrows it (TEXT, LIST). False: *why is the sentence's end, to be
 *  put behind the setting's name and a colon: `not a number: "many" (1 to 64)`. */
bool setting_read(const struct setting *s, void *base, const char *text, char why[SETTINGS_WHY_BYTES]);

/** The same for the value of a flag or of the named variable, with the whole sentence. PV_BAD_CONFIG. */
pv_status setting_of_flag(const struct setting *s, void *base, const char *text, char why[SETTINGS_WHY_BYTES]);
pv_status setting_of_variable(const struct setting *s, void *base, const char *variable, const char *text,
                              char why[SETTINGS_WHY_BYTES]);

/** Reads every row's default into base. A default that its row refuses is a mistake in the table: the tests look for it. */
void settings_default(const struct setting *rows, size_t n, void *base);

/** Writes a sentence of the caller's into why. Always PV_BAD_CONFIG, so that a check ends with `return settings_refuse(...)`. */
pv_status settings_refuse(char why[SETTINGS_WHY_BYTES], const char *format, ...) __attribute__((format(printf, 2, 3)));

/** "name: value", as a file has it, without the end of the line. Not for CHOICE, DURATION and OTHER. */
void setting_print(const struct setting *s, const void *base, FILE *to);

/** True when the members in a and b say the same. Not for OTHER. */
bool setting_same(const struct setting *s, const void *a, const void *b);

/** Copies the member of from. Texts stay where they are. Not for OTHER. */
void setting_copy(const struct setting *s, void *to, const void *from);

#endif
