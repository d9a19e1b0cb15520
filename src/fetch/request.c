/*
 * The request: what the caller asked for, checked, in libcurl's terms.
 *
 * Nothing that a caller passes in as a value can become a line of its own, and nothing of the
 * framing can be set from outside: whoever puts a user's words into a header cannot be made to send
 * two requests.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "transfer.h"

static bool is_token(const char *text)
{
    for (const char *p = text; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
              strchr("!#$%&'*+-.^_`|~", *p)))
            return false;
    return *text != '\0';
}

static bool is_value(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if ((*p < ' ' && *p != '\t') || *p == 127)
            return false;
    return true;
}

static bool is_target(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p <= ' ' || *p == 127)
            return false;
    return *text != '\0';
}

/* What libcurl and we write ourselves. */
static bool is_framing(const char *name)
{
    static const char *const names[] = {
        "Connection", "Content-Length",    "Expect",  "Keep-Alive", "Proxy-Connection", "TE",
        "Trailer",    "Transfer-Encoding", "Upgrade",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

static int add_line(struct fetch__transfer *t, const char *line)
{
    struct curl_slist *list = line ? curl_slist_append(t->lines, line) : NULL;

    if (!list)
        return -ENOMEM;
    t->lines = list;
    return 0;
}

/* In libcurl's words: "name: value", "name;" for an empty one, "name:" for: not this one. */
static char *make_line(const sl_fetch_header *h)
{
    size_t name = strlen(h->name), value = h->value ? strlen(h->value) : 0;
    bool empty = h->value && h->value[strspn(h->value, " \t")] == '\0';
    char *line = malloc(name + value + 3);

    if (!line)
        return NULL;
    memcpy(line, h->name, name);
    line[name] = empty ? ';' : ':';
    line[name + 1] = '\0';
    if (!h->value || empty)
        return line;
    line[name + 1] = ' ';
    memcpy(line + name + 2, h->value, value + 1);
    return line;
}

static int add_header(struct fetch__transfer *t, const sl_fetch_header *h)
{
    char *line;
    int r;

    if (!is_token(h->name) || (h->value && !is_value(h->value)))
        return fetch__say(t, -EINVAL, "a header's name or value is not allowed");
    if (h->value && is_framing(h->name))
        return fetch__say(t, -EINVAL, "%s is not to be set by hand", h->name);
    line = make_line(h);
    r = add_line(t, line);
    free(line);
    return r;
}

static bool has(const sl_fetch_header *list, const char *name)
{
    for (; list && list->name; list++)
        if (strcasecmp(list->name, name) == 0)
            return true;
    return false;
}

static int add_headers(struct fetch__transfer *t, const sl_fetch_options *o)
{
    int r = 0;

    for (const sl_fetch_header *h = o->headers; r == 0 && h && h->name; h++)
        r = add_header(t, h);
    if (r == 0 && !has(o->headers, "User-Agent"))
        r = add_line(t, "User-Agent: shallot/" SL_VERSION);
    if (r == 0 && !has(o->headers, "Content-Type")) /* else libcurl takes a body for a form */
        r = add_line(t, "Content-Type:");
    if (r == 0)
        r = add_line(t, "Expect:"); /* a second's wait for those who do not know it */
    if (r == 0 && curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->lines) != CURLE_OK)
        r = -ENOMEM;
    return r;
}

static char *put(char *at, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) /* it goes to logs */
        *at++ = (unsigned char)text[i] < ' ' || text[i] == 127 ? '?' : text[i];
    return at;
}

