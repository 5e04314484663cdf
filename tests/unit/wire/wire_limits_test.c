/* Every field of every message at its bound and one beyond, and of every wrong type: the value of one key in a legal body
 * is exchanged for bytes written here. The sentence names the field. */
#include "decode.h"
#include "encode.h"
#include "layout.h"
#include "wire_samples.h"
#include "words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char why[WIRE_WHY_BYTES];

/* ---- bytes of msgpack ---- */

static uint8_t value[WIRE_BODY_MAX];
static size_t value_n;

static void begin(void)
{
    value_n = 0;
}

static void put(const void *bytes, size_t n)
{
    memcpy(value + value_n, bytes, n);
    value_n += n;
}

/* type and a count or number of n bytes, big-endian */
static void put_head(uint8_t type, uint64_t number, size_t n)
{
    put(&type, 1);
    for (size_t i = n; i-- > 0;) put(&(uint8_t){ (uint8_t)(number >> 8 * i) }, 1);
}

static void put_uint(uint64_t v)
{
    put_head(0xcf, v, 8);
}

static void put_str(const char *text, size_t n)
{
    put_head(0xdb, n, 4);
    put(text, n);
}

static void put_word(const char *word)
{
    put_str(word, strlen(word));
}

static void put_xs(size_t n)
{
    put_head(0xdb, n, 4);
    memset(value + value_n, 'x', n);
    value_n += n;
}

static void put_bin(size_t n)
{
    put_head(0xc6, n, 4);
    memset(value + value_n, 7, n);
    value_n += n;
}

static void put_array(size_t n)
{
    put_head(0xdd, n, 4);
}

static void put_map(size_t n)
{
    put_head(0xdf, n, 4);
}

static uint64_t number_at(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) v = v << 8 | p[i];
    return v;
}

static size_t value_bytes(const uint8_t *p);

static size_t values_bytes(const uint8_t *p, size_t n)
{
    size_t at = 0;
    while (n-- > 0) at += value_bytes(p + at);
    return at;
}

/* Bytes of the value at p, of the kinds that the encoder writes. */
static size_t value_bytes(const uint8_t *p)
{
    if (*p < 0x80 || *p >= 0xe0) return 1;
    if (*p < 0x90) return 1 + values_bytes(p + 1, 2 * (*p & 15));
    if (*p < 0xa0) return 1 + values_bytes(p + 1, *p & 15);
    if (*p < 0xc0) return 1 + (*p & 31);
    switch (*p) {
    case 0xc0:
    case 0xc2:
    case 0xc3: return 1;
    case 0xc4:
    case 0xd9: return 2 + p[1];
    case 0xc5:
    case 0xda: return 3 + number_at(p + 1, 2);
    case 0xcc:
    case 0xd0: return 2;
    case 0xcd:
    case 0xd1: return 3;
    case 0xce:
    case 0xd2: return 5;
    case 0xcf:
    case 0xd3: return 9;
    case 0xdc: return 3 + values_bytes(p + 3, number_at(p + 1, 2));
    case 0xde: return 3 + values_bytes(p + 3, 2 * number_at(p + 1, 2));
    default: fail_msg("0x%02x is not expected", *p); return 0;
    }
}

/* ---- one message, one field ---- */

static struct wire_sample sample;
static struct wire_frames frames;
static const struct layout_field *field;

/* Where the value of the field begins in the body; its key is in front of it. */
static const uint8_t *value_in_body(void)
{
    const uint8_t *p = frames.body;
    size_t pairs = *p == 0xde ? number_at(p + 1, 2) : *p & 15;
    for (p += *p == 0xde ? 3 : 1; pairs-- > 0; p += value_bytes(p)) {
        const uint8_t *key = p + 1;
        size_t n = value_bytes(p) - 1;
        p += n + 1;
        if (n == strlen(field->key) && !memcmp(key, field->key, n)) return p;
    }
    return NULL;
}

