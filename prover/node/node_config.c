#include "node_config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "quote.h"
#include "settings_file.h"

static const char usual_file[] = "/etc/provost/prover.yaml";

#define RANGE(low_, high_) .low = low_, .high = high_
#define LIMITS_TEXT(low, high) RANGE(low, high)
#define LIMITS_LIST(low, high) RANGE(low, high)
#define LIMITS_NUMBER(low, high) RANGE(low, high)
#define LIMITS_SIZE(low, high) RANGE(low, high)
#define LIMITS_SWITCH(low, high) RANGE(low, high)
#define LIMITS_WORD(low, high) .words = low

static const struct setting settings[] = {
#define ROW(n, KIND, fallback_, low, high, arg_, meaning_)                                                             \
    { .name = #n,                                                                                                      \
      .kind = SETTING_##KIND,                                                                                          \
      .fallback = fallback_,                                                                                           \
      .arg = arg_,                                                                                                     \
      .meaning = meaning_,                                                                                             \
      .offset = offsetof(struct node_config, n),                                                                       \
      LIMITS_##KIND(low, high) },
    NODE_CONFIG_LIST(ROW)
#undef ROW
};

static const struct settings_table table = { .rows = settings,
                                             .n = NODE_CONFIG_SETTINGS,
                                             .program = "prover",
                                             .identity =
                                                 (const char *const[]){ "key", "name", "queue", "state", NULL } };

const struct setting *node_config_row(enum node_config_setting i)
{
    return &settings[i];
}

bool node_config_arg(struct node_config_args *args, enum node_config_setting i, const char *value)
{
    char *old = args->values[i], *made = NULL;
    bool append = old && settings[i].kind == SETTING_LIST;
    if (asprintf(&made, "%s%s%s", append ? old : "", append ? "," : "", value) < 0) return false;
    free(old);
    args->values[i] = made;
    return true;
}

void node_config_args_clear(struct node_config_args *args)
{
    for (size_t i = 0; i < NODE_CONFIG_SETTINGS; i++) free(args->values[i]);
    *args = (struct node_config_args){ 0 };
}

pv_status node_config_read(struct node_config *c, const struct node_config_args *args, char why[NODE_CONFIG_WHY_BYTES])
{
    struct node_config read = { .file = args->file ? args->file : access(usual_file, F_OK) ? NULL : usual_file };
    const struct settings_target to = { .base = &read, .origin = read.origin, .text = read.text };
    struct settings_file *file = NULL;
    *why = 0;
    pv_status s = read.file ? settings_file_read(&file, read.file, &table, why) : PV_OK;
    if (s == PV_OK) s = settings_gather(&table, &to, (const char *const *)args->values, file, why);
    read.owned = file;
    if (s == PV_OK)
        *c = read;
    else
        node_config_clear(&read);
    return s;
}

void node_config_clear(struct node_config *c)
{
    struct settings_file *file = c->owned;
    settings_file_destroy(&file);
    *c = (struct node_config){ 0 };
}

void node_config_shared(const struct node_config *c, void (*told)(const char *variable, const char *own))
{
    settings_shared(&table, c->origin, told);
}

void node_config_print(const struct node_config *c, FILE *to)
{
    for (size_t i = 0; i < NODE_CONFIG_SETTINGS; i++) {
        fprintf(to, "%s: ", settings[i].name);
        pv_quote(to, c->text[i]);
        fprintf(to, " # %s\n", setting_origin_word(c->origin[i]));
    }
}
