/** One example of every message on every way it travels, made from the lists: a field that is added is covered at once. Behind
 *  them, one of each thing that is reserved for later. */
#ifndef PV_WIRE_SAMPLES_H
#define PV_WIRE_SAMPLES_H

#include "msg.h"

#include <stdio.h>

enum sample_size { SAMPLE_FULL, SAMPLE_MINIMAL };

struct wire_sample {
    char name[32]; /* "submit", "heartbeat-up" */
    enum wire_way way;
    struct wire_msg msg;
};

/** How many there are; index runs below it. */
size_t wire_samples(void);

/** Fills s: every field the message may have, or only what it needs. Values depend on the field's name alone.
 *  Borrowed storage is static and constant. */
void wire_sample_make(struct wire_sample *s, size_t index, enum sample_size size);

/** The file form of a message: each frame as 4 bytes of length, big-endian, and its bytes. Returns the bytes written;
 *  to has room for all frames. */
size_t wire_file_of_frames(uint8_t *to, const struct wire_frames *f);

/** The frames in a file, borrowed from it. False when it is not two or three whole frames. */
bool wire_frames_of_file(struct wire_frames *f, const uint8_t *file, size_t bytes);

/** The message for people, from its bytes alone and by msgpack-c's own unpacker: JSON with bin as "hex:…". */
void wire_json_print(FILE *to, const struct wire_frames *f);

/** PROTOCOL.md's tables, from the lists: "fields", "messages", "circuits", "held", "words", "states", "status". False: none such. */
bool wire_table_print(FILE *to, const char *table);

#endif
