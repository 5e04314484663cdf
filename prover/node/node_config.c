#include "node_config.h"

#include <ctype.h>
#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "quote.h"

static const char usual_file[] = "/etc/provost/prover.yaml";

enum node_config_kind { KIND_TEXT, KIND_LIST, KIND_NUMBER, KIND_SIZE, KIND_SWITCH };

static const struct setting {
    struct node_config_info info;
    enum node_config_kind kind;
    const char *fallback;
    size_t offset;
    uint64_t low, high;
} settings[] = {
#define ROW(name, KIND, fallback, low, high, arg, meaning)                                                             \
    { { #name, arg, meaning }, KIND_##KIND, fallback, offsetof(struct node_config, name), low, high },
    NODE_CONFIG_LIST(ROW)
#undef ROW
};

/* Every scalar of the file as text, so that one parser serves file, environment and flags. */
struct file {
    char *values[NODE_CONFIG_SETTINGS];
};

static const cyaml_schema_field_t file_fields[] = {
#define FIELD(name, KIND, fallback, low, high, arg, meaning)                                                           \
    CYAML_FIELD_STRING_PTR(#name, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct file, values[NODE_CONFIG_##name],   \
                           0, CYAML_UNLIMITED),
    NODE_CONFIG_LIST(FIELD)
#undef FIELD
        CYAML_FIELD_END
};
static const cyaml_schema_value_t file_schema = { CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, file_fields) };

struct owned {
    struct file *file;
    cyaml_config_t cyaml;
};

const struct node_config_info *node_config_info(enum node_config_setting i)
{
    return &settings[i].info;
}

bool node_config_arg(struct node_config_args *args, enum node_config_setting i, const char *value)
{
    char *old = args->values[i], *made = NULL;
    bool append = old && settings[i].kind == KIND_LIST;
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

/* --- values --- */

static pv_status refuse(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));
static pv_status refuse(char *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, NODE_CONFIG_WHY_BYTES, format, args);
    va_end(args);
    return PV_BAD_CONFIG;
}

static bool number_of(uint64_t *to, const char *text, bool size)
{
    static const char letters[] = "KMG";
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    const char *letter = size && *end ? strchr(letters, *end) : NULL;
    unsigned shift = letter ? 10 * (unsigned)(letter - letters + 1) : 0;
    if (errno || !isdigit((unsigned char)*text) || end[letter != NULL] || n > UINT64_MAX >> shift) return false;
    *to = n << shift;
    return true;
}

static bool switch_of(bool *to, const char *text)
{
    bool yes = !strcmp(text, "yes") || !strcmp(text, "true") || !strcmp(text, "1");
    bool no = !strcmp(text, "no") || !strcmp(text, "false") || !strcmp(text, "0");
    if (yes || no) *to = yes;
    return yes || no;
}

static pv_status setting_set(struct node_config *c, size_t i, const char *text, const char *from, char *why)
{
    const struct setting *s = &settings[i];
    void *at = (char *)c + s->offset;
    uint64_t n;
    c->text[i] = text;
    if (s->kind == KIND_TEXT || s->kind == KIND_LIST) {
        *(const char **)at = text;
        return PV_OK;
    }
    if (s->kind == KIND_SWITCH)
        return switch_of(at, text) ? PV_OK
                                   : refuse(why, "%s: %s is yes or no, not \"%.64s\"", from, s->info.name, text);
    if (!number_of(&n, text, s->kind == KIND_SIZE))
        return refuse(why, "%s: %s is a number, not \"%.64s\"", from, s->info.name, text);
    if (n < s->low || n > s->high)
        return refuse(why, "%s: %s is %llu, not within %llu and %llu", from, s->info.name, (unsigned long long)n,
                      (unsigned long long)s->low, (unsigned long long)s->high);
    *(uint64_t *)at = n;
    return PV_OK;
}

/* --- the file --- */

/* libcyaml says first what is wrong, then where, innermost first: the first line of both makes our sentence. */
static void file_complaint(cyaml_log_t level, void *context, const char *format, va_list args)
{
    char *why = context, line[256];
    size_t used = strlen(why);
    vsnprintf(line, sizeof line, format, args);
    line[strcspn(line, "\n")] = 0;
    const char *text = !strncmp(line, "Load: ", 6) ? line + 6 : line;
    if (strstr(text, "Backtrace") || strstr(why, "line:")) return;
    snprintf(why + used, NODE_CONFIG_WHY_BYTES - used, "%s%s", used && why[used - 1] != ' ' ? ", " : "", text);
}

