/* Conditional requests (RFC 9110 §13): the table of what wins over what, lists of entity tags, and
 * what cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/time.h"
#include "http/condition.h"

#define NOW INT64_C(1000000000) /* Sun, 09 Sep 2001 01:46:40 GMT */
#define BEFORE "Sat, 08 Sep 2001 01:46:39 GMT"
#define SAME "Sat, 08 Sep 2001 01:46:40 GMT"
#define AFTER "Sat, 08 Sep 2001 01:46:41 GMT"
#define GO SL__VERDICT_GO
#define FRESH SL__VERDICT_FRESH
#define UNMET SL__VERDICT_UNMET

static struct sl__str text(const char *s)
{
    return s ? sl__str_of(s) : (struct sl__str){NULL, 0};
}

static const struct sl__validators strong = {{"\"a\"", 3}, true, NOW - 86400};
static const struct sl__validators weak = {{"W/\"a\"", 5}, true, NOW - 86400};
static const struct sl__validators bare = {{NULL, 0}, false, 0};

static void verdicts(void **state)
{
    static const struct {
        const struct sl__validators *v;
        const char *match, *unmodified, *none_match, *modified;
        enum sl__verdict reading, writing;
    } table[] = {
        {&strong, NULL, NULL, NULL, NULL, GO, GO},
        /* If-Match: strong comparison */
        {&strong, "\"a\"", NULL, NULL, NULL, GO, GO},
        {&strong, "\"b\"", NULL, NULL, NULL, UNMET, UNMET},
        {&strong, "W/\"a\"", NULL, NULL, NULL, UNMET, UNMET},
        {&weak, "W/\"a\"", NULL, NULL, NULL, UNMET, UNMET},
        {&weak, "\"a\"", NULL, NULL, NULL, UNMET, UNMET},
        {&strong, "*", NULL, NULL, NULL, GO, GO},
        {&bare, " *\t", NULL, NULL, NULL, GO, GO},
        {&bare, "\"a\"", NULL, NULL, NULL, UNMET, UNMET},
        {&strong, "\"x\", \"a\"", NULL, NULL, NULL, GO, GO},
        {&strong, "a", NULL, NULL, NULL, UNMET, UNMET},
        {&strong, "", NULL, NULL, NULL, UNMET, UNMET},
        /* If-Unmodified-Since, only without If-Match */
        {&strong, NULL, BEFORE, NULL, NULL, UNMET, UNMET},
        {&strong, NULL, SAME, NULL, NULL, GO, GO},
        {&strong, NULL, AFTER, NULL, NULL, GO, GO},
        {&strong, "\"a\"", BEFORE, NULL, NULL, GO, GO},
        {&strong, NULL, "yesterday", NULL, NULL, GO, GO},
        {&bare, NULL, BEFORE, NULL, NULL, GO, GO},
        /* If-None-Match: weak comparison */
        {&strong, NULL, NULL, "\"a\"", NULL, FRESH, UNMET},
        {&strong, NULL, NULL, "W/\"a\"", NULL, FRESH, UNMET},
        {&weak, NULL, NULL, "\"a\"", NULL, FRESH, UNMET},
        {&weak, NULL, NULL, "W/\"a\"", NULL, FRESH, UNMET},
        {&strong, NULL, NULL, "\"b\"", NULL, GO, GO},
        {&strong, NULL, NULL, "*", NULL, FRESH, UNMET},
        {&bare, NULL, NULL, "*", NULL, FRESH, UNMET},
        {&bare, NULL, NULL, "\"a\"", NULL, GO, GO},
        {&strong, NULL, NULL, "\"x\" , ,\t\"y\",\"a\"", NULL, FRESH, UNMET},
        {&strong, NULL, NULL, ", \"a\" ,", NULL, FRESH, UNMET},
        {&strong, NULL, NULL, "\"x,\"a\"", NULL, GO, GO},
        {&strong, NULL, NULL, "\"a\"\"b\"", NULL, GO, GO},
        {&strong, NULL, NULL, "x, \"a\"", NULL, GO, GO},
        {&strong, NULL, NULL, "\"a", NULL, GO, GO},
        {&strong, NULL, NULL, "\"", NULL, GO, GO},
        {&strong, NULL, NULL, "W/", NULL, GO, GO},
        {&strong, NULL, NULL, "w/\"a\"", NULL, GO, GO},
        {&strong, NULL, NULL, "\"A\"", NULL, GO, GO},
        {&strong, NULL, NULL, "*, \"a\"", NULL, GO, GO},
        {&strong, NULL, NULL, "", NULL, GO, GO},
        /* If-Modified-Since, only without If-None-Match and for reading */
        {&strong, NULL, NULL, NULL, BEFORE, GO, GO},
        {&strong, NULL, NULL, NULL, SAME, FRESH, GO},
        {&strong, NULL, NULL, NULL, AFTER, FRESH, GO},
        {&strong, NULL, NULL, "\"b\"", AFTER, GO, GO},
        {&strong, NULL, NULL, "\"a\"", BEFORE, FRESH, UNMET},
        {&strong, NULL, NULL, NULL, "Sat Sep  8 01:46:40 2001", FRESH, GO},
        {&strong, NULL, NULL, NULL, "Saturday, 08-Sep-01 01:46:40 GMT", FRESH, GO},
        {&strong, NULL, NULL, NULL, SAME ", " SAME, GO, GO},
        {&strong, NULL, NULL, NULL, "0", GO, GO},
        {&bare, NULL, NULL, NULL, AFTER, GO, GO},
        /* the first two come first */
        {&strong, "\"b\"", NULL, "\"a\"", NULL, UNMET, UNMET},
        {&strong, "\"a\"", NULL, "\"a\"", NULL, FRESH, UNMET},
        {&strong, NULL, BEFORE, "\"a\"", NULL, UNMET, UNMET},
        {&strong, NULL, AFTER, NULL, AFTER, FRESH, GO},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct sl__conditions c = {.match = text(table[i].match),
                                         .unmodified_since = text(table[i].unmodified),
                                         .none_match = text(table[i].none_match),
                                         .modified_since = text(table[i].modified)};
        enum sl__verdict reading = sl__condition_judge(&c, table[i].v, true, NOW);
        enum sl__verdict writing = sl__condition_judge(&c, table[i].v, false, NOW);

        if (reading != table[i].reading || writing != table[i].writing)
            print_error("row %zu\n", i);
        assert_int_equal(reading, table[i].reading);
        assert_int_equal(writing, table[i].writing);
    }
}

