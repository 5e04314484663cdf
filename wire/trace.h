/** A traceparent, as W3C Trace Context has it: 00-TRACE-PARENT-FLAGS, 2, 32, 16 and 2 hex digits in lower case.
 *  Source: https://www.w3.org/TR/trace-context/ 3.2. It says nothing about who may do what.
 */
#ifndef PV_TRACE_H
#define PV_TRACE_H

#include <stdbool.h>

enum { WIRE_TRACE_TEXT = 56 /* with its NUL */ };

/** Any version but ff; trace and parent are not all zeros. Of later versions what version 00 has, and no more. */
bool wire_trace_valid(const char *text);

#endif
