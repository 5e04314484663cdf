/** What the transcript has told of the broker's answers to one command: read by session_told.c, answered from by session_broker.c. */
#ifndef SESSION_TOLD_H
#define SESSION_TOLD_H

#include "session_broker.h"
#include "words.h"

enum { SESSION_LISTS = 7, TOLD_ROWS = 64, TOLD_CELLS = 800, TOLD_NEWS = 8, TYPES = 128 };

/** A table that it has by itself. */
extern const struct session_list {
    enum wire_what what;
    const char *schema;
    const struct wire_row *rows;
    size_t n;
} session_lists[SESSION_LISTS];

struct refusal {
    bool is, mute;
    pv_status status;
    int what; /* of a LIST, or the role of a HELLO; -1: any */
    const char *text;
};

extern struct session_told {
    char texts[1 << 16]; /* a word's text is kept here */
    size_t used;
    struct wire_cell cells[TOLD_CELLS];
    size_t cells_n;
    struct {
        bool told;
        struct wire_row rows[TOLD_ROWS];
        size_t n;
        const char *next;
    } table[SESSION_LISTS]; /* those of session_lists */
    struct refusal refusal[TYPES];
    bool once, new_broker, steps;
    size_t step;
    struct wire_msg asked; /* the SUBMIT or ATTACH of the steps */
    struct wire_msg task, submitted, deliver, cancelled, news[TOLD_NEWS];
    bool has_task, has_submitted, has_deliver, never, has_cancelled, has_counts, has_result;
    size_t news_n;
    struct wire_counts counts;
    const char *result; /* NULL: the input */
    size_t result_bytes;
} session_told;

#endif
