/*
 * JSON values to text.
 */
#ifndef SL__APP_JSON_WRITE_H
#define SL__APP_JSON_WRITE_H

#include <jansson.h>

#include "base/arena.h"
#include "base/str.h"

/**
 * Writes @p json without spaces, numbers as short as they can be and still be read back the same.
 *
 * @param ret  receives the text, in the arena
 * @return     0; -EINVAL for NULL and for what is deeper than 512, as a value inside itself is;
 * -ENOMEM
 */
int sl__json_write(struct sl__arena *a, const json_t *json, struct sl__str *ret);

#endif
