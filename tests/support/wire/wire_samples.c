#include "wire_samples.h"

#include "layout.h"
#include "sha256.h"
#include "words.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include <msgpack.h>

static const uint8_t sample_payload[] = "any bytes";
enum { SAMPLE_PAYLOAD_BYTES = sizeof sample_payload - 1 };

static const char *const names[] = { "outer", "keccak-256" };
static const wire_token tokens[] = { { 3, 1207 }, { 4294967295u, UINT64_MAX } };
static const wire_hash hashes[] = { { "thirty-two bytes of one digest!" }, { { 0xff, 1, 2, 3 } } };
static const char *const input_kinds[] = { "wtns", "signals.json", "input.json" };
static const struct wire_circuit circuits[] = {
    { .has = { true, true, true, true, true, true, true, true },
      .circuit = "membership",
      .digest = { { 0xd1, 0x9e } },
      .warm = true,
      .load_ms = 840,
      .need_vram = 3ull << 30,
      .need_ram = 4ull << 30,
      .slower = 31,
      .input_kinds = input_kinds,
      .input_kinds_n = 3 },
    { .has = { .circuit = true }, .circuit = "outer" },
};
static const struct wire_held helds[] = {
    { .has = { true, true, true, true, true, true, true, true, true },
      .token = { 3, 1207 },
      .phase = "msm",
      .percent = 61,
      .task = { "sixteen bytes id" },
      .input = { { 0xab } },
      .started = true,
      .spooled = true,
      .sha256 = { { 0xcd } },
      .length = 806 },
    { .has = { .token = true }, .token = { 3, 1208 } },
};
static const struct wire_cell cells[] = {
    { .key = "queue", .type = WIRE_CELL_TEXT, .text = "outer \xe2\x9c\x93" },
    { .key = "queued", .type = WIRE_CELL_INT, .number = 100000 },
    { .key = "drift_ms", .type = WIRE_CELL_INT, .number = -12 },
    { .key = "paused", .type = WIRE_CELL_BOOL, .truth = false },
    { .key = "oldest_ms", .type = WIRE_CELL_NIL },
};
static const struct wire_row row_list[] = { { cells, 5 }, { cells, 1 }, { NULL, 0 } };

struct place {
    unsigned code;
    enum wire_way way;
};

static size_t places(struct place to[2 * 64])
{
    size_t n = 0;
    for (unsigned code = 0; code < 256; code++) {
        const struct layout_type *t = layout_type_of(code);
        for (unsigned way = WIRE_TO_BROKER; t && way <= WIRE_TO_PEER; way++)
            if (t->ways & way) to[n++] = (struct place){ code, (enum wire_way)way };
    }
    return n;
}

/* What is reserved for later, each as it will be said: in a message that has what it needs and this alone. */
static const struct reserved {
    const char *name;
    enum wire_type type;
    enum wire_way way;
    const char *field;
} reserved[] = {
    { "error-standby", WIRE_ERROR, WIRE_TO_PEER, "endpoints" },
    { "disconnect-standby", WIRE_DISCONNECT, WIRE_TO_PEER, "endpoints" },
    { "hello-chunk-most", WIRE_HELLO, WIRE_TO_BROKER, "chunk_most" },
    { "welcome-chunk-most", WIRE_WELCOME, WIRE_TO_PEER, "chunk_most" },
    { "hello-input-kinds", WIRE_HELLO, WIRE_TO_BROKER, "input_kinds" },
    { "welcome-input-kinds", WIRE_WELCOME, WIRE_TO_PEER, "input_kinds" },
    { "submit-input-kind", WIRE_SUBMIT, WIRE_TO_BROKER, "input_kind" },
    { "offer-input-kind", WIRE_OFFER, WIRE_TO_PEER, "input_kind" },
    { "submit-traceparent", WIRE_SUBMIT, WIRE_TO_BROKER, "traceparent" },
    { "offer-traceparent", WIRE_OFFER, WIRE_TO_PEER, "traceparent" },
};
enum { RESERVED = sizeof reserved / sizeof *reserved };
static const struct wire_cell brokers[] = {
    { .key = "endpoint", .type = WIRE_CELL_TEXT, .text = "tcp://broker-b.example:7070" },
    { .key = "endpoint", .type = WIRE_CELL_TEXT, .text = "tcp://[fd00::2]:7070" },
};
static const struct wire_row broker_rows[] = { { &brokers[0], 1 }, { &brokers[1], 1 } };