/* For a key it does not know libcyaml names the place of the key before: the right line is found in the text. */
static void file_key_line(const char *path, char *why)
{
    static const char said[] = "Unexpected key: ";
    char key[64], line[1024], *at = strstr(why, said);
    FILE *f = at ? fopen(path, "re") : NULL;
    if (!f) return;
    snprintf(key, sizeof key, "%.*s", (int)strcspn(at + sizeof said - 1, ","), at + sizeof said - 1);
    for (unsigned n = 1; fgets(line, sizeof line, f); n++) {
        const char *text = line + strspn(line, " \t\"'");
        if (strncmp(text, key, strlen(key)) || !strchr(" \t:\"'", text[strlen(key)])) continue;
        snprintf(at, NODE_CONFIG_WHY_BYTES - (size_t)(at - why), "unknown key \"%s\" (line: %u)", key, n);
        break;
    }
    fclose(f);
}

static pv_status file_read(struct node_config *c, struct owned *o, const char *path, char *why)
{
    o->cyaml = (cyaml_config_t){ .log_fn = file_complaint,
                                 .log_ctx = why,
                                 .log_level = CYAML_LOG_ERROR,
                                 .mem_fn = cyaml_mem,
                                 .flags = CYAML_CFG_DEFAULT };
    if (access(path, R_OK)) {
        refuse(why, "%.200s: %s", path, strerror(errno));
        return PV_IO;
    }
    refuse(why, "%.200s: ", path);
    cyaml_err_t e = cyaml_load_file(path, &o->cyaml, &file_schema, (cyaml_data_t **)&o->file, NULL);
    if (e == CYAML_OK) {
        c->file = path;
        *why = 0;
        return PV_OK;
    }
    size_t used = strlen(why);
    if (!strstr(why, "line:")) snprintf(why + used, NODE_CONFIG_WHY_BYTES - used, " (%s)", cyaml_strerror(e));
    file_key_line(path, why);
    return PV_BAD_CONFIG;
}

/* --- all of it --- */

static const char *environment(const char *name)
{
    char variable[64];
    snprintf(variable, sizeof variable, "PROVOST_%s", name);
    for (char *p = variable; *p; p++) *p = (char)toupper((unsigned char)*p);
    const char *value = getenv(variable);
    return value && *value ? value : NULL;
}

static pv_status setting_read(struct node_config *c, size_t i, const struct node_config_args *args,
                              const struct file *f, char *why)
{
    const char *name = settings[i].info.name, *env = environment(name);
    if (args->values[i]) {
        c->origin[i] = NODE_CONFIG_FLAG;
        return setting_set(c, i, args->values[i], "command line", why);
    }
    if (env) {
        c->origin[i] = NODE_CONFIG_ENVIRONMENT;
        return setting_set(c, i, env, "environment", why);
    }
    if (f && f->values[i]) {
        c->origin[i] = NODE_CONFIG_FILE;
        return setting_set(c, i, f->values[i], c->file, why);
    }
    return setting_set(c, i, settings[i].fallback, "default", why);
}

pv_status node_config_read(struct node_config *c, const struct node_config_args *args, char why[NODE_CONFIG_WHY_BYTES])
{
    struct node_config read = { 0 };
    struct owned *o = calloc(1, sizeof *o);
    const char *path = args->file ? args->file : access(usual_file, F_OK) ? NULL : usual_file;
    *why = 0;
    if (!o) return PV_NO_MEMORY;
    read.owned = o;
    pv_status s = path ? file_read(&read, o, path, why) : PV_OK;
    for (size_t i = 0; s == PV_OK && i < NODE_CONFIG_SETTINGS; i++) s = setting_read(&read, i, args, o->file, why);
    if (s == PV_OK)
        *c = read;
    else
        node_config_clear(&read);
    return s;
}

void node_config_clear(struct node_config *c)
{
    struct owned *o = c->owned;
    if (o && o->file) cyaml_free(&o->cyaml, &file_schema, o->file, 0);
    free(o);
    *c = (struct node_config){ 0 };
}

void node_config_print(const struct node_config *c, FILE *to)
{
    static const char *const origins[] = { "default", "file", "environment", "flag" };
    for (size_t i = 0; i < NODE_CONFIG_SETTINGS; i++) {
        fprintf(to, "%s: ", settings[i].info.name);
        pv_quote(to, c->text[i]);
        fprintf(to, " # %s\n", origins[c->origin[i]]);
    }
}
