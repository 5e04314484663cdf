#include "gpu_cards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What this process may see. */
struct seen {
    char id[NVML_CARDS_MAX][GPUS_CARD_BYTES];
    unsigned n;
    bool known;  /* without NVML and CUDA_VISIBLE_DEVICES it is not */
    bool listed; /* by CUDA_VISIBLE_DEVICES */
    const struct nvml_card *cards;
    unsigned cards_n;
};

/* The next item of a list with commas, without the blanks around it. False: there is none, or it is too long. */
static bool item_next(char item[GPUS_CARD_BYTES], const char **at)
{
    const char *from = *at + strspn(*at, " \t"), *end = from + strcspn(from, ",");
    if (!**at) return false;
    size_t n = (size_t)(end - from);
    *at = *end ? end + 1 : end;
    while (n && (from[n - 1] == ' ' || from[n - 1] == '\t')) n--;
    if (n >= GPUS_CARD_BYTES) return false;
    memcpy(item, from, n);
    item[n] = 0;
    return true;
}

static bool is_number(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text) && strlen(text) < 5;
}

static bool is_uuid(const char *text)
{
    return !strncasecmp(text, "GPU-", 4) || !strncasecmp(text, "MIG-", 4);
}

static void seen_read(struct seen *s, const char *visible, const struct nvml *nvml)
{
    char item[GPUS_CARD_BYTES];
    if (nvml) s->cards = nvml_cards(nvml, &s->cards_n);
    s->listed = visible != NULL;
    s->known = visible || nvml;
    while (visible && s->n < NVML_CARDS_MAX && item_next(item, &visible) && (is_number(item) || is_uuid(item)))
        strcpy(s->id[s->n++], item);
    for (unsigned i = 0; !s->listed && i < s->cards_n; i++)
        snprintf(s->id[s->n++], GPUS_CARD_BYTES, "%s", s->cards[i].uuid);
}

/* The card that CUDA_VISIBLE_DEVICES means by an entry, as far as NVML can tell. */
static const struct nvml_card *card_of(const struct seen *s, const char *id)
{
    unsigned long number = strtoul(id, NULL, 10);
    if (is_number(id)) return number < s->cards_n ? &s->cards[number] : NULL;
    for (unsigned i = 0; i < s->cards_n; i++)
        if (!strncasecmp(s->cards[i].uuid, id, strlen(id))) return &s->cards[i];
    return NULL;
}

static pv_status add(struct gpu_cards *c, const struct seen *s, const char *id, struct prove_error *err)
{
    const struct nvml_card *card = card_of(s, id);
    for (unsigned i = 0; i < c->n; i++)
        if (!strcasecmp(c->id[i], id)) return prove_error_set(err, PV_BAD_CONFIG, "gpus: %s is there twice", id);
    if (c->n == GPUS_MAX) return prove_error_set(err, PV_BAD_CONFIG, "gpus: a node takes at most %d", GPUS_MAX);
    c->board[c->n] = card ? (int)card->board : -1;
    snprintf(c->id[c->n++], GPUS_CARD_BYTES, "%s", id);
    return PV_OK;
}

static pv_status none(const struct seen *s, struct prove_error *err)
{
    return prove_error_set(err, PV_NO_DEVICE, "%s",
                           s->listed ? "CUDA_VISIBLE_DEVICES shows no GPU" : "NVML tells of no GPU");
}

static pv_status add_number(struct gpu_cards *c, const struct seen *s, const char *item, struct prove_error *err)
{
    unsigned long number = strtoul(item, NULL, 10);
    if (!s->known) return add(c, s, item, err);
    if (!s->n) return none(s, err);
    if (number >= s->n)
        return prove_error_set(err, PV_BAD_CONFIG, "gpus: there is no GPU %s: %u %s, counted from 0", item, s->n,
                               s->n == 1 ? "is visible" : "are visible");
    return add(c, s, s->id[number], err);
}

static bool is_visible(const struct seen *s, const char *uuid)
{
    for (unsigned i = 0; i < s->n; i++) {
        const struct nvml_card *card = card_of(s, s->id[i]);
        if (!strncasecmp(s->id[i], uuid, strlen(uuid)) || (card && !strncasecmp(card->uuid, uuid, strlen(uuid))))
            return true;
    }
    return false;
}

static pv_status add_uuid(struct gpu_cards *c, const struct seen *s, const char *item, struct prove_error *err)
{
    if (s->known && !is_visible(s, item))
        return prove_error_set(err, PV_BAD_CONFIG, "gpus: %s is not a GPU that this process may see%s", item,
                               s->listed ? " (CUDA_VISIBLE_DEVICES)" : "");
    return add(c, s, item, err);
}

static pv_status add_all(struct gpu_cards *c, const struct seen *s, struct prove_error *err)
{
    if (s->known && !s->n) return none(s, err);
    for (unsigned i = 0; i < s->n; i++) TRY(add(c, s, s->id[i], err));
    if (s->known) return PV_OK;
    snprintf(c->note, sizeof c->note, "%s",
             "gpus: without NVML the number of GPUs is not known: the first is taken; name them to use more");
    return add(c, s, "", err);
}

/* As before there was a setting: CUDA's own order. */
static pv_status add_first(struct gpu_cards *c, const struct seen *s, int device)
{
    c->n = 1;
    bool there = (unsigned)device < s->n;
    const struct nvml_card *card = there ? card_of(s, s->id[device]) : NULL;
    c->board[0] = card ? (int)card->board : -1;
    return PV_OK;
}

pv_status gpu_cards_find(struct gpu_cards *c, const char *setting, int device, const char *visible,
                         const struct nvml *nvml, struct prove_error *err)
{
    struct seen s = { .n = 0 };
    char item[GPUS_CARD_BYTES];
    *c = (struct gpu_cards){ .n = 0 };
    seen_read(&s, visible, nvml);
    if (!*setting) return add_first(c, &s, device);
    if (!strcmp(setting, "all")) return add_all(c, &s, err);
    while (*setting) {
        if (!item_next(item, &setting)) return prove_error_set(err, PV_BAD_CONFIG, "gpus: a name is too long");
        if (is_number(item))
            TRY(add_number(c, &s, item, err));
        else if (is_uuid(item))
            TRY(add_uuid(c, &s, item, err));
        else
            return prove_error_set(err, PV_BAD_CONFIG, "gpus: not all, a number or a UUID (GPU-…, MIG-…): \"%.64s\"",
                                   item);
    }
    return PV_OK;
}
