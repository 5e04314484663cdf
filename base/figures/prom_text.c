#include "prom_text.h"

#include <inttypes.h>

void prom_family(FILE *to, const char *name, const char *type, const char *help)
{
    fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Backslash, quote and line feed are escaped, as the format asks. */
static void put_value(FILE *to, const char *value)
{
    for (const char *c = value; *c; c++) {
        if (*c == '\n')
            fputs("\\n", to);
        else if (*c == '"' || *c == '\\')
            fprintf(to, "\\%c", *c);
        else
            fputc(*c, to);
    }
}

/* last NULL, or one more label; its value needs no escapes. */
static void put_head(FILE *to, const char *name, const char *suffix, const struct prom_labels *labels, const char *last,
                     const char *last_value)
{
    fprintf(to, "%s%s", name, suffix);
    char before = '{';
    for (size_t i = 0; labels && i < PROM_LABELS_MAX && labels->at[i].key; i++) {
        fprintf(to, "%c%s=\"", before, labels->at[i].key);
        put_value(to, labels->at[i].value);
        fputc('"', to);
        before = ',';
    }
    if (last) fprintf(to, "%c%s=\"%s\"", before, last, last_value);
    fputs(last || before == ',' ? "} " : " ", to);
}

void prom_sample(FILE *to, const char *name, const struct prom_labels *labels, uint64_t value)
{
    put_head(to, name, "", labels, NULL, NULL);
    fprintf(to, "%" PRIu64 "\n", value);
}

void prom_percent(FILE *to, const char *name, const struct prom_labels *labels, unsigned percent)
{
    put_head(to, name, "", labels, NULL, NULL);
    fprintf(to, "%u.%02u\n", percent / 100, percent % 100);
}

void prom_seconds_us(FILE *to, const char *name, const struct prom_labels *labels, uint64_t us)
{
    put_head(to, name, "", labels, NULL, NULL);
    fprintf(to, "%" PRIu64 ".%06" PRIu64 "\n", us / 1000000, us % 1000000);
}

void prom_seconds_ms(FILE *to, const char *name, const struct prom_labels *labels, uint64_t ms)
{
    put_head(to, name, "", labels, NULL, NULL);
    fprintf(to, "%" PRIu64 ".%03" PRIu64 "\n", ms / 1000, ms % 1000);
}

void prom_histogram(FILE *to, const char *name, const struct prom_labels *labels, const struct histogram *h,
                    const struct histogram_bounds *bounds)
{
    char le[32];
    uint64_t n = 0;
    for (size_t i = 0; i < bounds->n; i++) {
        n += h->at[i];
        snprintf(le, sizeof le, "%g", (double)bounds->us[i] / 1e6);
        put_head(to, name, "_bucket", labels, "le", le);
        fprintf(to, "%" PRIu64 "\n", n);
    }
    n += h->at[bounds->n];
    put_head(to, name, "_bucket", labels, "le", "+Inf");
    fprintf(to, "%" PRIu64 "\n", n);
    put_head(to, name, "_sum", labels, NULL, NULL);
    fprintf(to, "%" PRIu64 ".%06" PRIu64 "\n", h->sum_us / 1000000, h->sum_us % 1000000);
    put_head(to, name, "_count", labels, NULL, NULL);
    fprintf(to, "%" PRIu64 "\n", n);
}

void prom_metrics(FILE *to, const struct prom_metric *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        prom_family(to, all[i].name, all[i].type, all[i].help);
        prom_sample(to, all[i].name, NULL, all[i].value);
    }
}
