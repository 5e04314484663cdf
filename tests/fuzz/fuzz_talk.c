/* Any bytes as what a program that stays says: whatever is read is whole and within its bounds, memory does not run ahead of what came, and cuts
 * make no difference. The first byte says where it is cut. */
#include "fuzz_must.h"

#include "resident.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 4096 };

struct heard {
    unsigned messages, refused;
    uint64_t sum;
    bool broken;
};

static void inside(const void *at, size_t n, const uint8_t *from, size_t bytes)
{
    const uint8_t *p = at;
    MUST(!n || (p >= from && p + n <= from + bytes));
}

/* READY as a pool takes it. */
static uint64_t ready(const struct talk_message *m)
{
    struct resident r = { .input = -1 };
    char why[RESIDENT_WHY_BYTES] = "";
    bool taken = resident_ready(&r, m, why);
    MUST(taken == !*why);
    MUST(r.circuits_n <= TALK_CIRCUITS_MAX);
    for (size_t i = 0; taken && i < r.circuits_n; i++) MUST(*r.circuits[i] && strlen(r.circuits[i]) <= TALK_NAME_MAX);
    uint64_t n = r.circuits_n;
    free(r.circuits);
    free(r.needs);
    return n + taken;
}

static void hear(struct heard *h, const uint8_t *bytes, size_t n)
{
    struct talk_message m;
    if (!talk_message_read(&m, bytes, n)) {
        h->refused++;
        return;
    }
    inside(m.name, m.name_n, bytes, n);
    inside(m.text, m.text_n, bytes, n);
    inside(m.file, m.file_n, bytes, n);
    inside(m.bytes, m.bytes_n, bytes, n);
    MUST(m.percent <= 100 && m.failure < TALK_FAILURES && m.circuits <= TALK_CIRCUITS_MAX);
    MUST(m.text_n <= TALK_TEXT_MAX && (m.word != TALK_PROGRESS || m.name_n <= TALK_NAME_MAX));
    MUST(m.word != TALK_RUN || !m.bytes != !m.file);
    if (m.word == TALK_READY) h->sum += ready(&m);
    h->messages++;
    h->sum += m.word + m.job * 31 + m.bytes_n * 7 + m.text_n;
}

static struct heard all(const uint8_t *data, size_t bytes, size_t cut)
{
    struct heard h = { 0 };
    struct talk_stream s = { .most = MOST };
    for (size_t at = 0; at < bytes && !h.broken;) {
        size_t n;
        uint8_t *to = talk_stream_room(&s, &n);
        MUST(to && n);
        MUST(s.room <= (64 << 10) + 2 * (at + MOST));
        if (n > cut) n = cut;
        if (n > bytes - at) n = bytes - at;
        memcpy(to, data + at, n);
        at += n;
        switch (talk_stream_add(&s, n)) {
        case TALK_WHOLE:
            MUST(s.wanted - TALK_HEAD_BYTES <= MOST);
            hear(&h, s.bytes + TALK_HEAD_BYTES, s.wanted - TALK_HEAD_BYTES);
            talk_stream_next(&s);
            break;
        case TALK_TOO_LONG: h.broken = true; break;
        default: break;
        }
    }
    talk_stream_clear(&s);
    return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (!bytes) return 0;
    struct heard a = all(data + 1, bytes - 1, bytes), b = all(data + 1, bytes - 1, 1 + data[0] % 17);
    MUST(a.messages == b.messages && a.refused == b.refused && a.sum == b.sum && a.broken == b.broken);
    return 0;
}
