#include "peer_keys.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const struct wire_row *row, const char *key)
{
    for (size_t i = 0; i < row->cells_n; i++)
        if (row->cells[i].type == WIRE_CELL_TEXT && !strcmp(row->cells[i].key, key)) return row->cells[i].text;
    return "";
}

/* Both texts of a row, each with its NUL. */
static size_t row_bytes(const struct wire_row *row)
{
    return strlen(text_of(row, "file")) + strlen(text_of(row, "why")) + 2;
}

void peer_keys_clear(struct peer *peer)
{
    free(peer->unserved);
    peer->unserved = NULL;
    peer->unserved_bytes = 0;
    peer->unserved_files = 0;
}

void peer_keys_take(struct peer *peer, const struct wire_msg *m)
{
    size_t rows = 0, bytes = 0;
    peer_keys_clear(peer);
    peer->unserved_files = m->has.unserved_files ? m->unserved_files : (uint32_t)m->unserved_n;
    while (rows < m->unserved_n && bytes + row_bytes(&m->unserved[rows]) <= PEER_KEYS_BYTES)
        bytes += row_bytes(&m->unserved[rows++]);
    if (!bytes || !(peer->unserved = malloc(bytes))) return;
    char *to = peer->unserved;
    for (size_t i = 0; i < rows; i++) {
        to = stpcpy(to, text_of(&m->unserved[i], "file")) + 1;
        to = stpcpy(to, text_of(&m->unserved[i], "why")) + 1;
    }
    peer->unserved_bytes = (uint32_t)bytes;
}

bool peer_keys_at(const struct peer *peer, size_t i, struct peer_key *key)
{
    const char *at = peer->unserved, *end = at ? at + peer->unserved_bytes : NULL;
    for (; at < end; i--) {
        *key = (struct peer_key){ at, at + strlen(at) + 1 };
        if (!i) return true;
        at = key->why + strlen(key->why) + 1;
    }
    return false;
}
