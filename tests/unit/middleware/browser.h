/*
 * A browser for tests: asks an app in memory, and keeps the cookies that come back.
 */
#ifndef TESTS_MIDDLEWARE_BROWSER_H
#define TESTS_MIDDLEWARE_BROWSER_H

#include "../app/memory_exchange.h"
#include "clocks.h"

static struct memory m;         /* the last answer */
static char jar[9000];          /* "name=value; name=value" */
static int (*visit)(sl_ctx *c); /* what the handler does */

static int visited(sl_ctx *c)
{
    return visit(c);
}

/* The value of a cookie in a list of them, copied; NULL. Of several the first. */
static inline char *cookie_in(const char *list, const char *name)
{
    size_t len = strlen(name);

    while (*list) {
        size_t end = strcspn(list, ";");

        if (strncmp(list, name, len) == 0 && list[len] == '=')
            return strndup(list + len + 1, end - len - 1);
        list += end;
        list += strspn(list, "; ");
    }
    return NULL;
}

static inline void forget_cookie(const char *name)
{
    char before[sizeof jar];
    size_t len = strlen(name);

    strcpy(before, jar);
    jar[0] = '\0';
    for (char *save, *p = strtok_r(before, ";", &save); p; p = strtok_r(NULL, ";", &save)) {
        p += strspn(p, " ");
        if (strncmp(p, name, len) != 0 || p[len] != '=')
            snprintf(jar + strlen(jar), sizeof jar - strlen(jar), "%s%s", *jar ? "; " : "", p);
    }
}

/* Takes over what the answer sets. */
static inline void keep_cookies(void)
{
    for (const char *at = m.headers; (at = strstr(at, "Set-Cookie: ")); at++) {
        const char *pair = at + 12;
        size_t name_len = strcspn(pair, "="), len = strcspn(pair, ";\n");
        char name[100];

        snprintf(name, sizeof name, "%.*s", (int)name_len, pair);
        forget_cookie(name);
        if (len > name_len + 1)
            snprintf(jar + strlen(jar), sizeof jar - strlen(jar), "%s%.*s", *jar ? "; " : "",
                     (int)len, pair);
    }
}

/* One request; @p head has more header lines, @p body goes behind them. */
static inline void ask(sl_app *app, int (*fn)(sl_ctx *c), const char *method, const char *head,
                       const char *body)
{
    static char text[20000];

    memory_finish(&m);
    visit = fn;
    snprintf(text, sizeof text,
             "%s / HTTP/1.1\r\nHost: example.com\r\n%s%s%s%sContent-Length: %zu\r\n\r\n%s", method,
             *jar ? "Cookie: " : "", jar, *jar ? "\r\n" : "", head, strlen(body), body);
    memory_request(&m, app, text);
    keep_cookies();
}

static inline void get(sl_app *app, int (*fn)(sl_ctx *c))
{
    ask(app, fn, "GET", "", "");
}

static inline bool sets_cookies(void)
{
    return strstr(m.headers, "Set-Cookie") != NULL;
}

#endif
