/** YAML files through libcyaml, with its complaints as one sentence that names the file and the line. */
#ifndef PV_YAML_FILE_H
#define PV_YAML_FILE_H

#include "status.h"

#include <cyaml/cyaml.h>
#include <stddef.h>

/** Loads path by schema; *data is freed with yaml_file_free and the same schema. *data stays NULL for an empty file, which is
 *  no error to libcyaml.
 *  PV_IO: the file cannot be read. PV_BAD_CONFIG: it is no such YAML. Both with a sentence in why:
 *      /etc/provost/broker.yaml: unknown key "heartbeets" (line: 3) */
pv_status yaml_file_load(void **data, const char *path, const cyaml_schema_value_t *schema, char *why,
                         size_t why_bytes);
void yaml_file_free(void *data, const cyaml_schema_value_t *schema);

/** The first line of the file, from line `from` on, that begins with key (behind spaces, "- " and quotes) and holds value
 *  behind it; value may be "". 0: none. For sentences about what libcyaml has already taken as text. */
unsigned long yaml_file_line(const char *path, unsigned long from, const char *key, const char *value);

#endif
