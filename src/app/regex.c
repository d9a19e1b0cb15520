/*
 * Regular expressions of routes, over PCRE2.
 *
 * Comes here from table.c at registration and, for each request, only when every path pattern
 * defined earlier has declined. An expression sees octets, not characters, and a dot matches each
 * of them, so ".*" takes every path there is. It is anchored at both ends when compiled: anchoring
 * at match time would give up the machine code.
 *
 * A thread has one JIT stack, match context and match block; matching never suspends, so fibers can
 * share them. Without the JIT stack PCRE2 would take 32 KiB of the fiber's own.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "app/regex.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <pcre2.h>

#include "base/log.h"
#include "base/mem.h"
#include "shallot/error.h"

#define MATCH_LIMIT 100000u /* steps; the longest sane path takes some thousand */
#define DEPTH_LIMIT 10000u
#define HEAP_LIMIT_KIB 1024u
#define JIT_STACK_START ((size_t)16384)
#define JIT_STACK_MAX ((size_t)524288)

struct sl__regex {
    pcre2_code *code; /* NULL: ".*" */
    char *pattern;
    uint32_t captures;
    bool warned;
};

struct scratch {
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    pcre2_match_data *data;
    unsigned groups; /* of the last match that succeeded */
};

static _Thread_local struct scratch scratch;

static bool make_scratch(void)
{
    struct scratch *s = &scratch;

    if (s->data)
        return true;
    s->context = pcre2_match_context_create(NULL);
    s->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL);
    s->data = pcre2_match_data_create(SL__REGEX_GROUPS, NULL);
    if (!s->context || !s->data) {
        sl__regex_finish_thread();
        return false;
    }
    pcre2_set_match_limit(s->context, MATCH_LIMIT);
    pcre2_set_depth_limit(s->context, DEPTH_LIMIT);
    pcre2_set_heap_limit(s->context, HEAP_LIMIT_KIB);
    if (s->stack) /* without JIT support there is none, and none is needed */
        pcre2_jit_stack_assign(s->context, NULL, s->stack);
    return true;
}

static int compile(const char *pattern, struct sl__regex *r, char *error, size_t error_len,
                   size_t *ret_at)
{
    uint32_t options =
        PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF;
    int code;

    if (strcmp(pattern, ".*") == 0) /* takes everything; no engine is needed to see that */
        return 0;
    r->code =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &code, ret_at, NULL);
    if (!r->code) {
        pcre2_get_error_message(code, (PCRE2_UCHAR *)error, error_len);
        return code == PCRE2_ERROR_HEAP_FAILED ? -ENOMEM : -SL_EBADPATTERN;
    }
    pcre2_pattern_info(r->code, PCRE2_INFO_CAPTURECOUNT, &r->captures);
    if (r->captures >= SL__REGEX_GROUPS) {
        snprintf(error, error_len, "more than %d captures", SL__REGEX_GROUPS - 1);
        *ret_at = strlen(pattern);
        return -SL_EBADPATTERN;
    }
    pcre2_jit_compile(r->code,
                      PCRE2_JIT_COMPLETE); /* on failure it is interpreted: slower, right */
    return 0;
}

int sl__regex_new(const char *pattern, struct sl__regex **ret, char *error, size_t error_len,
                  size_t *ret_at)
{
    struct sl__regex *r = sl__try_alloc_zeroed(sizeof *r);
    int result = -ENOMEM;

    *ret_at = 0;
    *error = '\0';
    if (!r)
        return -ENOMEM;
    r->pattern = sl__try_strdup(pattern);
    if (!r->pattern)
        goto out;
    result = compile(pattern, r, error, error_len, ret_at);
    if (result < 0)
        goto out;
    *ret = r;
    return 0;
out:
    sl__regex_free(r);
    return result;
}

void sl__regex_free(struct sl__regex *r)
{
    if (!r)
        return;
    pcre2_code_free(r->code);
    sl__free(r->pattern);
    sl__free(r);
}

static void warn(struct sl__regex *r, int code)
{
    char reason[128] = "";

    if (r->warned)
        return;
    r->warned = true;
    pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof reason);
    sl__log(SL__WARN, "route \"%s\" gave up on a path and counts as no match there: %s", r->pattern,
            reason);
}

bool sl__regex_match(struct sl__regex *r, struct sl__str subject)
{
    int n;

    if (!r->code)
        return true;
    if (!make_scratch()) {
        warn(r, PCRE2_ERROR_NOMEMORY);
        return false;
    }
    n = pcre2_match(r->code, (PCRE2_SPTR)subject.ptr, subject.len, 0, 0, scratch.data,
                    scratch.context);
    if (n > 0) {
        scratch.groups = (unsigned)n;
        return true;
    }
    if (n != PCRE2_ERROR_NOMATCH)
        warn(r, n);
    return false;
}

unsigned sl__regex_captures(const struct sl__regex *r)
{
    return r->captures;
}

unsigned sl__regex_groups(struct sl__str subject, struct sl__str *groups)
{
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(scratch.data);

    for (unsigned i = 0; i < scratch.groups; i++) {
        PCRE2_SIZE start = at[2 * i], end = at[2 * i + 1];

        groups[i] = (struct sl__str){NULL, 0};
        if (start != PCRE2_UNSET && start <= end) /* \K may have turned it round */
            groups[i] = (struct sl__str){subject.ptr + start, end - start};
    }
    return scratch.groups;
}

int sl__regex_group(const struct sl__regex *r, const char *name)
{
    int number = -1;

    if (name[0] >= '0' && name[0] <= '9') {
        char *end;
        unsigned long n = strtoul(name, &end, 10);

        if (*end == '\0' && n <= r->captures)
            number = (int)n;
    } else if (r->code) {
        number = pcre2_substring_number_from_name(r->code, (PCRE2_SPTR)name);
    }
    return number < 0 ? -1 : number;
}

void sl__regex_finish_thread(void)
{
    pcre2_match_data_free(scratch.data);
    pcre2_match_context_free(scratch.context);
    pcre2_jit_stack_free(scratch.stack);
    scratch = (struct scratch){0};
}
