#include "json_out.h"

#include "codec.h"

#include <stdio.h>
#include <stdlib.h>

static void put(struct json_out *o, const char *text, size_t bytes)
{
    if (o->failed) return;
    if (o->room - o->bytes < bytes) {
        size_t room = 2 * (o->room + bytes) + 1024;
        char *grown = realloc(o->text, room);
        if (!grown) {
            o->failed = true;
            return;
        }
        o->text = grown;
        o->room = room;
    }
    memcpy(o->text + o->bytes, text, bytes);
    o->bytes += bytes;
}

static void put_text(struct json_out *o, const char *text)
{
    put(o, text, strlen(text));
}

static void new_line(struct json_out *o)
{
    put_text(o, "\n");
    for (unsigned i = 0; i < o->depth; i++) put_text(o, " ");
}

/* What stands before a value: comma, line break, key. */
static void begin_value(struct json_out *o, const char *key)
{
    if (o->follows) put_text(o, ",");
    if (o->depth) new_line(o);
    if (key) {
        put_text(o, "\"");
        put_text(o, key);
        put_text(o, "\": ");
    }
    o->follows = true;
}

void json_out_open(struct json_out *o, const char *key, char bracket)
{
    begin_value(o, key);
    put(o, &bracket, 1);
    o->depth++;
    o->follows = false;
}

/* snarkjs gives the closing bracket its own line even where nothing stands inside. */
void json_out_close(struct json_out *o, char bracket)
{
    o->depth--;
    new_line(o);
    put(o, &bracket, 1);
    o->follows = true;
}

void json_out_string(struct json_out *o, const char *key, const char *value)
{
    begin_value(o, key);
    put_text(o, "\"");
    put_text(o, value);
    put_text(o, "\"");
}

void json_out_size(struct json_out *o, const char *key, size_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%zu", value);
    begin_value(o, key);
    put_text(o, text);
}

void json_out_scalar(struct json_out *o, const bn254_scalar *value)
{
    char text[BN254_DECIMAL_BYTES];
    bn254_scalar_to_decimal(text, value);
    json_out_string(o, NULL, text);
}

static void put_fp(struct json_out *o, const bn254_fp *value)
{
    bn254_scalar v;
    bn254_fp_to_scalar(&v, value);
    json_out_scalar(o, &v);
}

void json_out_fp2(struct json_out *o, const bn254_fp2 *value)
{
    json_out_open(o, NULL, '[');
    put_fp(o, &value->c0);
    put_fp(o, &value->c1);
    json_out_close(o, ']');
}

/* Infinity is (0, 1, 0). */
void json_out_g1(struct json_out *o, const char *key, const bn254_g1_affine *p)
{
    bool infinity = bn254_g1_affine_is_infinity(p);
    bn254_fp one;
    bn254_fp_set_one(&one);
    json_out_open(o, key, '[');
    put_fp(o, &p->x);
    put_fp(o, infinity ? &one : &p->y);
    json_out_string(o, NULL, infinity ? "0" : "1");
    json_out_close(o, ']');
}

void json_out_g2(struct json_out *o, const char *key, const bn254_g2_affine *p)
{
    bool infinity = bn254_g2_affine_is_infinity(p);
    bn254_fp2 zero, one;
    bn254_fp2_set_zero(&zero);
    bn254_fp2_set_one(&one);
    json_out_open(o, key, '[');
    json_out_fp2(o, &p->x);
    json_out_fp2(o, infinity ? &one : &p->y);
    json_out_fp2(o, infinity ? &zero : &one);
    json_out_close(o, ']');
}

char *json_out_take(struct json_out *o)
{
    put(o, "", 1);
    if (!o->failed) return o->text;
    free(o->text);
    return NULL;
}
