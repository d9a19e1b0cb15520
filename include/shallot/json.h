/*
 * JSON responses with Jansson. Compile with: pkg-config --cflags --libs shallot jansson
 */
#ifndef SHALLOT_JSON_H
#define SHALLOT_JSON_H

#include <jansson.h>

#include <shallot/common.h>

SL_BEGIN_DECLS

/**
 * Body from a JSON value, serialised at once as application/json.
 *
 * @param json  the reference is taken, on failure too; NULL (json_pack() failed) is a failure
 * @return      0; -EINVAL for NULL or a value that cannot be serialised; -ENOMEM
 */
SL_API int sl_json(sl_ctx *c, json_t *json);

SL_END_DECLS

#endif
