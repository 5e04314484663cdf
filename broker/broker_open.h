/** The broker as its program sees it: opened, run until it is told to end (loop.h), closed.
 *
 *  Threads besides the one that turns the loop: libzmq's own, the one that answers for keys (auth.h), libmicrohttpd's (http.h),
 *  and those that wait for the disk (disk_jobs.h).
 */
#ifndef PV_BROKER_OPEN_H
#define PV_BROKER_OPEN_H

#include "config.h"
#include "status.h"

enum {
    BROKER_WHY_BYTES = 512,
    BROKER_FREE_BYTES = 16 << 20, /* of memory that it has freed, the process keeps so much */
};

struct broker;
struct store;

/** Opens everything in the order that makes it safe: keys, store, boot epoch, the tasks that survived, and the socket last.
 *  config is borrowed until broker_close, and so is args, from which SIGHUP reads the settings again. On failure a status, and why
 *  says in a sentence what is in the way. */
pv_status broker_open(struct broker **out, const struct config *config, const struct config_args *args,
                      char why[BROKER_WHY_BYTES]);

/** Whether the limit of open files leaves places for anybody. PV_BAD_CONFIG with a sentence; fewer places than connections_max
 *  are only said in the log. */
pv_status broker_check_places(const struct config *config, char why[BROKER_WHY_BYTES]);

/** After store_reopen and store_boot: a core made anew from the store, as at a start. Clients that are connected are taken
 *  in at once; provers say HELLO again when they hear of the epoch, and announce what they hold. Uploads and downloads under
 *  way have ended. */
pv_status broker_begin_again(struct broker *b);

/** Closes core and store, which another may have, and begins to stand by. Connections and addresses stay; peers are told to go on. */
void broker_stand_by(struct broker *b);
/** The end of that: takes the store, which another may not have any more, and makes a core of it. False: it could not be used, is closed, and
 *  the broker goes on standing by. */
bool broker_take_over(struct broker *b, struct store **store);

/** NULL is no broker. */
void broker_close(struct broker **b);

#endif
