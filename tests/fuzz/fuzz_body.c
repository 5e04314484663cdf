/* Messages whose frame of msgpack is legal: the input is a recipe for one, so that mutating it changes values, kinds, counts
 * and which keys are there, behind the parser that stops fuzz_wire's inputs. Every kind of message, on each of its ways.
 *
 * Recipe: which message; then, for each field it may have, a byte that chooses (as wanted, left out, of another kind, ...)
 * and what that choice reads. A recipe that ends early goes on with zeros: the plain choice everywhere. */
#include "wire_again.h"

#include "layout.h"
#include "wire_samples.h"
#include "words.h"

enum { BODY_ROOM = 2 * WIRE_BODY_MAX, PAYLOAD_MOST = 512 };

static struct recipe {
    const uint8_t *at, *end;
} in;

/* What is above the room is dropped: the body ends too early, which is an input too. */
static struct body {
    uint8_t bytes[BODY_ROOM];
    size_t n;
} out;

static size_t payload_bytes; /* of this message */

static uint8_t take(void)
{
    return in.at < in.end ? *in.at++ : 0;
}

static uint64_t take_number(unsigned bytes)
{
    uint64_t v = 0;
    while (bytes--) v = v << 8 | take();
    return v;
}

static void put(const void *bytes, size_t n)
{
    if (n > BODY_ROOM - out.n) n = BODY_ROOM - out.n;
    memcpy(out.bytes + out.n, bytes, n);
    out.n += n;
}

static void put_tag(uint8_t tag, uint64_t value, unsigned bytes)
{
    uint8_t b[9] = { tag };
    for (unsigned i = 0; i < bytes; i++) b[1 + i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    put(b, 1 + bytes);
}

static void put_uint(uint64_t v)
{
    if (v < 0x80)
        put_tag((uint8_t)v, 0, 0);
    else
        put_tag(0xcf, v, 8);
}

static void put_str(const char *text, size_t n)
{
    put_tag(0xda, n, 2);
    put(text, n);
}

static void put_bin(size_t n)
{
    put_tag(0xc5, n, 2);
    for (size_t i = 0; i < n; i++) put(&(uint8_t){ take() }, 1);
}

/* A text of the recipe's length and letters: of a name, of UTF-8, or any bytes. */
static void put_text(uint64_t most)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    uint8_t how = take(), n = take();
    size_t length = how & 64 ? most + (how & 1) : n; /* at its limit, and one above */
    put_tag(0xda, length, 2);
    for (size_t i = 0; i < length; i++) {
        uint8_t c = i < 64 ? take() : 'x';
        put(how & 128 ? (char *)&c : &letters[c % (sizeof letters - 1)], 1);
    }
}

/* One value of no kind in particular, at most three levels deep. */
static void put_any(unsigned depth)
{
    switch (take() % 12) {
    case 0: put_tag(0xc0, 0, 0); break;
    case 1: put_tag(0xc3, 0, 0); break;
    case 2: put_uint(take_number(8)); break;
    case 3: put_tag(0xd3, take_number(8), 8); break;
    case 4: put_tag(0xcb, take_number(8), 8); break;
    case 5: put_text(64); break;
    case 6: put_bin(take()); break;
    case 7: put_tag(0xc7, take(), 1); break;         /* an ext */
    case 8: put_tag(take(), 0, 0); break;            /* any tag, and nothing behind it */
    case 9: put_tag(0xdd, take_number(4), 4); break; /* an array that promises much */
    default: {
        bool map = take() & 1;
        uint8_t n = depth ? take() % 4 : 0;
        put_tag(map ? 0xde : 0xdc, n, 2);
        for (unsigned i = 0; i < n; i++) {
            if (map) put_text(32);
            put_any(depth - 1);
        }
    }
    }
}

static void put_number(const struct layout_field *f)
{
    uint8_t how = take();
    bool payload = !strcmp(f->key, "length") && how < 192;
    if (payload)
        put_uint(payload_bytes);
    else if (how % 4 == 0)
        put_uint(take());
    else if (how % 4 == 1)
        put_uint(f->bound);
    else if (how % 4 == 2)
        put_uint(f->bound + 1);
    else
        put_uint(take_number(8));
}

static void put_token(void)
{
    put_tag(0xdc, 2, 2);
    put_uint(take_number(take() & 1 ? 8 : 4));
    put_uint(take_number(8));
}

static void put_state(void)
{
    enum task_state s = (enum task_state)(take() % 8);
    put_str(task_state_word(s), strlen(task_state_word(s)));
}

static void put_word(const struct layout_field *f)
{
    const char *word = wire_word((enum wire_words)f->bound, take() % 16);
    put_str(word, strlen(word));
}