/* Method and URL without what is secret or long: user, query, fragment. */
static int make_label(struct fetch__transfer *t, const char *method, const char *url,
                      const char *target)
{
    const char *host = strstr(url, "://"), *path, *at;
    size_t scheme = host ? (size_t)(host + 3 - url) : 0, authority, len;
    char *to;

    host = url + scheme;
    authority = strcspn(host, "/?#");
    path = target ? target : host + authority;
    while ((at = memchr(host, '@', authority))) {
        authority -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    len = strcspn(path, "?#");
    to = t->label = malloc(strlen(method) + 1 + scheme + authority + len + 1);
    if (!to)
        return -ENOMEM;
    to = put(to, method, strlen(method));
    *to++ = ' ';
    to = put(to, url, scheme);
    to = put(to, host, authority);
    to = put(to, path, len);
    *to = '\0';
    return 0;
}

/* libcurl would guess. */
static bool is_http(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

static bool is_idempotent(const char *method)
{
    static const char *const names[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(method, names[i]) == 0)
            return true;
    return false;
}

#define SET(option, value)                                                                         \
    if (r == CURLE_OK)                                                                             \
    r = curl_easy_setopt(t->easy, option, value)

/* With its own words for GET, HEAD and POST libcurl follows redirects as it should; every other is
 * a name to it. */
static CURLcode set_method(struct fetch__transfer *t, const char *method, const sl_fetch_options *o)
{
    size_t len = o->body && o->body_len == 0 ? strlen(o->body) : o->body_len;
    bool plain = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    CURLcode r = CURLE_OK;

    if (o->source) {
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_READFUNCTION, fetch__give_upload);
        SET(CURLOPT_READDATA, t);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->source_left);
    } else if (o->body) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
        SET(CURLOPT_COPYPOSTFIELDS, (const char *)o->body);
    }
    if (strcmp(method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    } else if (!(plain && !o->body && !o->source) && !(strcmp(method, "POST") == 0 && o->body)) {
        SET(CURLOPT_CUSTOMREQUEST, method);
    }
    t->follow = (plain || strcmp(method, "POST") == 0) && !o->source ? o->follow : 0;
    SET(CURLOPT_FOLLOWLOCATION, t->follow > 0 ? 1L : 0L);
    SET(CURLOPT_MAXREDIRS, (long)t->follow);
    return r;
}

static CURLcode set_rest(struct fetch__transfer *t, const char *url, const sl_fetch_options *o)
{
    CURLcode r = CURLE_OK;

    SET(CURLOPT_URL, url);
    SET(CURLOPT_CONNECTTIMEOUT_MS, o->connect_ms ? (long)o->connect_ms : 10000L);
    if (o->target)
        SET(CURLOPT_REQUEST_TARGET, o->target);
    if (o->compressed)
        SET(CURLOPT_ACCEPT_ENCODING, "");
    if (o->ca_file)
        SET(CURLOPT_CAINFO, o->ca_file);
    if (o->unix_path)
        SET(CURLOPT_UNIX_SOCKET_PATH, o->unix_path);
    return r;
}

static int check(struct fetch__transfer *t, const char *method, const sl_fetch_options *o)
{
    if (!is_token(method) || strcmp(method, "CONNECT") == 0)
        return fetch__say(t, -EINVAL, "a method that is not allowed");
    if (o->target && !is_target(o->target))
        return fetch__say(t, -EINVAL, "a request target that is not allowed");
    if ((o->body && o->source) || o->source_len < 0)
        return fetch__say(t, -EINVAL, "its body is either bytes or a source");
    if ((o->body || o->source) && strcmp(method, "HEAD") == 0)
        return fetch__say(t, -EINVAL, "HEAD has no body");
    return 0;
}

int fetch__request_prepare(struct fetch__transfer *t, const char *url, const sl_fetch_options *o)
{
    const char *method = o->method ? o->method : o->body || o->source ? "POST" : "GET";
    CURLcode code;
    int r = check(t, method, o);

    if (r == 0)
        r = make_label(t, method, url ? url : "", o->target);
    if (r == 0 && !is_http(url ? url : ""))
        r = fetch__say(t, -EINVAL, "only what begins with http:// or https:// is fetched");
    if (r < 0)
        return r;
    t->idempotent = is_idempotent(method);
    t->source = o->source;
    t->source_self = o->source_self;
    t->source_left = o->source_len > 0 ? o->source_len : -1;
    r = add_headers(t, o);
    if (r < 0)
        return r;
    code = set_method(t, method, o);
    if (code == CURLE_OK)
        code = set_rest(t, url, o);
    if (code == CURLE_OUT_OF_MEMORY)
        return -ENOMEM;
    return code == CURLE_OK ? 0 : fetch__say(t, -EINVAL, "%s", curl_easy_strerror(code));
}
