/* src/base/str.c and the inline halves of str.h and list.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/list.h"
#include "base/str.h"

static void test_equal(void **state)
{
    static const struct {
        struct sl__str a, b;
        bool equal, nocase;
    } table[] = {
        {{NULL, 0}, {"", 0}, true, true},
        {{"abc", 3}, {"abc", 3}, true, true},
        {{"abc", 3}, {"abd", 3}, false, false},
        {{"abc", 3}, {"ab", 2}, false, false},
        {{"aBc", 3}, {"AbC", 3}, false, true},
        {{"a\0B", 3}, {"a\0b", 3}, false, true},
        {{"@", 1}, {"`", 1}, false, false}, /* the neighbours of A and Z, and what lies a bit away
                                             */
        {{"[", 1}, {"{", 1}, false, false},
        {{"\xc4", 1}, {"\xe4", 1}, false, false}, /* ASCII only */
        {{"1", 1}, {"\x11", 1}, false, false},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_int_equal(sl__str_equal(table[i].a, table[i].b), table[i].equal);
        assert_int_equal(sl__str_equal_nocase(table[i].a, table[i].b), table[i].nocase);
        assert_int_equal(sl__str_equal_nocase(table[i].b, table[i].a), table[i].nocase);
    }
    assert_int_equal(SL__STR("a\0b").len, 3);
    assert_int_equal(sl__str_of("abc").len, 3);
}

struct item {
    int number;
    struct sl__link link;
};

static void test_list(void **state)
{
    struct item items[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    struct sl__link head, *link;

    sl__list_init(&head);
    assert_true(sl__list_empty(&head));
    assert_null(sl__list_take(&head));
    sl__list_remove(&items[0].link); /* in no list: nothing happens */
    for (int i = 0; i < 3; i++)
        sl__list_append(&head, &items[i].link);
    sl__list_insert(&items[0].link, &items[3].link); /* 0 3 1 2 */
    assert_true(sl__link_used(&items[3].link));
    sl__list_remove(&items[1].link);
    assert_false(sl__link_used(&items[1].link));
    sl__list_remove(&items[1].link);
    for (int i = 0; i < 3; i++) {
        static const int expected[] = {0, 3, 2};

        link = sl__list_take(&head);
        assert_non_null(link);
        assert_int_equal(SL__OWNER(link, struct item, link)->number, expected[i]);
    }
    assert_true(sl__list_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
