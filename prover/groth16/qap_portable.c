/* The rows in portable C. */
#define QAP_ROWS qap_rows_portable
#include "qap_rows_body.h"
