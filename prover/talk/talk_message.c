#include "talk_message.h"

static void text_get(struct talk_reader *r, const char **text, size_t *n)
{
    *text = talk_get_text(r, n);
    if (*n > TALK_TEXT_MAX) *n = TALK_TEXT_MAX;
}

/* --- from the node --- */

static void hello_get(struct talk_message *m, struct talk_reader *r, uint32_t n)
{
    m->version = talk_get_uint(r);
    if (n < 6) return;
    text_get(r, &m->name, &m->name_n);
    m->instance = talk_get_uint(r);
    m->result_max = talk_get_uint(r);
    text_get(r, &m->text, &m->text_n);
}

static void run_get(struct talk_message *m, struct talk_reader *r)
{
    m->job = talk_get_uint(r);
    text_get(r, &m->name, &m->name_n);
    text_get(r, &m->text, &m->text_n);
    if (!talk_get_nil(r)) text_get(r, &m->file, &m->file_n);
    if (!talk_get_nil(r)) m->bytes = talk_get_bin(r, &m->bytes_n);
    if (!m->bytes == !m->file) r->wrong = true;
}

/* --- from the program --- */

static void ready_get(struct talk_message *m, struct talk_reader *r, uint32_t n)
{
    m->version = talk_get_uint(r);
    if (n > 2) text_get(r, &m->text, &m->text_n);
    if (n > 3) m->circuits = talk_get_array(r);
    if (m->circuits > TALK_CIRCUITS_MAX) r->wrong = true;
    m->rest = *r;
}

static void progress_get(struct talk_message *m, struct talk_reader *r)
{
    m->job = talk_get_uint(r);
    uint64_t percent = talk_get_uint(r);
    m->percent = percent > 100 ? 100 : (unsigned)percent;
    text_get(r, &m->name, &m->name_n);
    if (m->name_n > TALK_NAME_MAX) r->wrong = true;
}

static void failure_get(struct talk_message *m, struct talk_reader *r)
{
    m->job = talk_get_uint(r);
    uint64_t kind = talk_get_uint(r);
    if (kind >= TALK_FAILURES) r->wrong = true;
    m->failure = (enum talk_failure)(kind % TALK_FAILURES);
    text_get(r, &m->text, &m->text_n);
}

/* How many elements a word has at least; 0: it is none. */
static uint32_t least(uint64_t word)
{
    static const uint8_t elements[] = { [TALK_HELLO] = 2,  [TALK_RUN] = 6,     [TALK_STOP] = 2,    [TALK_PING] = 2,
                                        [TALK_END] = 1,    [TALK_READY] = 2,   [TALK_REFUSED] = 2, [TALK_PROGRESS] = 4,
                                        [TALK_RESULT] = 3, [TALK_FAILURE] = 4, [TALK_PONG] = 2 };
    return word < sizeof elements ? elements[word] : 0;
}

bool talk_message_read(struct talk_message *m, const uint8_t *bytes, size_t length)
{
    struct talk_reader r = { .next = bytes, .end = bytes + length };
    uint32_t n = talk_get_array(&r);
    uint64_t word = talk_get_uint(&r);
    *m = (struct talk_message){ .word = (enum talk_word)(word & 63) };
    if (r.wrong || !least(word) || n < least(word)) return false;
    switch (m->word) {
    case TALK_HELLO: hello_get(m, &r, n); break;
    case TALK_RUN: run_get(m, &r); break;
    case TALK_READY: ready_get(m, &r, n); break;
    case TALK_REFUSED: text_get(&r, &m->text, &m->text_n); break;
    case TALK_PROGRESS: progress_get(m, &r); break;
    case TALK_FAILURE: failure_get(m, &r); break;
    case TALK_END: break;
    default: m->job = talk_get_uint(&r); /* STOP, PING, PONG, RESULT */
    }
    if (m->word == TALK_RESULT) m->bytes = talk_get_bin(&r, &m->bytes_n);
    return !r.wrong;
}

bool talk_circuit(struct talk_reader *rest, const char **name, size_t *name_n, uint64_t *need)
{
    if (talk_get_array(rest) != 2) rest->wrong = true;
    *name = talk_get_text(rest, name_n);
    *need = talk_get_uint(rest);
    return !rest->wrong && *name_n >= 1 && *name_n <= TALK_NAME_MAX;
}

/* --- writing --- */

void talk_begin(struct talk_writer *w, enum talk_word word, uint32_t elements)
{
    w->n = 0;
    w->full = w->room < TALK_HEAD_BYTES;
    if (!w->full) w->n = TALK_HEAD_BYTES;
    talk_put_array(w, elements);
    talk_put_uint(w, word);
}

bool talk_end(struct talk_writer *w, size_t to_follow)
{
    uint64_t length = (uint64_t)w->n - TALK_HEAD_BYTES + to_follow;
    if (w->full || length > UINT32_MAX) return false;
    for (unsigned i = 0; i < TALK_HEAD_BYTES; i++) w->bytes[i] = (uint8_t)(length >> 8 * (TALK_HEAD_BYTES - 1 - i));
    return true;
}
