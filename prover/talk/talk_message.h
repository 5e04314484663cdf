/** The messages of talk_words.h, each way.
 */
#ifndef PV_TALK_MESSAGE_H
#define PV_TALK_MESSAGE_H

#include "talk_value.h"
#include "talk_words.h"

/** One message. Which members it has, its word says; texts and bytes are borrowed from where it was read. */
struct talk_message {
    enum talk_word word;
    uint64_t job;                  /* RUN, STOP, PROGRESS, RESULT, FAILURE; of PING and PONG: the number */
    uint64_t version;              /* HELLO, READY */
    uint64_t instance, result_max; /* HELLO */
    const char *name;              /* HELLO: the handler; RUN: the task; PROGRESS: the phase */
    size_t name_n;
    const char *text; /* HELLO: options; READY: software; REFUSED, FAILURE: why; RUN: the circuit */
    size_t text_n;
    const char *file; /* RUN: in place of bytes */
    size_t file_n;
    const uint8_t *bytes; /* RUN: the input; RESULT */
    size_t bytes_n;
    unsigned percent;          /* PROGRESS: 0 to 100 */
    enum talk_failure failure; /* FAILURE */
    uint32_t circuits;         /* READY: how many follow in rest */
    struct talk_reader rest;   /* READY: for talk_circuit */
};

/** Reads a message of n bytes. False: it is none of the words, or has not what its word needs. Texts longer than TALK_TEXT_MAX are cut. */
bool talk_message_read(struct talk_message *m, const uint8_t *bytes, size_t n);

/** The next circuit of a READY: its name, and how many bytes of memory a task of it needs (0: not said). False: it is none, or its name
 *  is not one of 1 to TALK_NAME_MAX bytes. */
bool talk_circuit(struct talk_reader *rest, const char **name, size_t *name_n, uint64_t *need);

/** Begins a message of so many elements with its word, behind room for its length; talk_put_... write the others. */
void talk_begin(struct talk_writer *w, enum talk_word word, uint32_t elements);

/** Its length, when to_follow bytes come behind what was written (of a bin whose head was the last). False: it did not fit. */
bool talk_end(struct talk_writer *w, size_t to_follow);

#endif
