/** A broker that runs in this process, peers with keys of their own, and everything that is said and logged at each step, in one text.
 *
 *  A step is one message of one peer and the answers that it is to bring. When they are there the broker is asked something else, so that
 *  the turn of the step is over; then what it logged is added. So the text is the same each time, whichever thread was faster. Times,
 *  addresses, keys and sizes of the machine are taken out.
 */
#ifndef DAY_SCENE_H
#define DAY_SCENE_H

#include "broker.h"
#include "wire_peer.h"

enum who { BOSS, ACME, RIVAL, NODE, OTHER, TWIN, STRANGER, PEOPLE };

/** Opens the folder and the text; keys are made. */
void day_begin(void);
/** Ends both. Compares the text with that file, or writes it. */
void day_end(const char *golden, bool write_it);

/** What stands in the file of keys for this one; NULL: nothing. */
void day_rights(enum who who, const char *rights);
/** Writes the file of keys, and that of settings. */
void day_write_keys(void);
void day_write_settings(const char *text);

/** Opens the broker and lets it run in a thread; TERM, and closes it. The same folder serves again. */
void day_open(void);
void day_close(void);
/** HUP; returns when the settings were read, or were refused. */
void day_reload(const char *title);
/** Removes the file in which the broker keeps this payload. */
void day_lose_payload(uint8_t task, size_t bytes);
/** Adds a byte to it. */
void day_grow_payload(uint8_t task, size_t bytes);

/** A connection with the key of one of them. In the text it has that one's name. */
struct wire_peer *day_dial(enum who who);
struct wire_peer *day_peer(enum who who);
void day_hang_up(enum who who, const char *title);

/** A heading, then what of this is said. */
void day_step(const char *title);
/** Everything that this peer is told until a message of that type; ends the program after some seconds without. */
void day_told(enum who who, enum wire_type type);
/** The turn is over: adds what was logged. */
void day_settle(void);
/** Until this event was logged; then the same. */
void day_logged(const char *event);
/** A step of one message and one answer. */
void day_ask(enum who who, const char *title, const struct wire_msg *m, enum wire_type answer);
/** A step of one message without an answer. */
void day_say(enum who who, const char *title, const struct wire_msg *m);

/** Ids, sessions and payloads that are the same each time. */
wire_id day_id(uint8_t n);
struct wire_msg day_hello(enum who who, enum wire_role role, const char *name);
struct wire_msg day_submit(uint8_t task, const char *queue, const char *circuit, size_t bytes);
struct wire_msg day_of_task(enum wire_type type, uint8_t task);
const uint8_t *day_payload(uint8_t task);

#endif