static void put_row(void)
{
    uint8_t n = take() % 48; /* some above WIRE_CELLS_MAX */
    put_tag(0xde, n, 2);
    for (unsigned i = 0; i < n; i++) {
        char key[16];
        put_str(key, (size_t)snprintf(key, sizeof key, "k%u", take() % 32 ? i : 0u));
        switch (take() % 5) {
        case 0: put_text(WIRE_CELL_TEXT_MAX); break;
        case 1: put_uint(take_number(8)); break;
        case 2: put_tag(0xd3, take_number(8), 8); break;
        case 3: put_tag(0xc2, 0, 0); break;
        default: put_tag(0xc0, 0, 0);
        }
    }
}

static void put_record(const struct layout *l, const uint8_t *use);

static void put_list_item(const struct layout_field *f)
{
    switch (f->kind) {
    case LAYOUT_NAMES: put_text(64); break;
    case LAYOUT_HASHES: put_bin(WIRE_HASH_BYTES); break;
    case LAYOUT_TOKENS: put_token(); break;
    case LAYOUT_STATES: put_state(); break;
    case LAYOUT_CIRCUITS: put_record(&layout_circuit, NULL); break;
    case LAYOUT_HELDS: put_record(&layout_held, NULL); break;
    default: put_row();
    }
}

static void put_list(const struct layout_field *f)
{
    uint8_t how = take();
    uint64_t n = how & 128 ? f->bound + (how & 1) : how % 8; /* at its limit, and one above */
    put_tag(0xdc, n, 2);
    for (uint64_t i = 0; i < n; i++) put_list_item(f);
}

static void put_counts(void)
{
    uint8_t n = take() % 10;
    put_tag(0xde, n, 2);
    for (unsigned i = 0; i < n; i++) {
        put_state();
        put_uint(take_number(8));
    }
}

static void put_value(const struct layout_field *f)
{
    switch (f->kind) {
    case LAYOUT_U32:
    case LAYOUT_U64: put_number(f); break;
    case LAYOUT_BOOL: put_tag(0xc2 | (take() & 1), 0, 0); break;
    case LAYOUT_NAME: put_text(64); break;
    case LAYOUT_TEXT: put_text(f->bound); break;
    case LAYOUT_ID: put_bin(WIRE_ID_BYTES); break;
    case LAYOUT_HASH: put_bin(WIRE_HASH_BYTES); break;
    case LAYOUT_TOKEN: put_token(); break;
    case LAYOUT_WORD: put_word(f); break;
    case LAYOUT_STATE: put_state(); break;
    case LAYOUT_STATUS: put_uint(take()); break;
    case LAYOUT_COUNTS: put_counts(); break;
    case LAYOUT_ROW: put_row(); break;
    default: put_list(f);
    }
}

/* A map of the fields of l; use: those a message may have, NULL: all of them. */
static void put_record(const struct layout *l, const uint8_t *use)
{
    size_t head = out.n, n = 0;
    put_tag(0xde, 0, 2);
    for (size_t k = 0; k < l->n; k++) {
        if (use && use[k] == LAYOUT_NO) continue;
        uint8_t choice = take();
        if (choice >= 224 || (use && use[k] == LAYOUT_MAY && choice & 1)) continue;
        put_str(choice == 223 ? "unheard-of" : l->fields[k].key, choice == 223 ? 10 : strlen(l->fields[k].key));
        if (choice >= 208 && choice < 223)
            put_any(3);
        else
            put_value(&l->fields[k]);
        n++;
    }
    if (head + 3 <= BODY_ROOM) memcpy(out.bytes + head, (uint8_t[]){ 0xde, (uint8_t)(n >> 8), (uint8_t)n }, 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const uint8_t payload[PAYLOAD_MOST];
    in = (struct recipe){ data, data + bytes };
    out.n = 0;
    unsigned code = take();
    const struct layout_type *t = layout_type_of(code);
    if (!t) return 0;
    uint8_t how = take();
    payload_bytes = take_number(2) % PAYLOAD_MOST;
    put_record(&layout_msg, t->use);
    uint8_t head[WIRE_HEAD_BYTES] = { 'P', 'V', WIRE_VERSION, (uint8_t)code };
    struct wire_frames f = { .head = head, .head_bytes = sizeof head, .body = out.bytes, .body_bytes = out.n };
    if (t->payload != LAYOUT_PAYLOAD_NONE ? !(how & 1) : how == 255) {
        f.payload = payload;
        f.payload_bytes = payload_bytes;
    }
    wire_try(&f, how & 2 ? WIRE_TO_PEER : WIRE_TO_BROKER);
    return 0;
}
