/*
 * The projects that `shallot new` makes: the files of templates/, put into the program by
 * tools/embed, and the marks in them.
 */
#include "templates.h"

#include <stdlib.h>
#include <string.h>

const struct template templates[] = {
    {"hello", "says hello", "shallot", "/", false},
    {"api", "JSON in, checked, and out", "shallot jansson", "/books", false},
    {"site", "pages and files", "shallot", "/", true},
    {"chat", "messages over all workers to browsers", "shallot", "/", true},
};
const size_t templates_count = sizeof templates / sizeof *templates;

#define TEMPLATE_FILES(X)                                                                          \
    X("common", "Makefile", common_Makefile)                                                       \
    X("common", ".gitignore", common_gitignore)                                                    \
    X("common", "Containerfile", common_Containerfile)                                             \
    X("common", "@NAME@.service", common_NAME_service)                                             \
    X("common", "tests/start.sh", common_tests_start_sh)                                           \
    X("hello", "@NAME@.c", hello_NAME_c)                                                           \
    X("hello", "README.md", hello_README_md)                                                       \
    X("hello", "tests/test.sh", hello_tests_test_sh)                                               \
    X("api", "@NAME@.c", api_NAME_c)                                                               \
    X("api", "README.md", api_README_md)                                                           \
    X("api", "tests/test.sh", api_tests_test_sh)                                                   \
    X("site", "@NAME@.c", site_NAME_c)                                                             \
    X("site", "README.md", site_README_md)                                                         \
    X("site", "tests/test.sh", site_tests_test_sh)                                                 \
    X("site", "public/index.html", site_public_index_html)                                         \
    X("site", "public/about.html", site_public_about_html)                                         \
    X("site", "public/404.html", site_public_404_html)                                             \
    X("site", "public/icon.svg", common_public_icon_svg)                                           \
    X("site", "public/style.css", site_public_style_css)                                           \
    X("site", "public/visits.js", site_public_visits_js)                                           \
    X("chat", "@NAME@.c", chat_NAME_c)                                                             \
    X("chat", "README.md", chat_README_md)                                                         \
    X("chat", "tests/test.sh", chat_tests_test_sh)                                                 \
    X("chat", "public/index.html", chat_public_index_html)                                         \
    X("chat", "public/icon.svg", common_public_icon_svg)                                           \
    X("chat", "public/style.css", chat_public_style_css)                                           \
    X("chat", "public/chat.js", chat_public_chat_js)

/* The icon is declared twice, which is fine. */
#define DECLARE(of, path, symbol) extern const char template_##symbol[];
TEMPLATE_FILES(DECLARE)

#define ENTRY(of, path, symbol) {of, path, template_##symbol},
const struct template_file template_files[] = {TEMPLATE_FILES(ENTRY)};
const size_t template_files_count = sizeof template_files / sizeof *template_files;

static const char files_mark[] = "@files@";

bool template_has(const struct template *t, const struct template_file *f)
{
    return strcmp(f->of, "common") == 0 || strcmp(f->of, t->name) == 0;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* What is to stand in the place of the mark that begins here; NULL: there is none. */
static const char *replacement(const struct template *t, const char *name, const char *at,
                               size_t *ret_len)
{
    const struct {
        const char *mark, *value;
    } marks[] = {
        {"@NAME@", name},
        {"@PACKAGES@", t->packages},
        {"@CHECK@", t->check},
        {files_mark, ""},
    };

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (begins(at, marks[i].mark)) {
            *ret_len = strlen(marks[i].mark);
            return marks[i].value;
        }
    return NULL;
}

/* Writes the filled text to @p out, if there is one. @return its length */
static size_t fill(const struct template *t, const char *name, const char *text, char *out)
{
    size_t len = 0;

    for (bool line_begins = true; *text;) {
        const char *with;
        size_t mark = 1;

        if (line_begins && !t->files && begins(text, files_mark)) {
            text += strcspn(text, "\n");
            text += *text == '\n';
            continue;
        }
        with = *text == '@' ? replacement(t, name, text, &mark) : NULL;
        if (out && with)
            memcpy(out + len, with, strlen(with));
        else if (out)
            out[len] = *text;
        len += with ? strlen(with) : 1;
        line_begins = *text == '\n';
        text += mark;
    }
    return len;
}

char *template_fill(const struct template *t, const char *name, const char *text)
{
    size_t len = fill(t, name, text, NULL);
    char *filled = malloc(len + 1);

    if (!filled)
        return NULL;
    fill(t, name, text, filled);
    filled[len] = 0;
    return filled;
}
