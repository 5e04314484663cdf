/** The page's own files (broker/page), as the build embeds them. They hold nothing of the broker's, so anybody may have them. */
#ifndef PV_PAGE_FILES_H
#define PV_PAGE_FILES_H

#include <stddef.h>
#include <stdint.h>

struct page_file {
    const char *path, *type; /* "/page.css", "text/css; charset=utf-8" */
    const uint8_t *bytes;
    size_t n;
};

extern const struct page_file page_files[];
extern const size_t page_files_n;

#endif