static const char trace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

static void reserved_set(struct wire_msg *m, const char *field)
{
    if (!strcmp(field, "endpoints")) WIRE_SET_LIST(m, endpoints, broker_rows, 2);
    if (!strcmp(field, "endpoints")) m->status = PV_STANDBY;
    if (!strcmp(field, "chunk_most")) WIRE_SET(m, chunk_most, 4u << 20);
    if (!strcmp(field, "input_kinds")) WIRE_SET_LIST(m, input_kinds, input_kinds, 2);
    if (!strcmp(field, "input_kind")) WIRE_SET(m, input_kind, input_kinds[1]);
    if (!strcmp(field, "traceparent")) WIRE_SET(m, traceparent, trace);
}

size_t wire_samples(void)
{
    struct place all[2 * 64];
    return places(all) + RESERVED;
}

/* A number that tells fields apart and is in bound. */
static uint64_t number_for(const char *key, uint64_t bound)
{
    uint64_t n = 1;
    for (const char *c = key; *c; c++) n = n * 31 + (unsigned char)*c;
    return n % (bound < 10000000 ? bound + 1 : 10000000);
}

static void list_set(char *record, const struct layout_field *f, const void *items, size_t n)
{
    memcpy(record + f->at, &items, sizeof items);
    memcpy(record + f->count_at, &n, sizeof n);
}

/* Not inlined: gcc 12 with sanitizers takes the record for its first member and warns of every other. */
__attribute__((noinline)) static void value_set(char *record, const struct layout_field *f)
{
    uint64_t number = number_for(f->key, f->bound);
    uint32_t half = (uint32_t)number;
    /* The broker refuses any other text as a trace, and any kind that it does not know. */
    const char *text = !strcmp(f->key, "traceparent") ? trace : !strcmp(f->key, "input_kind") ? "input.json" : f->key;
    wire_id id = { "0123456789abcde" };
    wire_hash hash = hashes[0];
    int value = 1;
    switch (f->kind) {
    case LAYOUT_U32: memcpy(record + f->at, &half, sizeof half); break;
    case LAYOUT_U64: memcpy(record + f->at, &number, sizeof number); break;
    case LAYOUT_STATUS: *(pv_status *)(void *)(record + f->at) = PV_BAD_WITNESS; break;
    case LAYOUT_BOOL: *(bool *)(record + f->at) = true; break;
    case LAYOUT_NAME:
    case LAYOUT_TEXT: memcpy(record + f->at, &text, sizeof text); break;
    case LAYOUT_ID: memcpy(record + f->at, &id, sizeof id); break;
    case LAYOUT_HASH: memcpy(record + f->at, &hash, sizeof hash); break;
    case LAYOUT_TOKEN: memcpy(record + f->at, &tokens[0], sizeof tokens[0]); break;
    case LAYOUT_WORD: memcpy(record + f->at, &value, sizeof value); break;
    case LAYOUT_STATE: *(enum task_state *)(void *)(record + f->at) = TASK_SUCCEEDED; break;
    case LAYOUT_STATES:
        half = 1u << TASK_QUEUED | 1u << TASK_EXPIRED;
        memcpy(record + f->at, &half, sizeof half);
        break;
    case LAYOUT_COUNTS:
        *(struct wire_counts *)(void *)(record + f->at) =
            (struct wire_counts){ { [TASK_QUEUED] = 3, [TASK_RUNNING] = 2 } };
        break;
    case LAYOUT_ROW: memcpy(record + f->at, &row_list[0], sizeof row_list[0]); break;
    case LAYOUT_NAMES: list_set(record, f, names, 2); break;
    case LAYOUT_HASHES: list_set(record, f, hashes, 2); break;
    case LAYOUT_TOKENS: list_set(record, f, tokens, 2); break;
    case LAYOUT_CIRCUITS: list_set(record, f, circuits, 2); break;
    case LAYOUT_HELDS: list_set(record, f, helds, 2); break;
    case LAYOUT_ROWS: list_set(record, f, row_list, 3); break;
    }
    *(bool *)(record + f->has_at) = true;
}

