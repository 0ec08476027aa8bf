/* SPDX-License-Identifier: MIT
 *
 * JSON text written straight into a buffer: strings are escaped, nothing else is looked at.
 */
#ifndef PROTOCOL_WRITE_H
#define PROTOCOL_WRITE_H

#include <stdint.h>

#include "base/buf.h"

/* A JSON string with its quotes. The text must be UTF-8. */
void write_string(struct buf *b, struct span text);
/* `"name":` with a comma before it unless the last byte is '{' or '['. The name needs no escaping. */
void write_name(struct buf *b, const char *name);
void write_member_string(struct buf *b, const char *name, struct span text);
/* Nothing if the text is empty. */
void write_member_optional(struct buf *b, const char *name, struct span text);
void write_member_raw(struct buf *b, const char *name, struct span json);
void write_member_u64(struct buf *b, const char *name, uint64_t value);
void write_member_bool(struct buf *b, const char *name, bool value);

#endif
