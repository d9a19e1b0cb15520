/*
 * Built without elfutils' headers: addresses are all there is.
 */
#include "cluster/symbolise.h"

void sl__backtrace(const struct sl__crash_copy *c, const struct sl__module *modules, FILE *out)
{
    sl__backtrace_raw(c, modules, out);
}
