/*
 * HTTP Basic authentication (RFC 7617).
 *
 * The client says name and password with every request, in base64. They are compared with every
 * user there is, each to the end, so that the time it takes says neither how much of a password was
 * right nor whether there is such a user. Whoever gets past is known to the layers below by
 * sl_basic_user(); for others there is one answer, whatever was wrong.
 */
#include <shallot/ctx.h>
#include <shallot/middleware.h>
#include <shallot/request.h>
#include <shallot/response.h>

#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "keep.h"

#define NAME "sl_basic_auth"
#define KEY "shallot.basic_user"

struct basic {
    struct keeper keeper;
    char *challenge;
    const sl_user *users; /* ends with one without a name */
    bool (*check)(sl_ctx *c, const char *name, const char *password, void *self);
    void *self;
};

/* Value of a base64 digit (RFC 4648 §4), -1 for what is none. */
static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes in place of @p out, which has room for three quarters of it. Padding may be missing, but
 * nothing else may stand there, and no bit may be left over. The length, or -EINVAL. */
static ssize_t decode(const char *text, size_t len, unsigned char *out)
{
    unsigned bits = 0, have = 0;
    size_t count = 0, whole = len;

    while (len > 0 && len + 2 > whole && text[len - 1] == '=')
        len--;
    if (len % 4 == 1 || (whole > len && whole % 4 != 0))
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        int value = digit(text[i]);

        if (value < 0)
            return -EINVAL;
        bits = bits << 6 | (unsigned)value;
        have += 6;
        if (have < 8)
            continue;
        have -= 8;
        out[count++] = (unsigned char)(bits >> have);
        bits &= (1u << have) - 1;
    }
    return bits == 0 ? (ssize_t)count : -EINVAL;
}

/* "Basic" and the credentials, into "name\0password\0" in the request's memory. 1; 0 for what is
 * none; -ENOMEM. */
static int credentials(sl_ctx *c, char **ret_name, char **ret_password)
{
    const char *field = sl_header(c, "authorization");
    unsigned char *text;
    char *colon;
    ssize_t len;

    if (!field || strncasecmp(field, "basic ", 6) != 0)
        return 0;
    field += 6 + strspn(field + 6, " ");
    text = sl_alloc(c, strlen(field) + 1);
    if (!text)
        return -ENOMEM;
    len = decode(field, strlen(field), text);
    if (len < 0)
        return 0;
    for (ssize_t i = 0; i < len; i++)
        if (text[i] < 0x20 || text[i] == 0x7f) /* no control characters (§2) */
            return 0;
    text[len] = '\0';
    colon = strchr((char *)text, ':');
    if (!colon)
        return 0;
    *colon = '\0';
    *ret_name = (char *)text;
    *ret_password = colon + 1;
    return 1;
}

/* 0 if they are equal. The time depends on the length of what the client gave alone. */
static unsigned differ(const char *given, const char *secret)
{
    size_t len = strlen(given), size = strlen(secret) + 1;
    volatile unsigned difference = len != size - 1;

    for (size_t i = 0; i < len; i++)
        difference = difference | (unsigned char)(given[i] ^ secret[i % size]);
    return difference;
}

static bool is_user(const struct basic *b, const char *name, const char *password)
{
    volatile bool found = false;

    for (const sl_user *u = b->users; u->name; u++) {
        unsigned difference = differ(name, u->name) | differ(password, u->password);

        found = found | (difference == 0);
    }
    return found;
}

static int run(sl_ctx *c, void *self)
{
    const struct basic *b = self;
    char *name, *password;
    int r = credentials(c, &name, &password);

    if (r < 0)
        return r;
    if (r > 0 &&
        (is_user(b, name, password) || (b->check && b->check(c, name, password, b->self)))) {
        r = sl_set_state(c, KEY, name, NULL);
        return r < 0 ? r : sl_next(c);
    }
    r = sl_keep_header(c, "WWW-Authenticate", b->challenge);
    return r < 0 ? r : sl_fail(c, 401, "a name and a password are needed");
}

const char *sl_basic_user(const sl_ctx *c)
{
    return sl_state(c, KEY);
}

/* Basic realm="...", charset="UTF-8", with what has to be escaped in quotes escaped. */
static char *challenge(struct keeper *k, const char *realm)
{
    static const char before[] = "Basic realm=\"", behind[] = "\", charset=\"UTF-8\"";
    char *text = keep_alloc(k, 2 * strlen(realm) + sizeof before + sizeof behind), *at;

    if (!text)
        return NULL;
    at = text + sprintf(text, "%s", before);
    for (; *realm; realm++) {
        if (*realm == '"' || *realm == '\\')
            *at++ = '\\';
        *at++ = *realm;
    }
    strcpy(at, behind);
    return text;
}

static const sl_user *keep_users(struct keeper *k, const sl_user *users)
{
    size_t count = 0;
    sl_user *copy;

    while (users && users[count].name)
        count++;
    copy = keep_alloc(k, (count + 1) * sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        copy[i].name = keep_text(k, users[i].name);
        copy[i].password = keep_text(k, users[i].password);
    }
    return copy;
}

static const char *mistake(const sl_basic_auth_options *o)
{
    if (!o->check && (!o->users || !o->users[0].name))
        return "who may come in? Give .users or .check";
    for (const sl_user *u = o->users; u && u->name; u++) {
        if (!u->password || !*u->password)
            return "a user without a password could be anybody";
        if (strchr(u->name, ':'))
            return "a user's name can have no colon (RFC 7617)";
    }
    for (const char *p = o->realm; p && *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return "a realm has no control characters";
    return NULL;
}

sl_middleware sl_basic_auth_with(const sl_basic_auth_options *given)
{
    sl_basic_auth_options o;
    const char *wrong;
    struct basic *b;

    TAKE_OPTIONS(o, given);
    wrong = mistake(&o);
    if (wrong)
        return refuse(NAME, wrong);
    b = keep_new(sizeof *b);
    if (!b)
        return keep_done(NULL, run, NAME);
    b->challenge = challenge(&b->keeper, o.realm ? o.realm : "restricted");
    b->users = keep_users(&b->keeper, o.users);
    b->check = o.check;
    b->self = o.self;
    return keep_done(b, run, NAME);
}
