#include "body.h"
#include "msg.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <msgpack/sysdep.h>
#include <msgpack/unpack.h>
#include <msgpack/unpack_define.h>

static int refuse(struct body_tree *t, const char *fault)
{
    t->fault = fault;
    return -1;
}

/* Grows by doubling. The bound comes first: a count of 2^32 - 1 never reaches the multiplication. */
static int reserve(struct body_tree *t, uint32_t n, uint32_t *first)
{
    if (n > WIRE_VALUES_MAX - t->used) return refuse(t, "too many values");
    if (t->used + n > t->capacity) {
        uint32_t capacity = 2 * t->capacity > t->used + n ? 2 * t->capacity : t->used + n;
        bool moved = t->nodes != t->inside;
        struct body_node *nodes = realloc(moved ? t->nodes : NULL, capacity * sizeof *nodes);
        if (!nodes) {
            t->no_memory = true;
            return -1;
        }
        if (!moved) memcpy(nodes, t->inside, t->used * sizeof *nodes);
        t->nodes = nodes;
        t->capacity = capacity;
    }
    *first = t->used;
    t->used += n;
    return 0;
}

static int open_container(struct body_tree *t, enum body_type type, uint32_t n, uint32_t slots, struct body_node *o)
{
    uint32_t first;
    if (t->depth == WIRE_DEPTH_MAX) return refuse(t, "nested too deep");
    if (reserve(t, slots, &first) < 0) return -1;
    if (n) t->depth++;
    *o = (struct body_node){ .type = type, .n = n, .first = first };
    return 0;
}

static void close_when_full(struct body_tree *t, struct body_node *o)
{
    if (++o->filled == o->n) t->depth--;
}

static struct body_node body_on_root(struct body_tree **t)
{
    return (struct body_node){ .type = BODY_NIL };
}

static int body_on_array(struct body_tree **t, unsigned n, struct body_node *o)
{
    return open_container(*t, BODY_ARRAY, n, n, o);
}

static int body_on_array_item(struct body_tree **t, struct body_node *o, struct body_node item)
{
    (*t)->nodes[o->first + o->filled] = item;
    close_when_full(*t, o);
    return 0;
}

static int body_on_map(struct body_tree **t, unsigned n, struct body_node *o)
{
    if (n > WIRE_KEYS_MAX) return refuse(*t, "too many keys in a map");
    return open_container(*t, BODY_MAP, n, 2 * n, o);
}

static bool key_valid(const struct body_node *key)
{
    if (key->type != BODY_STR || key->n < 1 || key->n > WIRE_KEY_MAX) return false;
    for (uint32_t i = 0; i < key->n; i++)
        if (key->bytes[i] <= 0x20 || key->bytes[i] >= 0x7f) return false;
    return true;
}

static int body_on_map_item(struct body_tree **t, struct body_node *o, struct body_node key, struct body_node value)
{
    struct body_node *pairs = (*t)->nodes + o->first;
    if (!key_valid(&key)) return refuse(*t, "a map key is not 1 to 32 printable ASCII characters");
    for (uint32_t i = 0; i < o->filled; i++)
        if (pairs[2 * i].n == key.n && !memcmp(pairs[2 * i].bytes, key.bytes, key.n))
            return refuse(*t, "a map has a key twice");
    pairs[2 * o->filled] = key;
    pairs[2 * o->filled + 1] = value;
    close_when_full(*t, o);
    return 0;
}

static int body_on_nil(struct body_tree **t, struct body_node *o)
{
    *o = (struct body_node){ .type = BODY_NIL };
    return 0;
}

static int body_on_true(struct body_tree **t, struct body_node *o)
{
    *o = (struct body_node){ .type = BODY_BOOL, .truth = true };
    return 0;
}

static int body_on_false(struct body_tree **t, struct body_node *o)
{
    *o = (struct body_node){ .type = BODY_BOOL, .truth = false };
    return 0;
}

static int body_on_uint64(struct body_tree **t, uint64_t v, struct body_node *o)
{
    *o = (struct body_node){ .type = BODY_UINT, .number = v };
    return 0;
}

static int body_on_int64(struct body_tree **t, int64_t v, struct body_node *o)
{
    if (v >= 0) return body_on_uint64(t, (uint64_t)v, o);
    *o = (struct body_node){ .type = BODY_NEGATIVE, .negative = v };
    return 0;
}

static int body_on_double(struct body_tree **t, double v, struct body_node *o)
{
    *o = (struct body_node){ .type = BODY_FLOAT };
    return 0;
}

static int body_on_str(struct body_tree **t, const char *base, const char *at, unsigned n, struct body_node *o)
{
    *o = (struct body_node){ .type = BODY_STR, .n = n, .bytes = at };
    return 0;
}

static int body_on_bin(struct body_tree **t, const char *base, const char *at, unsigned n, struct body_node *o)
{
    *o = (struct body_node){ .type = BODY_BIN, .n = n, .bytes = at };
    return 0;
}

static int body_on_ext(struct body_tree **t, const char *base, const char *at, unsigned n, struct body_node *o)
{
    return refuse(*t, "ext values are not used");
}

#define body_on_uint8 body_on_uint64
#define body_on_uint16 body_on_uint64
#define body_on_uint32 body_on_uint64
#define body_on_int8 body_on_int64
#define body_on_int16 body_on_int64
#define body_on_int32 body_on_int64
#define body_on_float body_on_double

#define msgpack_unpack_struct(name) struct body_msgpack##name
#define msgpack_unpack_func(type, name) static type body_msgpack##name
#define msgpack_unpack_callback(name) body_on##name
#define msgpack_unpack_object struct body_node
#define msgpack_unpack_user struct body_tree *
#include <msgpack/unpack_template.h>

pv_status body_parse(struct body_tree *t, const uint8_t *bytes, size_t n, const char **fault)
{
    struct body_msgpack_context parser;
    size_t offset = 0;
    t->nodes = t->inside;
    t->used = t->depth = 0;
    t->capacity = BODY_NODES_INSIDE;
    t->fault = "the body is not msgpack";
    t->no_memory = false;
    *fault = "the body is empty";
    if (!n) return PV_BAD_MESSAGE;
    parser.user = t;
    body_msgpack_init(&parser);
    int ended = body_msgpack_execute(&parser, (const char *)bytes, n, &offset);
    if (ended < 0) {
        *fault = t->fault;
        return t->no_memory ? PV_NO_MEMORY : PV_BAD_MESSAGE;
    }
    *fault = ended ? "bytes follow the body" : "the body is cut short";
    if (!ended || offset != n) return PV_BAD_MESSAGE;
    t->root = body_msgpack_data(&parser);
    *fault = "";
    return PV_OK;
}

void body_clear(struct body_tree *t)
{
    if (t->nodes != t->inside) free(t->nodes);
    t->nodes = t->inside;
}
