/*
 * What stands in for json.c when Shallot is built without Jansson: a json_t as a value is refused.
 */
#include "inside.h"

char *slpg_json_text(const void *json)
{
    return NULL;
}
