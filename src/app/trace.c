/*
 * Where an error was made.
 *
 * Only development comes here: walking the stack costs some thousand instructions, and allocates on
 * the first call. Addresses are taken when sl_fail() is called and named when somebody wants to
 * read them. Static functions have no name in a program's dynamic symbols; module and offset, which
 * addr2line understands, are always there.
 */
#include "app/trace.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define SKIP 2 /* this file's function and sl_fail() */
#define LINE 256

struct sl__trace *sl__trace_take(struct sl__arena *a)
{
    struct sl__trace *t = sl__arena_alloc(a, sizeof *t);

    if (!t)
        return NULL;
    memset(t, 0, sizeof *t);
    t->count = backtrace(t->at, SL__TRACE_FRAMES);
    return t;
}

static void name_frame(void *at, char line[LINE])
{
    const char *module, *slash;
    Dl_info info;

    if (!dladdr(at, &info) || !info.dli_fname) {
        snprintf(line, LINE, "at %p", at);
        return;
    }
    slash = strrchr(info.dli_fname, '/');
    module = slash ? slash + 1 : info.dli_fname;
    if (info.dli_sname)
        snprintf(line, LINE, "at %s (%s+0x%zx)", info.dli_sname, module,
                 (size_t)((char *)at - (char *)info.dli_fbase));
    else
        snprintf(line, LINE, "at %s+0x%zx", module, (size_t)((char *)at - (char *)info.dli_fbase));
}

const char *sl__trace_text(const struct sl__trace *t, struct sl__arena *a)
{
    char *text = sl__arena_alloc(a, SL__TRACE_FRAMES * (LINE + 6) + 1), *end = text;
    char line[LINE];

    if (!text)
        return "";
    *text = '\0';
    for (int i = SKIP; i < t->count; i++) {
        name_frame(t->at[i], line);
        end += sprintf(end, "    %s\n", line);
    }
    return text;
}

void sl__trace_log(const struct sl__trace *t)
{
    char line[LINE];

    for (int i = SKIP; i < t->count; i++) {
        name_frame(t->at[i], line);
        sl__log(SL__ERROR, "    %s", line);
    }
}
