#include "decode.h"

#include "body.h"
#include "layout.h"
#include "text.h"
#include "words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A decoded message owns its strings and lists in blocks that are freed together. */
struct block {
    struct block *next;
    size_t used, bytes;
    max_align_t data[];
};

enum { BLOCK_BYTES = 1000 }; /* the strings of most messages: one allocation each */

struct decoder {
    const struct body_tree *tree;
    struct block *owned;
    char *why;
};

static pv_status bad(struct decoder *d, const char *key, const char *fault)
{
    snprintf(d->why, WIRE_WHY_BYTES, "%s %s", key, fault);
    return PV_BAD_MESSAGE;
}

static void *take(struct decoder *d, size_t bytes)
{
    size_t rounded = (bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    struct block *b = d->owned;
    if (!b || b->bytes - b->used < rounded) {
        size_t room = rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES;
        b = malloc(sizeof *b + room);
        if (!b) return NULL;
        *b = (struct block){ .next = d->owned, .bytes = room };
        d->owned = b;
    }
    void *at = (char *)b->data + b->used;
    b->used += rounded;
    return memset(at, 0, bytes);
}

static pv_status copy_text(struct decoder *d, const char **to, const struct body_node *v)
{
    char *copy = take(d, (size_t)v->n + 1);
    if (!copy) return PV_NO_MEMORY;
    memcpy(copy, v->bytes, v->n);
    *to = copy;
    return PV_OK;
}

static pv_status name_of(struct decoder *d, const char **to, const char *key, const struct body_node *v)
{
    if (v->type != BODY_STR) return bad(d, key, "is not a string");
    const char *fault = layout_name_fault(v->bytes, v->n);
    return fault ? bad(d, key, fault) : copy_text(d, to, v);
}

static pv_status text_of(struct decoder *d, const char **to, const char *key, const struct body_node *v, size_t most)
{
    if (v->type != BODY_STR) return bad(d, key, "is not a string");
    const char *fault = wire_text_fault(v->bytes, v->n, most);
    return fault ? bad(d, key, fault) : copy_text(d, to, v);
}

static pv_status number_of(struct decoder *d, uint64_t *to, const char *key, const struct body_node *v, uint64_t most)
{
    if (v->type != BODY_UINT) return bad(d, key, "is not an unsigned integer");
    if (v->number > most) return bad(d, key, "is out of range");
    *to = v->number;
    return PV_OK;
}

static pv_status bin_of(struct decoder *d, void *to, size_t n, const char *key, const struct body_node *v)
{
    if (v->type != BODY_BIN) return bad(d, key, "is not binary");
    if (v->n != n) return bad(d, key, "has the wrong length");
    memcpy(to, v->bytes, n);
    return PV_OK;
}

static pv_status token_of(struct decoder *d, wire_token *to, const char *key, const struct body_node *v)
{
    if (v->type != BODY_ARRAY || v->n != 2) return bad(d, key, "is not a pair [epoch, seq]");
    const struct body_node *pair = d->tree->nodes + v->first;
    uint64_t epoch, seq;
    TRY(number_of(d, &epoch, key, &pair[0], UINT32_MAX));
    TRY(number_of(d, &seq, key, &pair[1], UINT64_MAX));
    *to = (wire_token){ .epoch = (uint32_t)epoch, .seq = seq };
    return PV_OK;
}

/* The longest word of any list is far shorter than this. */
enum { WORD_BYTES = 32 };

static bool word_of(char to[WORD_BYTES], const struct body_node *v)
{
    if (v->type != BODY_STR || v->n >= WORD_BYTES || memchr(v->bytes, 0, v->n)) return false;
    memcpy(to, v->bytes, v->n);
    to[v->n] = 0;
    return true;
}

static pv_status state_of(struct decoder *d, enum task_state *to, const char *key, const struct body_node *v)
{
    char word[WORD_BYTES];
    return word_of(word, v) && task_state_of_word(to, word) ? PV_OK : bad(d, key, "is not the word of a state");
}

static pv_status states_of(struct decoder *d, uint32_t *to, const char *key, const struct body_node *v)
{
    if (v->type != BODY_ARRAY || v->n > TASK_STATES) return bad(d, key, "is not a list of states");
    uint32_t set = 0;
    for (uint32_t i = 0; i < v->n; i++) {
        enum task_state s;
        TRY(state_of(d, &s, key, &d->tree->nodes[v->first + i]));
        set |= 1u << s;
    }
    *to = set;
    return PV_OK;
}

static pv_status counts_of(struct decoder *d, struct wire_counts *to, const char *key, const struct body_node *v)
{
    if (v->type != BODY_MAP) return bad(d, key, "is not a map");
    for (uint32_t i = 0; i < v->n; i++) {
        const struct body_node *pair = d->tree->nodes + v->first + 2 * i;
        enum task_state s;
        TRY(state_of(d, &s, key, &pair[0]));
        TRY(number_of(d, &to->of[s], key, &pair[1], UINT64_MAX));
    }
    return PV_OK;
}

static pv_status cell_of(struct decoder *d, struct wire_cell *to, const char *key, const struct body_node *v)
{
    switch (v->type) {
    case BODY_NIL: to->type = WIRE_CELL_NIL; return PV_OK;
    case BODY_BOOL:
        to->type = WIRE_CELL_BOOL;
        to->truth = v->truth;
        return PV_OK;
    case BODY_UINT:
        if (v->number > INT64_MAX) return bad(d, key, "has a number out of range");
        to->type = WIRE_CELL_INT;
        to->number = (int64_t)v->number;
        return PV_OK;
    case BODY_NEGATIVE:
        to->type = WIRE_CELL_INT;
        to->number = v->negative;
        return PV_OK;
    default: to->type = WIRE_CELL_TEXT; return text_of(d, &to->text, key, v, WIRE_CELL_TEXT_MAX);
    }
}

static pv_status row_of(struct decoder *d, struct wire_row *to, const char *key, const struct body_node *v)
{
    if (v->type != BODY_MAP) return bad(d, key, "is not a map");
    if (v->n > WIRE_CELLS_MAX) return bad(d, key, "has too many columns");
    struct wire_cell *cells = take(d, v->n * sizeof *cells);
    if (!cells) return PV_NO_MEMORY;
    for (uint32_t i = 0; i < v->n; i++) {
        const struct body_node *pair = d->tree->nodes + v->first + 2 * i;
        TRY(copy_text(d, &cells[i].key, &pair[0]));
        TRY(cell_of(d, &cells[i], key, &pair[1]));
    }
    *to = (struct wire_row){ .cells = cells, .cells_n = v->n };
    return PV_OK;
}

static pv_status record_of(struct decoder *d, void *to, const struct layout *l, const char *key,
                           const struct body_node *v);

/* A list's item i, of whatever the list holds. */
static pv_status item_of(struct decoder *d, void *items, size_t i, const struct layout_field *f,
                         const struct body_node *v)
{
    switch (f->kind) {
    case LAYOUT_NAMES: return name_of(d, (const char **)items + i, f->key, v);
    case LAYOUT_HASHES: return bin_of(d, (wire_hash *)items + i, sizeof(wire_hash), f->key, v);
    case LAYOUT_TOKENS: return token_of(d, (wire_token *)items + i, f->key, v);
    case LAYOUT_CIRCUITS:
        TRY(record_of(d, (struct wire_circuit *)items + i, &layout_circuit, f->key, v));
        return ((struct wire_circuit *)items)[i].has.circuit ? PV_OK : bad(d, f->key, "has an entry without circuit");
    case LAYOUT_HELDS:
        TRY(record_of(d, (struct wire_held *)items + i, &layout_held, f->key, v));
        return ((struct wire_held *)items)[i].has.token ? PV_OK : bad(d, f->key, "has an entry without token");
    default: return row_of(d, (struct wire_row *)items + i, f->key, v);
    }
}

static size_t item_bytes(enum layout_kind kind)
{
    switch (kind) {
    case LAYOUT_NAMES: return sizeof(char *);
    case LAYOUT_HASHES: return sizeof(wire_hash);
    case LAYOUT_TOKENS: return sizeof(wire_token);
    case LAYOUT_CIRCUITS: return sizeof(struct wire_circuit);
    case LAYOUT_HELDS: return sizeof(struct wire_held);
    default: return sizeof(struct wire_row);
    }
}

static pv_status list_of(struct decoder *d, char *record, const struct layout_field *f, const struct body_node *v)
{
    if (v->type != BODY_ARRAY) return bad(d, f->key, "is not a list");
    if (v->n > f->bound) return bad(d, f->key, "has too many items");
    void *items = take(d, v->n * item_bytes(f->kind));
    if (!items) return PV_NO_MEMORY;
    for (uint32_t i = 0; i < v->n; i++) TRY(item_of(d, items, i, f, &d->tree->nodes[v->first + i]));
    memcpy(record + f->at, &items, sizeof items);
    *(size_t *)(void *)(record + f->count_at) = v->n;
    return PV_OK;
}

static pv_status enum_of(struct decoder *d, void *to, const struct layout_field *f, const struct body_node *v)
{
    char word[WORD_BYTES];
    int value = word_of(word, v) ? wire_word_value((enum wire_words)f->bound, word) : -1;
    if (value < 0) return bad(d, f->key, "is not one of its words");
    /* every enum of words has the size of an int here; gcc and clang on every ABI we build for, checked in the tests */
    memcpy(to, &value, sizeof value);
    return PV_OK;
}

static pv_status integer_of(struct decoder *d, void *to, const struct layout_field *f, const struct body_node *v)
{
    uint64_t number;
    uint64_t most = f->kind == LAYOUT_STATUS ? 9999 : f->bound;
    TRY(number_of(d, &number, f->key, v, most));
    if (f->kind == LAYOUT_STATUS)
        *(pv_status *)to = pv_status_of_code((unsigned)number);
    else if (f->kind == LAYOUT_U32)
        *(uint32_t *)to = (uint32_t)number;
    else
        *(uint64_t *)to = number;
    return PV_OK;
}

static pv_status field_of(struct decoder *d, char *record, const struct layout_field *f, const struct body_node *v)
{
    void *to = record + f->at;
    switch (f->kind) {
    case LAYOUT_U32:
    case LAYOUT_U64:
    case LAYOUT_STATUS: return integer_of(d, to, f, v);
    case LAYOUT_BOOL:
        if (v->type != BODY_BOOL) return bad(d, f->key, "is not a boolean");
        *(bool *)to = v->truth;
        return PV_OK;
    case LAYOUT_NAME: return name_of(d, to, f->key, v);
    case LAYOUT_TEXT: return text_of(d, to, f->key, v, f->bound);
    case LAYOUT_ID: return bin_of(d, to, sizeof(wire_id), f->key, v);
    case LAYOUT_HASH: return bin_of(d, to, sizeof(wire_hash), f->key, v);
    case LAYOUT_TOKEN: return token_of(d, to, f->key, v);
    case LAYOUT_WORD: return enum_of(d, to, f, v);
    case LAYOUT_STATE: return state_of(d, to, f->key, v);
    case LAYOUT_STATES: return states_of(d, to, f->key, v);
    case LAYOUT_COUNTS: return counts_of(d, to, f->key, v);
    case LAYOUT_ROW: return row_of(d, to, f->key, v);
    default: return list_of(d, record, f, v);
    }
}

static bool key_is(const struct body_node *key, const char *word)
{
    return strlen(word) == key->n && !memcmp(key->bytes, word, key->n);
}

/* Unknown keys are skipped: a newer peer may send more. */
static pv_status record_of(struct decoder *d, void *to, const struct layout *l, const char *key,
                           const struct body_node *v)
{
    char *record = to;
    if (v->type != BODY_MAP) return bad(d, key, "is not a map");
    for (uint32_t i = 0; i < v->n; i++) {
        const struct body_node *pair = d->tree->nodes + v->first + 2 * i;
        for (size_t k = 0; k < l->n; k++) {
            if (!key_is(&pair[0], l->fields[k].key)) continue;
            TRY(field_of(d, record, &l->fields[k], &pair[1]));
            *(bool *)(record + l->fields[k].has_at) = true;
            break;
        }
    }
    return PV_OK;
}

static pv_status message_of(struct decoder *d, struct wire_msg *m, const struct layout_type *t, enum wire_way way)
{
    const struct body_node *root = &d->tree->root;
    if (root->type != BODY_MAP) return bad(d, "body", "is not a map");
    for (uint32_t i = 0; i < root->n; i++) {
        const struct body_node *pair = d->tree->nodes + root->first + 2 * i;
        for (size_t k = 0; k < layout_msg.n; k++) {
            const struct layout_field *f = &layout_msg.fields[k];
            if (t->use[k] == LAYOUT_NO || !key_is(&pair[0], f->key)) continue;
            TRY(field_of(d, (char *)m, f, &pair[1]));
            *(bool *)((char *)m + f->has_at) = true;
            break;
        }
    }
    for (size_t k = 0; k < layout_msg.n; k++)
        if (layout_needs(t, (enum wire_field)k, way) && !*(bool *)((char *)m + layout_msg.fields[k].has_at))
            return bad(d, layout_msg.fields[k].key, "is missing");
    return PV_OK;
}

static pv_status frames_check(const struct wire_frames *f, enum wire_way way, const struct layout_type **t, char *why)
{
    const char *fault = NULL;
    pv_status s = PV_BAD_MESSAGE;
    *t = NULL;
    if (f->head_bytes != WIRE_HEAD_BYTES || f->head[0] != 'P' || f->head[1] != 'V') {
        fault = "the head is not 'P' 'V' version type";
    } else if (f->head[2] != WIRE_VERSION) {
        s = PV_BAD_VERSION;
        fault = "the head says another protocol version";
    } else if (!(*t = layout_type_of(f->head[3]))) {
        fault = "there is no message of this type";
    } else if (!((*t)->ways & way)) {
        fault = "this message goes the other way";
    } else if (f->body_bytes > WIRE_BODY_MAX || f->payload_bytes > WIRE_CHUNK_MAX) {
        s = PV_TOO_LARGE;
        fault = "a frame is above its limit";
    }
    snprintf(why, WIRE_WHY_BYTES, "%s", fault ? fault : "");
    return fault ? s : PV_OK;
}

static void blocks_free(struct block *b)
{
    while (b) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
}

static pv_status body_of(struct decoder *d, struct wire_msg *m, const struct layout_type *t, enum wire_way way,
                         const struct wire_frames *f)
{
    struct body_tree tree;
    const char *fault;
    pv_status s = body_parse(&tree, f->body, f->body_bytes, &fault);
    d->tree = &tree;
    if (s == PV_OK)
        s = message_of(d, m, t, way);
    else
        snprintf(d->why, WIRE_WHY_BYTES, "%s", fault);
    body_clear(&tree);
    return s;
}

pv_status wire_msg_decode(struct wire_msg *m, enum wire_way way, const struct wire_frames *f, char why[WIRE_WHY_BYTES])
{
    const struct layout_type *t;
    TRY(frames_check(f, way, &t, why));
    struct decoder d = { .why = why };
    struct wire_msg read = { .type = f->head[3] };
    read.has_payload = f->payload != NULL;
    read.payload = f->payload;
    read.payload_bytes = f->payload ? f->payload_bytes : 0;
    pv_status s = body_of(&d, &read, t, way, f);
    if (s == PV_OK) {
        const char *fault = layout_payload_fault(t, &read);
        if (fault) s = bad(&d, t->name, fault);
    }
    read.owned = d.owned;
    if (s == PV_OK)
        *m = read;
    else
        blocks_free(d.owned);
    if (s == PV_NO_MEMORY) snprintf(why, WIRE_WHY_BYTES, "%s", pv_status_text(s));
    return s;
}

void wire_msg_clear(struct wire_msg *m)
{
    blocks_free(m->owned);
    *m = (struct wire_msg){ 0 };
}
