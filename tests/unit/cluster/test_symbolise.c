/*
 * The helper's parts that need no crash: modules, the copied stack, frames without names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cluster/symbolise.h"

static void free_modules(struct sl__module *m)
{
    while (m) {
        struct sl__module *next = m->next;

        sl__free(m);
        m = next;
    }
}

static void test_modules(void **state)
{
    char maps[4096];
    struct stat self;
    struct sl__module *list;
    const struct sl__module *m;

    assert_int_equal(stat("/proc/self/exe", &self), 0);
    snprintf(maps, sizeof maps,
             "10000-12000 r--p 00000000 %02x:%02x %lu    /moved/away/app (deleted)\n"
             "12000-15000 r-xp 00002000 %02x:%02x %lu    /moved/away/app (deleted)\n"
             "15000-16000 rw-p 00005000 %02x:%02x %lu    /moved/away/app (deleted)\n"
             "20000-21000 r-xp 00000000 00:00 0\n"
             "nonsense with /a slash\n"
             "30000-32000 r--p 00000000 fe:01 4242    /bin/sh\n"
             "40000-42000 r-xp 00001000 fe:01 4243    /no such file.so\n",
             major(self.st_dev), minor(self.st_dev), self.st_ino, major(self.st_dev),
             minor(self.st_dev), self.st_ino, major(self.st_dev), minor(self.st_dev), self.st_ino);
    list = sl__modules_read(maps);
    m = sl__module_at(list, 0x12345);
    assert_non_null(m);
    assert_string_equal(m->path, "/proc/self/exe"); /* whatever lies at the path now */
    assert_true(m->from == 0x10000 && m->to == 0x16000 && m->base == 0x10000);
    m = sl__module_at(list, 0x31000);
    assert_non_null(m);
    assert_null(m->path); /* another inode: not to be read */
    assert_string_equal(m->name, "sh");
    m = sl__module_at(list, 0x40000);
    assert_true(m && !m->path && m->base == 0x3f000);
    assert_null(sl__module_at(list, 0x9000));
    assert_null(sl__module_at(list, 0x42000));
    free_modules(list);
}

static void test_stack_words(void **state)
{
    uint64_t words[4] = {1, 2, 3, 4}, word = 0;
    struct sl__crash_copy c = {.record = {.stack_at = 0x1000, .stack_len = 32},
                               .stack = (char *)words};

    assert_true(sl__stack_word(&c, 0x1008, &word) && word == 2);
    assert_true(sl__stack_word(&c, 0x1018, &word) && word == 4);
    assert_false(sl__stack_word(&c, 0x1019, &word));
    assert_false(sl__stack_word(&c, 0x0ff8, &word));
    assert_false(sl__stack_word(&c, UINT64_MAX, &word));
}

/* Three frames by frame pointers, the last of which points nowhere. */
static void test_raw(void **state)
{
    uint64_t words[8] = {0x1020, 0x10100, 0, 0, 0x99, 0x30200, 0, 0};
    struct sl__crash_copy c = {
        .record = {.stack_at = 0x1000, .stack_len = sizeof words, .register_count = 17},
        .stack = (char *)words};
    char maps[] = "10000-12000 r-xp 00000000 fe:01 4242 /x/app\n"
                  "30000-32000 r-xp 00000000 fe:01 4243 /x/lib.so\n";
    struct sl__module *list = sl__modules_read(maps);
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    c.record.registers[16] = 0x10050;
    c.record.registers[6] = 0x1000;
    sl__backtrace_raw(&c, list, out);
    fclose(out);
    assert_string_equal(text, "  #0  0x000000010050 app+0x50\n"
                              "  #1  0x000000010100 app+0x100\n"
                              "  #2  0x000000030200 lib.so+0x200\n");
    free(text);
    free_modules(list);
}

/* No chain: whatever may be a return address is told of, and nothing that is data. */
static void test_raw_without_frame_pointers(void **state)
{
    uint64_t words[6] = {0x7, 0x12345, 0x10100, 0x99, 0x13000, 0x10200};
    struct sl__crash_copy c = {
        .record = {.stack_at = 0x1000, .stack_len = sizeof words, .register_count = 17},
        .stack = (char *)words};
    char maps[] = "10000-12000 r--p 00000000 fe:01 4242 /x/app\n"
                  "12000-14000 r-xp 00002000 fe:01 4242 /x/app\n";
    struct sl__module *list = sl__modules_read(maps);
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    c.record.registers[16] = 0x12050;
    c.record.registers[7] = 0x1000;
    sl__backtrace_raw(&c, list, out);
    fclose(out);
    assert_string_equal(text, "  #0  0x000000012050 app+0x2050\n"
                              "   ?  0x000000012345 app+0x2345\n"
                              "   ?  0x000000013000 app+0x3000\n");
    free(text);
    free_modules(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modules),
        cmocka_unit_test(test_stack_words),
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_raw_without_frame_pointers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
