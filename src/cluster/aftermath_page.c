/*
 * Development: who crashed gets to see where.
 *
 * The culprit's connection waits in aftermath_orphans.c; a helper has found the names, or has not.
 * What the page looks like is no business of this floor: it is made by a hook of the
 * configuration, as the short answers are. New code that died before it was ready has nobody who
 * waits; its report is announced to the pages that are open.
 */
#include "cluster/aftermath.h"

#include "cluster/announce.h"
#include "cluster/master_state.h"

void sl__crash_is_named(struct sl__master *m, uint32_t worker, bool candidate, const char *report,
                        const char *head)
{
    size_t len = 0;
    char *page = NULL;

    if (m->config.crash_page && *head)
        page = m->config.crash_page(m->config.hooks.self, head, report, &len);
    sl__orphans_answer(m, worker, page, len);
    if (candidate)
        sl__announce("kept", 0, 0, NULL, report);
}
