/** For a test file whose tests each want a fresh rig: the rig `r`, opened before and closed after each test listed with
 *  T(). Includes what every such file includes. */
#ifndef PV_SCHED_CASE_H
#define PV_SCHED_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "sched_rig.h"

enum { L = 15000, H = 3000 }; /* lease and heartbeat (R5), as the core has them unless told otherwise */

static struct rig r;

static inline int open_rig(void **state)
{
    rig_open(&r, NULL);
    return 0;
}

static inline int close_rig(void **state)
{
    rig_close(&r);
    return 0;
}

/* Configures a queue anew. */
static inline void queue_is(const char *name, uint64_t run_ms, uint64_t stall_ms, enum sched_late late)
{
    struct sched_event ev = rig_event(&r, SCHED_QUEUE, NULL, 0);
    ev.queue.name = name;
    ev.queue.run_timeout_ms = run_ms;
    ev.queue.stall_timeout_ms = stall_ms;
    ev.queue.late = late;
    rig_step(&r, ev);
}

/* Task 7 of c1 runs on p1. */
static inline void seven_runs(void)
{
    prover(&r, "p1", 1, 0);
    submit(&r, "c1", 7);
    started(&r, "p1", 7);
    ignore(&r);
}

static inline void run_to_success(const char *client, const char *who, unsigned n)
{
    submit(&r, client, n);
    started(&r, who, n);
    result(&r, who, n, n + 1000);
    ready(&r, who, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

#endif
