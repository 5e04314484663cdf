/** The child's side in C: a program that says READY, takes jobs, and ends when its parent does.
 *
 *      int main(void)
 *      {
 *          if (!child_begin()) return 2;
 *          ... what takes long ...
 *          return child_serve(&options, ready, ready_bytes);    or child_refuse("why") in its place
 *      }
 */
#ifndef PV_CHILD_SERVE_H
#define PV_CHILD_SERVE_H

#include "child_words.h"
#include "frame.h"

#include <stdatomic.h>
#include <stdbool.h>

/** First of all: ends this process with the thread that started it, and looks whether there is a parent and a socket. False:
 *  it was started by hand. */
bool child_begin(void);

/** A job: borrowed until run returns, but for the descriptors: run closes them, or keeps them. */
struct child_job {
    unsigned kind; /* without CHILD_JOB */
    const uint8_t *body;
    size_t bytes;
    int fds[FRAME_FDS_MAX]; /* -1: taken */
    unsigned fds_n;
    atomic_int stop; /* the parent wants it no more */
    uint32_t tag;    /* for child_progress */
};

enum { CHILD_ANSWER_MAX = 1024 };
struct child_answer {
    uint8_t body[CHILD_ANSWER_MAX]; /* wiped when it was said */
    size_t bytes;
    char why[CHILD_TEXT_BYTES];
};

enum { CHILD_THREADS_MAX = 64, CHILD_JOBS_MAX = 256 };
struct child_serve_options {
    unsigned
        threads; /* 1 to CHILD_THREADS_MAX: jobs that run at a time; further ones wait, at most CHILD_JOBS_MAX in all */
    /** By one of the threads. PV_OK: answer->body; else the status and answer->why. */
    pv_status (*run)(void *arg, struct child_job *job, struct child_answer *answer);
    void *arg;
};

/** Says READY with that body, and serves until the parent closes the socket or breaks the rules; jobs that run then are not
 *  waited for. Returns the exit status. */
int child_serve(const struct child_serve_options *options, const uint8_t *ready, size_t ready_bytes);

/** Says REFUSED. Returns the exit status. */
int child_refuse(const char *why);

/** By a thread that runs a job. word: at most CHILD_WORD_MAX bytes. */
void child_progress(const struct child_job *job, const char *word, unsigned percent);

#endif
