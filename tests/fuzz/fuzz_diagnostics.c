/*
 * The output of compilers: whatever it is, strings lie in it or were put together from it, ranges
 * lie in what they mark, and every line that is neither noise nor understood is kept.
 */
#include <string.h>

#include "fuzz.h"
#include "shallot/develop.h"

static size_t check_item(const sl_diagnostic *x)
{
    size_t total = strlen(x->file) + strlen(x->message) + strlen(x->option) + strlen(x->function) +
                   strlen(x->via);

    CHECK(x->severity <= SL_DIAGNOSED_ERROR);
    CHECK(!strchr(x->file, '\n') && !strchr(x->message, '\033') && !strchr(x->option, ']'));
    CHECK(!x->column || x->line);
    for (size_t i = 0; i < x->line_count; i++) {
        const sl_diagnostic_line *l = &x->lines[i];

        CHECK(l->from <= l->to && l->to <= strlen(l->marks));
        CHECK(!strchr(l->text, '\n') && !strchr(l->marks, '\n'));
        total += strlen(l->text) + strlen(l->labels);
    }
    return total;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    sl_diagnostics *d;
    size_t total = 0, errors = 0, warnings = 0;

    CHECK(text);
    memcpy(text, data, size);
    text[size] = '\0';
    d = sl_diagnostics_new(text);
    CHECK(d);
    for (size_t i = 0; i < d->count; i++) {
        total += check_item(&d->items[i]);
        errors += d->items[i].severity == SL_DIAGNOSED_ERROR;
        warnings += d->items[i].severity == SL_DIAGNOSED_WARNING;
    }
    CHECK(errors <= d->errors && warnings <= d->warnings);
    CHECK(strlen(d->rest) <= size + 1);
    CHECK(total < 1 || size > 0);
    sl_diagnostics_free(d);
    free(text);
    return 0;
}
