/** Log lines of the programs: one event a line, `key=value` or JSON. Libraries are silent and never include this.
 *
 *  LOG_INFO("task.proved", "task=%s prover=%s prove_ms=%" PRIu64, id, name, ms);
 *  prints  2026-11-22T18:36:34.123Z INFO task.proved task=… prover=… prove_ms=…
 *
 *  The format is "key=%x key=%x": keys are fixed words; a %s value with spaces, quotes or control bytes is quoted and
 *  escaped, so that a peer's text cannot forge a line. Never a witness, a blinding factor or a secret key.
 */
#ifndef PV_LOG_H
#define PV_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Their words in settings, in the order of the enums, as value_word reads them. */
#define LOG_LEVEL_WORDS "error warn info debug"
#define LOG_FORMAT_WORDS "text json"

/** Sets the least important level that is logged, and the form of the lines. One thread may call it at any time. Under systemd
 *  (JOURNAL_STREAM is set) lines carry the journal's <priority> prefix. */
void log_setup(enum log_level most, enum log_format format);

/** log_setup with the words of settings. False, and nothing changes, when one is none of the words. */
bool log_setup_words(const char *level, const char *format);

/** Writes one line to stderr in a single write, unless whoever reads it stands still (log_sink.h). Thread-safe. A line longer than 4 KiB is cut and marked. */
void log_event(enum log_level level, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** Lines left out since the start. Thread-safe. */
uint64_t log_dropped(void);

/* <syslog.h>, which czmq includes, has two macros of these names; it is not used here. */
#undef LOG_INFO
#undef LOG_DEBUG
#define LOG_ERROR(event, ...) log_event(LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define LOG_WARN(event, ...) log_event(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define LOG_INFO(event, ...) log_event(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define LOG_DEBUG(event, ...) log_event(LOG_LEVEL_DEBUG, event, __VA_ARGS__)

#endif