/* Decodes the body with value in the place of the field's. */
static pv_status decode_with_value(void)
{
    static uint8_t body[2 * WIRE_BODY_MAX];
    const uint8_t *at = value_in_body();
    assert_non_null(at);
    size_t before = (size_t)(at - frames.body), old = value_bytes(at);
    memcpy(body, frames.body, before);
    memcpy(body + before, value, value_n);
    memcpy(body + before + value_n, at + old, frames.body_bytes - before - old);
    struct wire_frames f = frames;
    f.body = body;
    f.body_bytes = before + value_n + frames.body_bytes - before - old;
    struct wire_msg m;
    pv_status s = wire_msg_decode(&m, sample.way, &f, why);
    if (s == PV_OK) wire_msg_clear(&m);
    begin();
    return s;
}

/* A legal value. What is wrong may only be that another field says otherwise: a length is compared with the payload. */
static void legal(void)
{
    pv_status s = decode_with_value();
    if (s != PV_OK && !strstr(why, "payload")) fail_msg("%s: %s: %s", sample.name, field->key, why);
}

static void refused(const char *fault)
{
    char sentence[WIRE_WHY_BYTES];
    snprintf(sentence, sizeof sentence, "%s %s", field->key, fault);
    pv_status s = decode_with_value();
    if (s != PV_BAD_MESSAGE || strcmp(why, sentence) != 0)
        fail_msg("%s: wanted \"%s\", got %d, \"%s\"", sample.name, sentence, (int)s, why);
}

static void try_number(uint64_t most)
{
    put_uint(most), legal();
    put_uint(0), legal();
    if (most < UINT64_MAX) put_uint(most + 1), refused("is out of range");
    put_word("1"), refused("is not an unsigned integer");
    put_head(0xff, 0, 0), refused("is not an unsigned integer"); /* -1 */
}

static void try_name(void)
{
    static const char fault[] = "is not a name (1 to 64 of A-Z a-z 0-9 . _ -)";
    put_xs(WIRE_NAME_MAX), legal();
    put_xs(1), legal();
    put_xs(WIRE_NAME_MAX + 1), refused(fault);
    put_xs(0), refused(fault);
    put_word("a b"), refused(fault);
    put_bin(3), refused("is not a string");
}

static void try_text(size_t most)
{
    put_xs(most), legal();
    put_xs(0), legal();
    put_xs(most + 1), refused("is too long");
    put_word("\xff"), refused("is not UTF-8");
    put_word("\x07"), refused("holds a control character");
    put_uint(1), refused("is not a string");
}

static void try_bin(size_t n)
{
    put_bin(n), legal();
    put_bin(n + 1), refused("has the wrong length");
    put_bin(n - 1), refused("has the wrong length");
    put_xs(n), refused("is not binary");
}

static void put_token(uint64_t epoch, uint64_t seq)
{
    put_array(2), put_uint(epoch), put_uint(seq);
}

static void try_token(void)
{
    put_token(UINT32_MAX, UINT64_MAX), legal();
    put_token(UINT64_C(1) + UINT32_MAX, 0), refused("is out of range");
    put_array(1), put_uint(1), refused("is not a pair [epoch, seq]");
    put_array(3), put_uint(1), put_uint(1), put_uint(1), refused("is not a pair [epoch, seq]");
    put_uint(1), refused("is not a pair [epoch, seq]");
    put_array(2), put_uint(1), put_word("x"), refused("is not an unsigned integer");
}

static void try_word(enum wire_words list)
{
    static const char fault[] = "is not one of its words";
    for (int i = 0; i < 50; i++)
        if (*wire_word(list, i) != '?') put_word(wire_word(list, i)), legal();
    put_word("nonsense"), refused(fault);
    put_str(wire_word(list, 0), strlen(wire_word(list, 0)) + 1), refused(fault); /* the NUL too */
    put_xs(31), refused(fault);
    put_xs(32), refused(fault);
    put_xs(40), refused(fault);
    put_uint(0), refused(fault);
}

