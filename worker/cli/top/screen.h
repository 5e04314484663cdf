/** A terminal that is drawn in place: each frame over the last one, in one write, so that nothing flickers. Keys come as they are typed.
 *  The terminal is as it was after screen_end, and however the process ends but by KILL.
 */
#ifndef PV_CLI_SCREEN_H
#define PV_CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct screen_size {
    size_t rows, columns;
};

/** False: stdin or stdout is no terminal, and nothing was changed. */
bool screen_begin(void);
void screen_end(void);
/** Now; 24 and 80 where the terminal does not say. */
struct screen_size screen_size(void);

/** Draws the text, lines with a line feed between them, in place of what was there. What does not fit is left out. */
void screen_draw(const char *text, const struct screen_size *size);

struct screen_news {
    int key;   /* 0: the terminal has another size */
    bool over; /* stdin has ended */
};
/** Waits for a key or another size, at most *left ms, which become what is left of them. False: the time is up. */
bool screen_wait(struct screen_news *news, uint64_t *left);

#endif
