#include "facts.h"

#include <string.h>

enum facts_rejected facts_rejected_of(pv_status status, const char *which)
{
    static const char *const words[] = {
#define F(name, word) word,
        FACTS_REJECTED_LIST(F)
#undef F
    };
    const char *word = which ? which : pv_status_word(status);
    enum facts_rejected i = 0;
    while (i < FACTS_REJECTED_OTHER && strcmp(words[i], word) != 0) i++;
    return i;
}
