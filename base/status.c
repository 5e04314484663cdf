#include "status.h"

#include <stddef.h>

struct status_row {
    pv_status status;
    int exit;
    const char *word, *text;
};

static const struct status_row rows[] = {
#define X(name, code, exit, word, text) { PV_##name, exit, word, text },
    PV_STATUS_LIST(X)
#undef X
};

static const struct status_row *row_of(unsigned code)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if ((unsigned)rows[i].status == code) return &rows[i];
    return code == PV_INTERNAL ? NULL : row_of(PV_INTERNAL);
}

const char *pv_status_word(pv_status s)
{
    return row_of(s)->word;
}

const char *pv_status_text(pv_status s)
{
    return row_of(s)->text;
}

int pv_status_exit(pv_status s)
{
    return row_of(s)->exit;
}

pv_status pv_status_of_code(unsigned code)
{
    return row_of(code)->status;
}
