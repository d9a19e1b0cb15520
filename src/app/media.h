/*
 * Bodies of text: in which characters, and as they are or packed.
 */
#ifndef SL__APP_MEDIA_H
#define SL__APP_MEDIA_H

#include "app/ctx.h"
#include "http/media.h"
#include "shallot/ctx.h"
#include "shallot/request.h"

/** 0; sl_fail() with 415 if the body, of the type @p field, is said to be in other characters than
 * UTF-8, or has a content coding (RFC 9110 §15.5.16); with 400 if the type has bad parameters. */
static inline int sl__media_check_text(sl_ctx *c, const char *field)
{
    const char *coding = sl_header(c, "content-encoding");
    struct sl__media_param charset;
    int r = sl__media_param(field, SL__STR("charset"), &charset);

    if (r < 0)
        return sl_fail(c, 400, "bad parameters in the type of the body: %s", field);
    if (r > 0 && !sl__str_equal_nocase(charset.value, SL__STR("utf-8")) &&
        !sl__str_equal_nocase(charset.value, SL__STR("utf8")))
        return sl_fail(c, 415, "a body in UTF-8 expected, not in %.*s", (int)charset.value.len,
                       charset.value.ptr);
    if (coding && !sl__str_equal_nocase(sl__str_of(coding), SL__STR("identity")))
        return sl_fail(c, 415, "a body without a content coding expected, not in %s", coding);
    return 0;
}

#endif
