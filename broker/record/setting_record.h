/** What an administrator set while the broker ran, and what survives its restarts: one record for each thing set.
 *
 *  A setting stands until it is cleared; then the value of the configuration counts again. Queues are known by their
 *  name, provers by {principal, name}, because two principals may use one name.
 */
#ifndef PV_SETTING_RECORD_H
#define PV_SETTING_RECORD_H

#include "fields.h"

#include <stdbool.h>
#include <stdint.h>

/* S(key, "word in the store", QUEUE or PROVER) */
#define SETTING_LIST(S)                                                                                                \
    S(PAUSED, "paused", QUEUE)                  /* 1 */                                                                \
    S(RUN_TIMEOUT, "run_timeout_ms", QUEUE)     /* 0: none */                                                          \
    S(STALL_TIMEOUT, "stall_timeout_ms", QUEUE) /* 0: none */                                                          \
    S(DRAINED, "drained", PROVER)               /* 1 */

enum setting_key {
#define S(key, word, of) SETTING_##key,
    SETTING_LIST(S)
#undef S
        SETTINGS
};

struct setting_record {
    enum setting_key key;
    char principal[WIRE_NAME_MAX + 1]; /* of the prover; "" of a queue */
    char name[WIRE_NAME_MAX + 1];
    uint64_t value;
    bool cleared; /* no longer set; value is not used */
};

#define SETTING_TIMEOUT_MAX (UINT64_C(1) << 40) /* ms; the same limit as in the configuration */

#endif
