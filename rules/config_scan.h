/* Filling a configuration's text (config_source.h). Internal to rules/; each returns false when out
 * of memory. */
#ifndef RULES_CONFIG_SCAN_H
#define RULES_CONFIG_SCAN_H

#include "config_source.h"

bool config_source_append(struct config_source *source, const char *bytes, size_t length);

/* End the current line, if there is one; what follows comes from this line of this file. */
bool config_source_begin_line(struct config_source *source, size_t file, unsigned line);

/* A string or integer begins at the current line. */
bool config_source_add_literal(struct config_source *source, bool is_string, bool too_large);

/* A token of this file; nothing where tokens are not kept. */
bool config_source_add_token(struct config_source *source, struct config_token token);

/* The file becomes files[file_count - 1]. `text` is copied where bytes are kept. */
bool config_source_add_file(struct config_source *source, const char *path, const char *text,
                            size_t length);

#endif
