#include "columns.h"

#include <sys/ioctl.h>
#include <unistd.h>

enum { GAP = 2 };

size_t columns_room(void)
{
    struct winsize w;
    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 ? w.ws_col : 0;
}

static size_t line_width(const size_t *width, size_t n)
{
    size_t sum = GAP * (n - 1);
    for (size_t k = 0; k < n; k++) sum += width[k];
    return sum;
}

/* The widest column that may be narrower; n: there is none. */
static size_t widest(const size_t *width, const size_t *least, size_t n)
{
    size_t at = n;
    for (size_t k = 0; k < n; k++)
        if (width[k] > least[k] && (at == n || width[k] > width[at])) at = k;
    return at;
}

size_t columns_fit(size_t *width, const size_t *least, size_t n, size_t room)
{
    if (room == 0 || n == 0) return n;
    for (size_t at; line_width(width, n) > room && (at = widest(width, least, n)) < n;) width[at]--;
    while (n > 1 && line_width(width, n) > room) n--;
    return n;
}
