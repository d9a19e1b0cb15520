/*
 * Routes. sl_get(app, "/users/:id", show) or with middleware of its own: sl_get(app, "/users/:id",
 * auth, show).
 *
 * A pattern that begins with '/' is a path pattern: ":name" is one non-empty segment, "*name" at
 * the end is the rest, possibly empty. Any other pattern is a regular expression (PCRE2) that must
 * match the whole path. Routes run in the order of their definition; one that calls sl_next() lets
 * later matches run. A bad pattern prints its mistake with its position; the app then refuses to
 * listen.
 */
#ifndef SHALLOT_ROUTER_H
#define SHALLOT_ROUTER_H

#include <shallot/common.h>

SL_BEGIN_DECLS

/** Options of sl_router_new(). */
typedef struct sl_router_options {
    size_t size;        /**< sizeof(sl_router_options), set by the macro */
    const char *prefix; /**< path in front of every path pattern, "/api"; may have parameters;
                           copied. Regular expressions match the rest */
    const char *host; /**< only requests to this host, any port: "example.com", "[::1]", or with "*"
                         for one or more labels in front, "*.example.com"; copied. Default: any */
} sl_router_options;

/** Makes a router; in C use the macro sl_router_new(.prefix = "/api"). The caller owns it until
 * sl_routes() is used. */
SL_API sl_router *sl_router_new_with(const sl_router_options *options);

/** Frees a router that was never mounted. NULL is fine. */
SL_API void sl_router_free(sl_router *router);

/** The router as a middleware: sl_use(app, sl_routes(router)). The app takes ownership; mounting
 * twice is fine. */
SL_API sl_middleware sl_routes(sl_router *router);

/** Appends a layer: it runs for each request under the router's prefix that the routes defined
 * before it let through. 0; -ENOMEM; -ELOOP if the router would contain itself. */
SL_API int sl_router_use_middleware(sl_router *router, sl_middleware m);

/**
 * Adds a route; what the macros call.
 *
 * @param method  a method in capitals, or NULL for every method, extension methods included
 * @param layers  copied; the last is the handler, those before it are its middleware. Taken in any
 * case: what cannot be added is freed, except a router
 * @return        0; -SL_EBADPATTERN (printed); -EINVAL for a method that is no token or a layer
 * without a function; -ENOMEM
 */
SL_API int sl_app_route(sl_app *app, const char *method, const char *pattern,
                        const sl_middleware *layers, size_t count);
SL_API int sl_router_route(sl_router *router, const char *method, const char *pattern,
                           const sl_middleware *layers, size_t count);

/** Runs a plain handler held in a middleware value, and returns what it returned, 0 or a negative
 * error; used by sl_layer_of_handler(). */
SL_API int sl_run_handler(sl_ctx *c, void *self);

/** A layer of a plain handler. */
static inline sl_middleware sl_layer_of_handler(sl_handler *handler)
{
    union {
        sl_handler *handler;
        void *self;
    } u;
    sl_middleware m;

    u.handler = handler;
    m.run = sl_run_handler;
    m.self = u.self;
    m.free = NULL;
    return m;
}

/** The layer itself; the other half of a _Generic. */
static inline sl_middleware sl_layer_of_middleware(sl_middleware m)
{
    return m;
}

SL_END_DECLS

#ifndef __cplusplus
#define sl_router_new(...)                                                                         \
    sl_router_new_with(&(sl_router_options){.size = sizeof(sl_router_options), __VA_ARGS__})

#define SL_LAYER_(x)                                                                               \
    _Generic((x), sl_middleware : sl_layer_of_middleware, default : sl_layer_of_handler)(x)
#define SL_LAYERS_1_(a) SL_LAYER_(a)
#define SL_LAYERS_2_(a, ...) SL_LAYER_(a), SL_LAYERS_1_(__VA_ARGS__)
#define SL_LAYERS_3_(a, ...) SL_LAYER_(a), SL_LAYERS_2_(__VA_ARGS__)
#define SL_LAYERS_4_(a, ...) SL_LAYER_(a), SL_LAYERS_3_(__VA_ARGS__)
#define SL_LAYERS_5_(a, ...) SL_LAYER_(a), SL_LAYERS_4_(__VA_ARGS__)
#define SL_LAYERS_6_(a, ...) SL_LAYER_(a), SL_LAYERS_5_(__VA_ARGS__)
#define SL_LAYERS_7_(a, ...) SL_LAYER_(a), SL_LAYERS_6_(__VA_ARGS__)
#define SL_LAYERS_8_(a, ...) SL_LAYER_(a), SL_LAYERS_7_(__VA_ARGS__)
#define SL_PICK_9_(a, b, c, d, e, f, g, h, name, ...) name
#define SL_LAYERS_(...)                                                                            \
    SL_PICK_9_(__VA_ARGS__, SL_LAYERS_8_, SL_LAYERS_7_, SL_LAYERS_6_, SL_LAYERS_5_, SL_LAYERS_4_,  \
               SL_LAYERS_3_, SL_LAYERS_2_, SL_LAYERS_1_, 0)                                        \
    (__VA_ARGS__)
