/** JSON as it is written, piece by piece, into memory of its own: for answers that go out often and are large, where a tree of values
 *  would cost more than the text (1,000 rows of 25 cells: RESULTS.md). What is read, jansson reads.
 *
 *  Text of a stranger is safe in it: what is not UTF-8 becomes U+FFFD, and what could steer a terminal is escaped (visible.h).
 */
#ifndef PV_JSON_TEXT_H
#define PV_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** All zero is the empty text. */
struct json_text {
    char *at;
    size_t n, cap;
    bool comma;  /* a value precedes in the innermost object or list */
    bool failed; /* out of memory: what follows is dropped */
};

/* key NULL: an item of a list, or the whole. */

void json_text_object(struct json_text *j, const char *key);
void json_text_object_end(struct json_text *j);
void json_text_list(struct json_text *j, const char *key);
void json_text_list_end(struct json_text *j);

/** value NULL: null. */
void json_text_string(struct json_text *j, const char *key, const char *value);
void json_text_number(struct json_text *j, const char *key, uint64_t value);
void json_text_signed(struct json_text *j, const char *key, int64_t value);
void json_text_truth(struct json_text *j, const char *key, bool value);
void json_text_null(struct json_text *j, const char *key);
/** milliseconds as seconds, with three digits behind the point. */
void json_text_seconds(struct json_text *j, const char *key, uint64_t ms);
/** json: a value that is JSON already; NULL: null. */
void json_text_raw(struct json_text *j, const char *key, const char *json);

/** The text, malloc'ed and ended by NUL; j is empty afterwards. NULL: memory ran out on the way. */
char *json_text_take(struct json_text *j);
void json_text_clear(struct json_text *j);

#endif