static void payload_set(struct wire_msg *m, const struct layout_type *t)
{
    m->has_payload = true;
    m->payload = sample_payload;
    m->payload_bytes = SAMPLE_PAYLOAD_BYTES;
    if (t->payload != LAYOUT_PAYLOAD_INLINE) return;
    WIRE_SET(m, length, SAMPLE_PAYLOAD_BYTES);
    sha256_of(&m->sha256, sample_payload, SAMPLE_PAYLOAD_BYTES);
    m->has.sha256 = true;
}

static void needed_set(struct wire_msg *m, const struct layout_type *t, enum wire_way way)
{
    for (size_t k = 0; k < layout_msg.n; k++)
        if (layout_needs(t, (enum wire_field)k, way)) value_set((char *)m, &layout_msg.fields[k]);
}

static void reserved_make(struct wire_sample *s, const struct reserved *r)
{
    *s = (struct wire_sample){ .way = r->way, .msg = { .type = r->type } };
    snprintf(s->name, sizeof s->name, "%s", r->name);
    needed_set(&s->msg, layout_type_of(r->type), r->way);
    reserved_set(&s->msg, r->field);
}

void wire_sample_make(struct wire_sample *s, size_t index, enum sample_size size)
{
    struct place all[2 * 64];
    size_t n = places(all);
    if (index >= n) {
        reserved_make(s, &reserved[index - n]);
        return;
    }
    struct place p = all[index];
    const struct layout_type *t = layout_type_of(p.code);
    *s = (struct wire_sample){ .way = p.way, .msg = { .type = (enum wire_type)p.code } };
    bool both = t->ways == (WIRE_TO_BROKER | WIRE_TO_PEER);
    snprintf(s->name, sizeof s->name, "%s%s", t->name, !both ? "" : p.way == WIRE_TO_BROKER ? "-up" : "-down");
    for (char *c = s->name; *c; c++) *c = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
    needed_set(&s->msg, t, p.way);
    for (size_t k = 0; size == SAMPLE_FULL && k < layout_msg.n; k++)
        if (t->use[k] != LAYOUT_NO) value_set((char *)&s->msg, &layout_msg.fields[k]);
    if (t->payload == LAYOUT_PAYLOAD_CHUNK || (size == SAMPLE_FULL && t->payload == LAYOUT_PAYLOAD_INLINE))
        payload_set(&s->msg, t);
}

static size_t put_frame(uint8_t *to, const uint8_t *bytes, size_t n)
{
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(n >> (24 - 8 * i));
    memcpy(to + 4, bytes, n);
    return 4 + n;
}

size_t wire_file_of_frames(uint8_t *to, const struct wire_frames *f)
{
    size_t used = put_frame(to, f->head, f->head_bytes);
    used += put_frame(to + used, f->body, f->body_bytes);
    if (f->payload) used += put_frame(to + used, f->payload, f->payload_bytes);
    return used;
}

static bool take_frame(const uint8_t **frame, size_t *n, const uint8_t **file, size_t *bytes)
{
    if (*bytes < 4) return false;
    const uint8_t *p = *file;
    *n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    if (*n > *bytes - 4) return false;
    *frame = p + 4;
    *file += 4 + *n;
    *bytes -= 4 + *n;
    return true;
}

bool wire_frames_of_file(struct wire_frames *f, const uint8_t *file, size_t bytes)
{
    *f = (struct wire_frames){ 0 };
    if (!take_frame(&f->head, &f->head_bytes, &file, &bytes)) return false;
    if (!take_frame(&f->body, &f->body_bytes, &file, &bytes)) return false;
    return !bytes || (take_frame(&f->payload, &f->payload_bytes, &file, &bytes) && !bytes);
}

static void hex_print(FILE *to, const char *bytes, size_t n)
{
    fputs("\"hex:", to);
    for (size_t i = 0; i < n; i++) fprintf(to, "%02x", (unsigned char)bytes[i]);
    fputc('"', to);
}

static void indent(FILE *to, int depth)
{
    fprintf(to, "\n%*s", 2 * depth, "");
}

