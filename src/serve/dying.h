/*
 * What a worker has to arrange for while it is well.
 */
#ifndef SL__SERVE_DYING_H
#define SL__SERVE_DYING_H

#include "serve/serving.h"

/** In a worker, before main(): what crashes in there is reported too. */
void sl__dying_early(void);

/** In a worker, once its server is there: a crash will be reported, and its clients answered. Said
 * if that cannot be. */
void sl__dying_prepare(struct sl__serving *s);

/** For sl__master_config.last_answer. */
size_t sl__last_answer(bool culprit, bool head, char *buf, size_t size);

#endif
