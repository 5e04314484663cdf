#include "screen.h"

#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static const char hide[] = "\033[?25l\033[2J", show[] = "\033[?25h\n";

static struct termios before;
static volatile sig_atomic_t changed;
static bool drawn;

static void raw(void)
{
    struct termios t = before;
    t.c_lflag &= ~(tcflag_t)(ICANON | ECHO); /* ^C and ^Z stay signals */
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
}

/* Another size; or it goes on after ^Z, when the shell has set the terminal for itself. */
static void on_change(int signum)
{
    int error = errno;
    if (signum == SIGCONT) raw();
    changed = 1;
    errno = error;
}

/* Only what may be called in a handler. */
static void on_end(int signum)
{
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    ssize_t ignored = write(STDOUT_FILENO, show, sizeof show - 1);
    (void)ignored;
    _exit(signum == SIGHUP ? 1 : 0);
}

static void signals(void (*change)(int), void (*end)(int))
{
    static const int changes[] = { SIGWINCH, SIGCONT }, ends[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction a = { .sa_handler = change };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) sigaction(changes[i], &a, NULL);
    a.sa_handler = end;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) sigaction(ends[i], &a, NULL);
}

bool screen_begin(void)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before)) return false;
    signals(on_change, on_end);
    raw();
    fputs(hide, stdout);
    if (!atexit(screen_end)) drawn = true; /* also when nobody reads stdout any more */
    return true;
}

void screen_end(void)
{
    if (!drawn) return;
    drawn = false;
    fputs(show, stdout);
    fflush(stdout);
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    signals(SIG_DFL, SIG_DFL);
}

struct screen_size screen_size(void)
{
    struct winsize w = { .ws_row = 0 };
    bool told = !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_row && w.ws_col;
    return told ? (struct screen_size){ w.ws_row, w.ws_col } : (struct screen_size){ 24, 80 };
}

/* Bytes of the first so many characters of a line (UTF-8). */
static size_t bytes_of(const char *line, size_t length, size_t characters)
{
    size_t i = 0;
    for (; i < length; i++)
        if ((line[i] & 0xc0) != 0x80 && !characters--) break;
    return i;
}

void screen_draw(const char *text, const struct screen_size *size)
{
    char *made = NULL;
    size_t n = 0, rows = 0;
    FILE *to = open_memstream(&made, &n);
    if (!to) return;
    fputs("\033[H", to);
    for (const char *line = text; *line && rows < size->rows; rows++) {
        size_t length = strcspn(line, "\n");
        /* The rest of the line is wiped after it is written: what stays the same never goes away. The last line has no line feed, which
         * would scroll. */
        fprintf(to, "%s%.*s\033[K", rows ? "\r\n" : "", (int)bytes_of(line, length, size->columns), line);
        line += length + (line[length] == '\n');
    }
    fputs("\033[J", to);
    if (!fclose(to)) fwrite(made, 1, n, stdout);
    free(made);
    fflush(stdout);
}

static bool key_read(struct screen_news *news)
{
    unsigned char key = 0;
    ssize_t n = read(STDIN_FILENO, &key, 1);
    news->over = n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
    news->key = n == 1 ? key : 0;
    return true;
}

bool screen_wait(struct screen_news *news, uint64_t *left)
{
    uint64_t from = pv_clock_ms();
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
    *news = (struct screen_news){ .key = 0 };
    bool told = changed;
    int n = told ? 0 : poll(&in, 1, *left > INT32_MAX ? INT32_MAX : (int)*left);
    told |= changed || (n < 0 && errno == EINTR);
    changed = 0;
    uint64_t took = pv_clock_ms() - from;
    *left -= took < *left ? took : *left;
    if (n > 0) return key_read(news);
    return told;
}
