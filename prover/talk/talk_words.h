/** What a node and a program that stays (mode: persistent, mode: library) say to each other over the program's stdin and stdout.
 *
 *      byte  0  u32, big-endian: bytes of the message that follows
 *            4  the message: a msgpack array whose first element is its word
 *
 *      the node                                                                 the program
 *      HELLO    [1, version, handler, instance, result_max, options]   >---->            first of all
 *                                                                      <----<   READY    [32, version, software, [[circuit, need], ...]]
 *                                                                      <----<   REFUSED  [33, text]                 in place of READY
 *      RUN      [2, job, task, circuit, file, input]                   >---->            one of file (str) and input (bin) is nil
 *      STOP     [3, job]                                               >---->            RESULT or FAILURE follows all the same
 *                                                                      <----<   PROGRESS [34, job, percent, phase]
 *                                                                      <----<   RESULT   [35, job, result]          result is a bin
 *                                                                      <----<   FAILURE  [36, job, kind, text]
 *      PING     [4, number]                                            >---->            never while a job runs
 *                                                                      <----<   PONG     [37, number]
 *      END      [5]                                                    >---->            the program ends
 *
 *  Elements behind those named here are passed over, so that later versions may add some. One job runs at a time. Anything else ends the
 *  program. HANDLERS.md says the same with every byte, for whoever writes one.
 */
#ifndef PV_TALK_WORDS_H
#define PV_TALK_WORDS_H

enum talk_word {
    TALK_HELLO = 1,
    TALK_RUN,
    TALK_STOP,
    TALK_PING,
    TALK_END,
    TALK_READY = 32,
    TALK_REFUSED,
    TALK_PROGRESS,
    TALK_RESULT,
    TALK_FAILURE,
    TALK_PONG
};

/** FAILURE's kinds: whether another attempt may succeed, none can, or this machine cannot do it. */
enum talk_failure { TALK_RETRYABLE, TALK_PERMANENT, TALK_RESOURCES, TALK_FAILURES };

enum {
    TALK_VERSION = 1,
    TALK_HEAD_BYTES = 4,
    TALK_TEXT_MAX = 4096, /* bytes of a text; what is longer is cut by the reader */
    TALK_NAME_MAX = 64,   /* bytes of a phase or a circuit */
    TALK_CIRCUITS_MAX = 1024,
    TALK_BESIDES = 128 << 10 /* bytes of a message besides the result or the input */
};

#endif