#define SL_ROUTE_(where, method, pattern, ...)                                                     \
    _Generic((where), sl_app *                                                                     \
             : sl_app_route, sl_router *                                                           \
             : sl_router_route)(                                                                   \
        where, method, pattern, (sl_middleware[]){SL_LAYERS_(__VA_ARGS__)},                        \
        sizeof((sl_middleware[]){SL_LAYERS_(__VA_ARGS__)}) / sizeof(sl_middleware))

/** Up to eight layers: middleware, then the handler. @p where is an sl_app * or an sl_router *. */
#define sl_get(where, pattern, ...) SL_ROUTE_(where, "GET", pattern, __VA_ARGS__)
#define sl_post(where, pattern, ...) SL_ROUTE_(where, "POST", pattern, __VA_ARGS__)
#define sl_put(where, pattern, ...) SL_ROUTE_(where, "PUT", pattern, __VA_ARGS__)
#define sl_patch(where, pattern, ...) SL_ROUTE_(where, "PATCH", pattern, __VA_ARGS__)
#define sl_delete(where, pattern, ...) SL_ROUTE_(where, "DELETE", pattern, __VA_ARGS__)
#define sl_head(where, pattern, ...) SL_ROUTE_(where, "HEAD", pattern, __VA_ARGS__)
#define sl_options(where, pattern, ...) SL_ROUTE_(where, "OPTIONS", pattern, __VA_ARGS__)
#define sl_all(where, pattern, ...) SL_ROUTE_(where, NULL, pattern, __VA_ARGS__)
#define sl_router_use(router, ...) sl_router_use_middleware(router, SL_LAYER_((__VA_ARGS__)))
/** For a method of your own: sl_route(app, "PURGE", "/cache/:key", purge). */
#define sl_route(where, method, pattern, ...) SL_ROUTE_(where, method, pattern, __VA_ARGS__)
#else
inline sl_router *sl_router_new(sl_router_options o = {})
{
    o.size = sizeof o;
    return sl_router_new_with(&o);
}
inline sl_middleware sl_layer_of(sl_handler *handler)
{
    return sl_layer_of_handler(handler);
}
inline sl_middleware sl_layer_of(sl_middleware m)
{
    return m;
}
inline int sl_router_use(sl_router *router, sl_middleware m)
{
    return sl_router_use_middleware(router, m);
}
inline int sl_router_use(sl_router *router, sl_handler *handler)
{
    return sl_router_use_middleware(router, sl_layer_of_handler(handler));
}
template <typename... Layers>
inline int sl_route(sl_app *app, const char *method, const char *pattern, Layers... layers)
{
    static_assert(sizeof...(layers) > 0, "a route needs a handler");
    const sl_middleware list[] = {sl_layer_of(layers)...};
    return sl_app_route(app, method, pattern, list, sizeof...(layers));
}
template <typename... Layers>
inline int sl_route(sl_router *router, const char *method, const char *pattern, Layers... layers)
{
    static_assert(sizeof...(layers) > 0, "a route needs a handler");
    const sl_middleware list[] = {sl_layer_of(layers)...};
    return sl_router_route(router, method, pattern, list, sizeof...(layers));
}
/* sl_options is a type, and in C++ no function can share its name: sl_route(app, "OPTIONS", ...).
 */
#define SL_METHOD_(name, method)                                                                   \
    template <typename Where, typename... Layers>                                                  \
    inline int name(Where *where, const char *pattern, Layers... layers)                           \
    {                                                                                              \
        return sl_route(where, method, pattern, layers...);                                        \
    }
SL_METHOD_(sl_get, "GET")
SL_METHOD_(sl_post, "POST")
SL_METHOD_(sl_put, "PUT")
SL_METHOD_(sl_patch, "PATCH")
SL_METHOD_(sl_delete, "DELETE")
SL_METHOD_(sl_head, "HEAD")
SL_METHOD_(sl_all, nullptr)
#undef SL_METHOD_
#endif

#endif
