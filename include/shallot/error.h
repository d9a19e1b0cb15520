/*
 * Error numbers. Functions return 0 or more on success and a negative number on failure: a negative
 * errno, or one of these, which lie beyond every errno.
 */
#ifndef SHALLOT_ERROR_H
#define SHALLOT_ERROR_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/** SL_ERRORS(X): X(name, number, HTTP status it becomes when nobody handles it, text). */
#define SL_ERRORS(X)                                                                               \
    X(SL_EFAIL, 4097, 500, "the handler failed the request")                                       \
    X(SL_EBADREQUEST, 4098, 400, "malformed request")                                              \
    X(SL_ETOOBIG, 4099, 413, "request body over the limit")                                        \
    X(SL_EHEADTOOBIG, 4100, 431, "request head over the limit")                                    \
    X(SL_ETARGETTOOLONG, 4101, 414, "request target over the limit")                               \
    X(SL_ETOOSLOW, 4102, 408, "request not received in time")                                      \
    X(SL_ECODING, 4103, 501, "transfer coding not supported")                                      \
    X(SL_EVERSION, 4104, 505, "HTTP version not supported")                                        \
    X(SL_ENEXTTWICE, 4105, 500, "next() called multiple times")                                    \
    X(SL_EBADHEADER, 4106, 500, "header name or value not allowed")                                \
    X(SL_ECOMMITTED, 4107, 500, "the response head is already on its way")                         \
    X(SL_EBADPATTERN, 4108, 500, "bad route pattern")                                              \
    X(SL_EEXPECTATION, 4109, 417, "expectation not supported")                                     \
    X(SL_EOVERLOADED, 4110, 503, "the server is overloaded")                                       \
    X(SL_EOVERFLOW, 4111, 500, "stack overflow in a fiber")                                        \
    X(SL_EPROTOCOL, 4112, 500, "master and worker speak different versions")                       \
    X(SL_EMETHOD, 4113, 501, "method not supported")

/** The numbers of SL_ERRORS; functions return them negated. */
enum sl_error_number {
#define SL_ERROR_ENUM(name, number, status, text) name = number,
    SL_ERRORS(SL_ERROR_ENUM)
#undef SL_ERROR_ENUM
};

/** Text for a negative error returned by any function of Shallot, errno values included. Static
 * storage or the C library's. */
SL_API const char *sl_strerror(int error);

SL_END_DECLS

#endif
