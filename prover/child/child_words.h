/** What a program and its child say to each other in frames (frame.h). A frame's tag is the number of the job that it is about.
 *
 *      the child                          its parent
 *      READY body      >------------->                   once: it takes jobs; the body is up to the child
 *      REFUSED text    >------------->                   in place of READY: why it will never be ready here
 *                      <-------------<    CHILD_JOB + k  a job; body and descriptors are up to whoever gave it
 *      PROGRESS        >------------->                   u8 percent, then a word
 *                      <-------------<    STOP           the job is not wanted any more; DONE or FAILED follows all the same
 *      DONE body       >------------->
 *      FAILED          >------------->                   u32 status (status_list.h), then a sentence
 *                      <-------------<    PING           tag: any number
 *      PONG            >------------->                   with that tag
 */
#ifndef PV_CHILD_WORDS_H
#define PV_CHILD_WORDS_H

enum child_word {
    CHILD_READY = 1,
    CHILD_REFUSED,
    CHILD_PING,
    CHILD_PONG,
    CHILD_STOP,
    CHILD_PROGRESS,
    CHILD_DONE,
    CHILD_FAILED,
    CHILD_JOB = 32 /* and above: jobs */
};

enum {
    CHILD_SOCKET = 3,    /* the one descriptor that a child inherits besides 0, 1 and 2 */
    CHILD_WORD_MAX = 32, /* bytes of a PROGRESS's word */
    CHILD_TEXT_BYTES = 256
};

/** Says to a child, by its environment, which process is its parent. */
#define CHILD_PARENT "PROVOST_CHILD_OF"

#endif
