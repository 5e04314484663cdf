/** Answers with the headers that each of them has.
 */
#ifndef PV_HTTP_REPLY_H
#define PV_HTTP_REPLY_H

#include <microhttpd.h>
#include <stddef.h>

/** A text that is copied. NULL: no memory. */
struct MHD_Response *http_reply_text(const char *text, size_t bytes, const char *type);
/** JSON that is copied; NULL is "null". */
struct MHD_Response *http_reply_json(const char *json);
/** {"schema":"provost.error/1","status":status,"text":text}. */
struct MHD_Response *http_reply_error(const char *status, const char *text);
/** A file of the page, with the policy that keeps it to itself. */
struct MHD_Response *http_reply_file(const void *bytes, size_t n, const char *type);
/** The headers of a stream of events. */
void http_reply_stream(struct MHD_Response *r);

/** Queues and lets go of it, with the headers that belong to the code. allow: the methods there are, with 405. */
enum MHD_Result http_reply_send(struct MHD_Connection *c, unsigned code, struct MHD_Response *r, const char *allow);

#endif
