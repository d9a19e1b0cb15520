/*
 * Files of this folder that tools/embed has put into the library (meson.build), and how they are
 * answered.
 */
#ifndef SL__DEVELOP_ASSETS_H
#define SL__DEVELOP_ASSETS_H

#include <stddef.h>

#include "shallot/common.h"

extern const char sl__asset_live_js[];
extern const size_t sl__asset_live_js_len;
extern const char sl__asset_page_css[];
extern const size_t sl__asset_page_css_len;

/** A file whose text is in the program: never old, for the next program may bring another. What
 * sl_bytes() returns. */
int sl__asset_answer(sl_ctx *c, const char *type, const char *text, size_t len);

#endif
