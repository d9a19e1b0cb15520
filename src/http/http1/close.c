/*
 * Endings: answers that no handler gives, and closing so that no reset destroys what was sent.
 *
 * The connection comes here with an error of the parser, of the clock, or for want of memory or
 * fibers, and whenever an answer was the last. Closing a socket with unread input makes the kernel
 * send a reset, upon which the client may lose the answer it has not read yet (RFC 9112 §9.6); so
 * our side is shut down first, and what the client still sends is thrown away, for a while and up
 * to an amount. A client that closes first, or has said that it has nothing more to send, is not
 * waited for.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/sys.h"
#include "http/http1/conn.h"
#include "http/http1/write.h"
#include "shallot/error.h"

/* A client that is in the middle of sending megabytes reads our answer only when it has got rid of
 * them; reading them costs about a millisecond. */
#define THROW_MAX 8388608U
#define THROW_ROUNDS 4

static int status_of(int error)
{
    switch (-error) {
#define STATUS_CASE(name, number, status, text)                                                    \
    case name:                                                                                     \
        return status;
        SL_ERRORS(STATUS_CASE)
#undef STATUS_CASE
    case ENOMEM:
        return 503;
    default:
        return 500;
    }
}

static int write_refusal(struct sl__conn *c, int status)
{
    struct sl__header retry = {.name = SL__STR("Retry-After"), .value = SL__STR("1")};
    struct sl__response r = {.status = status,
                             .type = SL__STR("text/plain; charset=utf-8"),
                             .headers = status == 503 ? &retry : NULL};
    char body[64];
    int len = snprintf(body, sizeof(body), "%s\n", sl__status_text(status));
    struct sl__http1_head h = {
        .response = &r, .length = len, .close = true, .date = sl__conns_date(c->home)};
    struct sl__buf *out = sl__out_buf(c);
    int e = out ? sl__http1_write_head(out, &h) : -ENOMEM;

    return e < 0 ? e : sl__buf_append(out, body, (size_t)len);
}

void sl__close_refuse(struct sl__conn *c, int error)
{
    size_t pending = sl__out_pending(c);

    c->phase = SL__CONN_CLOSING;
    c->home->counted.refused++;
    sl__count_other(&c->home->counted, (unsigned)status_of(error));
    if (write_refusal(c, status_of(error)) < 0 && c->out) /* out of memory: a close must do */
        c->out->buf.end = c->out->buf.at + pending;
}

void sl__close_advance(struct sl__conn *c)
{
    sl__out_flush(c, 0);
    if (c->blocked || c->broken)
        return;
    if (c->fin || c->reset || c->last) {
        sl__conn_close(c);
        return;
    }
    shutdown(c->watch.fd, SHUT_WR);
    sl__input_free(c);
    c->thrown = 0;
    c->phase = SL__CONN_LINGER;
}

void sl__close_linger(struct sl__conn *c)
{
    struct sl__block *b = sl__block_take(c->home);
    ssize_t n = b ? 1 : -ENOMEM;

    for (int i = 0; i < THROW_ROUNDS && n > 0; i++) {
        n = sl__sys_recv(c->watch.fd, b->data, b->size);
        if (n > 0) {
            c->thrown += (uint32_t)n;
            c->home->counted.received += (uint64_t)n;
        }
        if (c->thrown > THROW_MAX)
            n = -EMSGSIZE;
        else if (n > 0 && (size_t)n < b->size)
            break;
    }
    sl__block_give(c->home, b);
    if (n <= 0 && n != -EAGAIN)
        sl__conn_close(c);
}