static void object_print(FILE *to, const msgpack_object *o, int depth)
{
    switch (o->type) {
    case MSGPACK_OBJECT_NIL: fputs("null", to); break;
    case MSGPACK_OBJECT_BOOLEAN: fputs(o->via.boolean ? "true" : "false", to); break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER: fprintf(to, "%" PRIu64, o->via.u64); break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: fprintf(to, "%" PRId64, o->via.i64); break;
    case MSGPACK_OBJECT_STR: fprintf(to, "\"%.*s\"", (int)o->via.str.size, o->via.str.ptr); break;
    case MSGPACK_OBJECT_BIN: hex_print(to, o->via.bin.ptr, o->via.bin.size); break;
    case MSGPACK_OBJECT_ARRAY:
        fputc('[', to);
        for (uint32_t i = 0; i < o->via.array.size; i++) {
            if (i) fputs(", ", to);
            object_print(to, &o->via.array.ptr[i], depth);
        }
        fputc(']', to);
        break;
    case MSGPACK_OBJECT_MAP:
        fputc('{', to);
        for (uint32_t i = 0; i < o->via.map.size; i++) {
            if (i) fputc(',', to);
            indent(to, depth + 1);
            object_print(to, &o->via.map.ptr[i].key, depth + 1);
            fputs(": ", to);
            object_print(to, &o->via.map.ptr[i].val, depth + 1);
        }
        if (o->via.map.size) indent(to, depth);
        fputc('}', to);
        break;
    default: fputs("\"?\"", to);
    }
}

void wire_json_print(FILE *to, const struct wire_frames *f)
{
    msgpack_unpacked body;
    msgpack_unpacked_init(&body);
    fputs("{\n  \"head\": ", to);
    hex_print(to, (const char *)f->head, f->head_bytes);
    fprintf(to, ",\n  \"message\": \"%s\",\n  \"body\": ", wire_type_name(f->head[3]));
    if (msgpack_unpack_next(&body, (const char *)f->body, f->body_bytes, NULL) == MSGPACK_UNPACK_SUCCESS)
        object_print(to, &body.data, 1);
    fputs(",\n  \"payload\": ", to);
    if (f->payload)
        hex_print(to, (const char *)f->payload, f->payload_bytes);
    else
        fputs("null", to);
    fputs("\n}\n", to);
    msgpack_unpacked_destroy(&body);
}

/* What the tables say that the layout does not: the meaning, and the bound as it is written in the list. */
struct field_words {
    const char *bound, *meaning;
};
#define X(name, KIND, bound, meaning) { #bound, meaning },
static const struct field_words msg_words[] = { WIRE_FIELD_LIST(X) };
static const struct field_words circuit_words[] = { WIRE_CIRCUIT_FIELDS(X) };
static const struct field_words held_words[] = { WIRE_HELD_FIELDS(X) };
#undef X

static const char *const kind_words[] = {
    [LAYOUT_U32] = "integer",
    [LAYOUT_U64] = "integer",
    [LAYOUT_BOOL] = "boolean",
    [LAYOUT_NAME] = "name",
    [LAYOUT_TEXT] = "text",
    [LAYOUT_ID] = "bin 16",
    [LAYOUT_HASH] = "bin 32",
    [LAYOUT_TOKEN] = "[epoch, seq]",
    [LAYOUT_WORD] = "word",
    [LAYOUT_STATE] = "state word",
    [LAYOUT_STATUS] = "status code",
    [LAYOUT_NAMES] = "list of names",
    [LAYOUT_HASHES] = "list of bin 32",
    [LAYOUT_TOKENS] = "list of [epoch, seq]",
    [LAYOUT_STATES] = "list of state words",
    [LAYOUT_CIRCUITS] = "list of circuits",
    [LAYOUT_HELDS] = "list of held",
    [LAYOUT_COUNTS] = "map of state word to integer",
    [LAYOUT_ROW] = "row",
    [LAYOUT_ROWS] = "list of rows",
};

