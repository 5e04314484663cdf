/** The broker as its program sees it: opened, run until it is told to end, closed.
 *
 *  One thread turns the loop (loop.c). Others that exist: libzmq's own, the one that answers for keys (auth.c) and
 *  libmicrohttpd's (http.c). SIGTERM and SIGINT end it after the batch at hand; SIGHUP reads keys and settings again.
 */
#ifndef PV_LOOP_H
#define PV_LOOP_H

#include "config.h"
#include "status.h"

enum { LOOP_WHY_BYTES = 512 };

struct broker;

/** Opens everything in the order that makes it safe: keys, store, boot epoch, the tasks that survived, and the socket
 *  last. config is borrowed until broker_close, and so is args, from which SIGHUP reads it again. A status with its sentence when something is in the way. */
pv_status broker_open(struct broker **b, const struct config *config, const struct config_args *args,
                      char why[LOOP_WHY_BYTES]);

/** How much is logged, and in which form, as config says. */
void reload_log(const struct config *config);

/** Until a signal. PV_OK: a clean end. */
pv_status broker_run(struct broker *b);

void broker_close(struct broker **b);

#endif
