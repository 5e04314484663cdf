/** How many locks (pthread_mutex_t) the threads of this program hold, of those that are taken by what is linked statically. Fewer than none: one was given
 *  back that nobody had taken. Linked by pv_test. */
#ifndef LOCK_WATCH_H
#define LOCK_WATCH_H

long locks_held(void);

#endif