static void bound_print(FILE *to, const struct layout_field *f, const char *written)
{
    if (f->kind == LAYOUT_WORD)
        fprintf(to, "`%s`", written);
    else if (f->kind == LAYOUT_TEXT)
        fprintf(to, "%" PRIu64 " bytes", f->bound);
    else if (f->kind != LAYOUT_U32 && f->kind != LAYOUT_U64 && f->bound)
        fprintf(to, "%" PRIu64 " items", f->bound);
    else if (f->bound == UINT64_MAX || f->bound == UINT32_MAX)
        fprintf(to, "2^%d - 1", f->bound == UINT32_MAX ? 32 : 64);
    else if (f->bound)
        fprintf(to, "%" PRIu64, f->bound);
}

static void layout_print(FILE *to, const struct layout *l, const struct field_words *words)
{
    fputs("| key | type | at most | meaning |\n|---|---|---|---|\n", to);
    for (size_t k = 0; k < l->n; k++) {
        fprintf(to, "| `%s` | %s | ", l->fields[k].key, kind_words[l->fields[k].kind]);
        bound_print(to, &l->fields[k], words[k].bound);
        fprintf(to, " | %s |\n", words[k].meaning);
    }
}

static void fields_print(FILE *to)
{
    layout_print(to, &layout_msg, msg_words);
}

static void circuits_print(FILE *to)
{
    layout_print(to, &layout_circuit, circuit_words);
}

static void held_print(FILE *to)
{
    layout_print(to, &layout_held, held_words);
}

static void uses_print(FILE *to, const struct layout_type *t, bool needed)
{
    bool first = true;
    for (size_t k = 0; k < layout_msg.n; k++) {
        enum layout_use use = t->use[k];
        if (use == LAYOUT_NO || (use == LAYOUT_MAY) == needed) continue;
        fprintf(to, "%s%s%s", first ? "" : " ", layout_msg.fields[k].key,
                use == LAYOUT_NEED_UP     ? "↑"
                : use == LAYOUT_NEED_DOWN ? "↓"
                                          : "");
        first = false;
    }
}

static void messages_print(FILE *to)
{
    static const char *const ways[] = { "", "↑", "↓", "↑↓" };
    static const char *const payloads[] = { "", "inline", "chunk" };
    fputs("| type | message | way | needed | optional | payload | meaning |\n|---|---|---|---|---|---|---|\n", to);
#define X(name, code, way, payload_kind, fields, meaning)                                                              \
    {                                                                                                                  \
        const struct layout_type *t = layout_type_of(code);                                                            \
        fprintf(to, "| %d | %s | %s | ", code, #name, ways[t->ways]);                                                  \
        uses_print(to, t, true);                                                                                       \
        fputs(" | ", to);                                                                                              \
        uses_print(to, t, false);                                                                                      \
        fprintf(to, " | %s | %s |\n", payloads[t->payload], meaning);                                                  \
    }
    WIRE_MSG_LIST(X)
#undef X
}

static void words_print(FILE *to)
{
    const char *last = "";
    fputs("| list | words |\n|---|---|", to);
#define W(list, NAME, word)                                                                                            \
    if (strcmp(last, #list)) fprintf(to, "%s\n| `%s` |", *last ? " |" : "", #list);                                    \
    last = #list;                                                                                                      \
    fprintf(to, " %s", word);
    WIRE_WORD_LIST(W)
#undef W
    fputs(" |\n", to);
}

static void states_print(FILE *to)
{
    fputs("| word | |\n|---|---|\n", to);
#define X(name, code, word, live) fprintf(to, "| %s | %s |\n", word, live ? "live" : "terminal");
    TASK_STATE_LIST(X)
#undef X
}

static void status_print(FILE *to)
{
    fputs("| code | word | meaning |\n|---|---|---|\n", to);
#define X(name, code, exit, word, text) fprintf(to, "| %d | %s | %s |\n", code, word, text);
    PV_STATUS_LIST(X)
#undef X
}

bool wire_table_print(FILE *to, const char *table)
{
    static const struct {
        const char *name;
        void (*print)(FILE *);
    } tables[] = { { "fields", fields_print },     { "circuits", circuits_print }, { "held", held_print },
                   { "messages", messages_print }, { "words", words_print },       { "states", states_print },
                   { "status", status_print } };
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (!strcmp(tables[i].name, table)) {
            tables[i].print(to);
            return true;
        }
    return false;
}