static void try_states(void)
{
    put_array(0), legal();
    put_array(TASK_STATES);
    for (unsigned i = 0; i < TASK_STATES; i++) put_word(task_state_word((enum task_state)i));
    legal();
    put_array(TASK_STATES + 1);
    for (unsigned i = 0; i <= TASK_STATES; i++) put_word("queued");
    refused("is not a list of states");
    put_word("queued"), refused("is not a list of states");
    put_array(1), put_word("nowhere"), refused("is not the word of a state");
}

static void try_counts(void)
{
    put_map(1), put_word("queued"), put_uint(UINT64_MAX), legal();
    put_map(0), legal();
    put_map(1), put_word("nowhere"), put_uint(1), refused("is not the word of a state");
    put_map(1), put_word("queued"), put_word("1"), refused("is not an unsigned integer");
    put_array(0), refused("is not a map");
}

static void put_row(size_t cells)
{
    put_map(cells);
    for (size_t i = 0; i < cells; i++) {
        char key[8];
        put_str(key, (size_t)snprintf(key, sizeof key, "k%zu", i));
        put_head(0xc0, 0, 0);
    }
}

static void try_cells(void)
{
    static const char text[] = { (char)0xa1, 'k' };
    put_map(1), put(text, 2), put_uint(INT64_MAX), legal();
    put_map(1), put(text, 2), put_uint(UINT64_C(1) + INT64_MAX), refused("has a number out of range");
    put_map(1), put(text, 2), put_head(0xd3, (uint64_t)INT64_MIN, 8), legal();
    put_map(1), put(text, 2), put_head(0xc2, 0, 0), legal();
    put_map(1), put(text, 2), put_xs(WIRE_CELL_TEXT_MAX), legal();
    put_map(1), put(text, 2), put_xs(WIRE_CELL_TEXT_MAX + 1), refused("is too long");
    put_map(1), put(text, 2), put_bin(3), refused("is not a string");
}

static void try_row(void)
{
    put_row(WIRE_CELLS_MAX), legal();
    put_row(0), legal();
    put_row(WIRE_CELLS_MAX + 1), refused("has too many columns");
    put_array(0), refused("is not a map");
    try_cells();
}

/* As many items as may be, and one more. What the items are decides only whether the first case is legal. */
static void put_item(void)
{
    switch (field->kind) {
    case LAYOUT_NAMES: put_word("x"); break;
    case LAYOUT_HASHES: put_bin(32); break;
    case LAYOUT_TOKENS: put_token(1, 1); break;
    case LAYOUT_CIRCUITS: put_map(1), put_word("circuit"), put_word("c"); break;
    case LAYOUT_HELDS: put_map(1), put_word("token"), put_token(1, 1); break;
    default: put_row(1); break;
    }
}

/* What an entry of a list needs, and that each of its fields is read. */
static void try_entry(const struct layout *l, const char *needs)
{
    const struct layout_field *list = field;
    put_array(1), put_map(0), refused(needs);
    put_array(1), put_array(0), refused("is not a map");
    for (size_t k = 0; k < l->n; k++) {
        put_array(1), put_map(1), put_word(l->fields[k].key), put_head(0xc0, 0, 0); /* nil is of no field's type */
        assert_int_equal(decode_with_value(), PV_BAD_MESSAGE);
        size_t n = strlen(l->fields[k].key);
        if (strncmp(why, l->fields[k].key, n) != 0 || strncmp(why + n, " is not", 7) != 0)
            fail_msg("%s: %s: %s", list->key, l->fields[k].key, why);
    }
}

