#include "message.h"

#include "reply.h"

#include "log.h"

#include <stdio.h>

bool message_read(struct broker *b, const struct router_message *d, uint32_t *routing, struct wire_msg *m)
{
    char why[WIRE_WHY_BYTES] = "more than three frames";
    struct wire_frames f = router_frames(d);
    if (!peers_routing(routing, zmq_msg_data((zmq_msg_t *)&d->part[0]), zmq_msg_size(&d->part[0]))) {
        b->counters.protocol[FACTS_PROTOCOL_ROUTING]++;
        b->counters.strangers++; /* the peer chose its routing id itself: such peers get no answer */
        return false;
    }
    pv_status st = d->too_many ? PV_BAD_MESSAGE : wire_msg_decode(m, WIRE_TO_BROKER, &f, why);
    if (st == PV_OK) return true;
    b->counters.malformed++;
    b->counters.protocol[FACTS_PROTOCOL_MALFORMED]++;
    LOG_DEBUG("message.malformed", "why=%s", why);
    reply_stranger(b, *routing, st, why);
    return false;
}
