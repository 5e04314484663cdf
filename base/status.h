/** The list of outcomes (status_list.h), and TRY. */
#ifndef PV_STATUS_H
#define PV_STATUS_H

#include "status_list.h"

/** Passes a failure on: evaluates call once, and returns its status from the current function unless it is PV_OK.
 *  Not in status_list.h: that is part of the installed provost.h, and TRY is no name to put into other people's programs. */
#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        pv_status try_status_ = (call);                                                                                \
        if (try_status_ != PV_OK) return try_status_;                                                                  \
    } while (0)

#endif