static void try_list(void)
{
    for (uint64_t n = field->bound - 1; n <= field->bound + 1; n++) {
        put_array(n);
        for (uint64_t i = 0; i < n; i++) put_item();
        if (n <= field->bound)
            legal();
        else
            refused("has too many items");
    }
    put_map(0), refused("is not a list");
    put_array(2), put_item(), put_head(0xc0, 0, 0); /* the second is nothing */
    assert_int_equal(decode_with_value(), PV_BAD_MESSAGE);
    if (field->kind == LAYOUT_CIRCUITS) try_entry(&layout_circuit, "has an entry without circuit");
    if (field->kind == LAYOUT_HELDS) try_entry(&layout_held, "has an entry without token");
}

static void try_field(void)
{
    switch (field->kind) {
    case LAYOUT_U32:
    case LAYOUT_U64: try_number(field->bound); break;
    case LAYOUT_STATUS: try_number(9999); break;
    case LAYOUT_BOOL:
        put_head(0xc2, 0, 0), legal();
        put_head(0xc3, 0, 0), legal();
        put_uint(1), refused("is not a boolean");
        break;
    case LAYOUT_NAME: try_name(); break;
    case LAYOUT_TEXT: try_text(field->bound); break;
    case LAYOUT_ID: try_bin(16); break;
    case LAYOUT_HASH: try_bin(32); break;
    case LAYOUT_TOKEN: try_token(); break;
    case LAYOUT_WORD: try_word((enum wire_words)field->bound); break;
    case LAYOUT_STATE:
        put_word("queued"), legal();
        put_word("nowhere"), refused("is not the word of a state");
        break;
    case LAYOUT_STATES: try_states(); break;
    case LAYOUT_COUNTS: try_counts(); break;
    case LAYOUT_ROW: try_row(); break;
    default: try_list(); break;
    }
}

static void test_every_field_ends_at_its_bound(void **state)
{
    static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    size_t fields = 0;
    for (size_t i = 0; i < wire_samples(); i++) {
        wire_sample_make(&sample, i, SAMPLE_FULL);
        assert_int_equal(wire_msg_encode(&sample.msg, sample.way, buffer, sizeof buffer, &frames, why), PV_OK);
        const struct layout_type *t = layout_type_of((unsigned)sample.msg.type);
        for (size_t k = 0; k < layout_msg.n; k++) {
            field = &layout_msg.fields[k];
            if (t->use[k] == LAYOUT_NO || !value_in_body()) continue;
            begin();
            try_field();
            fields++;
        }
    }
    assert_true(fields > 150);
}

/* ---- the encoder keeps the same bounds ---- */

static void refused_to_encode(const char *fault)
{
    static uint8_t buffer[WIRE_HEAD_BYTES + WIRE_BODY_MAX];
    struct wire_frames f;
    char sentence[WIRE_WHY_BYTES];
    snprintf(sentence, sizeof sentence, "%s %s", field->key, fault);
    pv_status s = wire_msg_encode(&sample.msg, sample.way, buffer, sizeof buffer, &f, why);
    if (s != PV_INTERNAL || strcmp(why, sentence) != 0)
        fail_msg("%s: wanted \"%s\", got %d, \"%s\"", sample.name, sentence, (int)s, why);
}