static void if_range(void **state)
{
    static const struct sl__validators just_now = {{"\"a\"", 3}, true, NOW};
    static const struct {
        const struct sl__validators *v;
        const char *value;
        bool same;
    } table[] = {
        {&strong, "\"a\"", true},
        {&strong, "\"b\"", false},
        {&strong, "W/\"a\"", false},
        {&weak, "W/\"a\"", false},
        {&weak, "\"a\"", false},
        {&strong, "\"a\", \"b\"", false},
        {&strong, "*", false},
        {&strong, "", false},
        {&strong, SAME, true},
        {&weak, SAME, true},
        {&strong, BEFORE, false},
        {&strong, AFTER, false},
        {&bare, SAME, false},
        {&bare, "\"a\"", false},
        {&just_now, "Sun, 09 Sep 2001 01:46:40 GMT",
         false}, /* it may change again in that second */
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        bool same = sl__condition_if_range(sl__str_of(table[i].value), table[i].v, NOW);

        if (same != table[i].same)
            print_error("row %zu\n", i);
        assert_int_equal(same, table[i].same);
    }
}

/* No prefix of a list is read beyond its end, and cutting never makes more match. */
static void cut_everywhere(void **state)
{
    static const char list[] = "\"x\", W/\"a\" ,, \"y\"";

    for (size_t len = 0; len < sizeof list; len++) {
        char *piece = malloc(len + 1);
        struct sl__conditions c = {.none_match = {piece, len}};

        memcpy(piece, list, len);
        assert_int_equal(sl__condition_judge(&c, &strong, true, NOW), len < 10 ? GO : FRESH);
        free(piece);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),
        cmocka_unit_test(if_range),
        cmocka_unit_test(cut_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