static void encode_beyond(void *at, size_t *count)
{
    static char xs[WIRE_CELL_TEXT_MAX + 2];
    static char text[65536];
    memset(xs, 'x', sizeof xs - 1);
    memset(text, 'x', sizeof text - 1);
    switch (field->kind) {
    case LAYOUT_U32:
        if (field->bound == UINT32_MAX) return;
        *(uint32_t *)at = (uint32_t)field->bound + 1;
        refused_to_encode("is out of range");
        return;
    case LAYOUT_NAME:
        *(const char **)at = NULL;
        refused_to_encode("is NULL");
        *(const char **)at = xs + sizeof xs - 1 - (WIRE_NAME_MAX + 1);
        refused_to_encode("is not a name (1 to 64 of A-Z a-z 0-9 . _ -)");
        return;
    case LAYOUT_TEXT:
        *(const char **)at = NULL;
        refused_to_encode("is NULL");
        *(const char **)at = text + sizeof text - 1 - (field->bound + 1);
        refused_to_encode("is too long");
        return;
    case LAYOUT_WORD:
        *(int *)at = 99;
        refused_to_encode("is not one of its words");
        return;
    case LAYOUT_STATE:
        *(unsigned *)at = TASK_STATES;
        refused_to_encode("is no state");
        return;
    case LAYOUT_STATES:
        *(uint32_t *)at = 1u << TASK_STATES;
        refused_to_encode("has a bit of no state");
        return;
    case LAYOUT_NAMES:
    case LAYOUT_HASHES:
    case LAYOUT_TOKENS:
    case LAYOUT_CIRCUITS:
    case LAYOUT_HELDS:
    case LAYOUT_ROWS:
        *count = field->bound + 1;
        refused_to_encode("has too many items");
        return;
    default: return;
    }
}

static void test_the_encoder_keeps_the_same_bounds(void **state)
{
    for (size_t i = 0; i < wire_samples(); i++) {
        wire_sample_make(&sample, i, SAMPLE_FULL);
        const struct layout_type *t = layout_type_of((unsigned)sample.msg.type);
        for (size_t k = 0; k < layout_msg.n; k++) {
            field = &layout_msg.fields[k];
            wire_sample_make(&sample, i, SAMPLE_FULL);
            char *m = (char *)&sample.msg;
            if (t->use[k] == LAYOUT_NO || !*(bool *)(m + field->has_at)) continue;
            if (strcmp(field->key, "length") == 0) continue; /* compared with the payload first */
            encode_beyond(m + field->at, (size_t *)(void *)(m + field->count_at));
        }
    }
}

static void row_refused(const struct wire_row *row, const char *fault)
{
    for (size_t i = 0; i < wire_samples(); i++) {
        wire_sample_make(&sample, i, SAMPLE_FULL);
        if (sample.msg.type == WIRE_ROWS) break;
    }
    for (size_t k = 0; k < layout_msg.n; k++)
        if (strcmp(layout_msg.fields[k].key, "rows") == 0) field = &layout_msg.fields[k];
    WIRE_SET_LIST(&sample.msg, rows, row, 1);
    refused_to_encode(fault);
}

static void test_rows_that_no_reader_takes_are_not_written(void **state)
{
    static char long_key[WIRE_KEY_MAX + 2], long_text[WIRE_CELL_TEXT_MAX + 2];
    memset(long_key, 'k', WIRE_KEY_MAX + 1);
    memset(long_text, 't', WIRE_CELL_TEXT_MAX + 1);
    static struct wire_cell cells[WIRE_CELLS_MAX + 1];
    static const char name_fault[] = "has a column name of no or too many bytes";
    static const char letter_fault[] = "has a column name that is not printable ASCII";
    struct wire_row row = { cells, WIRE_CELLS_MAX + 1 };
    row_refused(&row, "has too many columns");
    row.cells_n = 1;
    static const struct {
        const char *key, *fault;
    } names[] = { { NULL, name_fault },
                  { "", name_fault },
                  { long_key, name_fault },
                  { "a b", letter_fault },
                  { "a\x7f", letter_fault } };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        cells[0] = (struct wire_cell){ .key = names[i].key, .type = WIRE_CELL_NIL };
        row_refused(&row, names[i].fault);
    }
    cells[0] = (struct wire_cell){ .key = "k", .type = WIRE_CELL_TEXT, .text = long_text };
    row_refused(&row, "is too long");
    cells[0] = cells[1] = (struct wire_cell){ .key = "k", .type = WIRE_CELL_NIL };
    row.cells_n = 2;
    row_refused(&row, "has a column twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_ends_at_its_bound),
        cmocka_unit_test(test_the_encoder_keeps_the_same_bounds),
        cmocka_unit_test(test_rows_that_no_reader_takes_are_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
