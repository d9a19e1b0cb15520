/*
 * What the tools that watch memory have to be told about stacks of our own: AddressSanitizer and
 * ThreadSanitizer at every switch, valgrind once for each stack. Without them all of this is
 * nothing.
 */
#ifndef SL__FIBER_SANITIZE_H
#define SL__FIBER_SANITIZE_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SL__ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define SL__TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(SL__ASAN)
#define SL__ASAN 1
#endif
#if defined(__SANITIZE_THREAD__) && !defined(SL__TSAN)
#define SL__TSAN 1
#endif
#ifndef SL__ASAN
#define SL__ASAN 0
#endif
#ifndef SL__TSAN
#define SL__TSAN 0
#endif

#if SL__ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if SL__TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if !SL__ASAN && !SL__TSAN
/* A program built with AddressSanitizer may use a library that was not: then these are there. */
#define SL__ASAN_MAYBE 1
#define SL__WEAK __attribute__((weak, visibility("default")))
SL__WEAK void __sanitizer_start_switch_fiber(void **save, const void *low, size_t size);
SL__WEAK void __sanitizer_finish_switch_fiber(void *save, const void **low, size_t *size);
SL__WEAK void __asan_unpoison_memory_region(void const volatile *at, size_t size);
#else
#define SL__ASAN_MAYBE 0
#endif
#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define SL__VALGRIND 1
#endif
#endif
#ifndef SL__VALGRIND
#define SL__VALGRIND 0
#endif

/* These are on both sides of a change of stacks, so a call of their own would be entered on one
 * stack and left on the other. */
#define SL__SAN_INLINE static inline __attribute__((always_inline))

/** True if AddressSanitizer is in this process. */
SL__SAN_INLINE bool sl__san_is_here(void)
{
#if SL__ASAN_MAYBE
    return __sanitizer_start_switch_fiber != NULL;
#else
    return SL__ASAN;
#endif
}

/** What the sanitizers know about one context: a fiber, or the loop. */
struct sl__san {
    const void *low; /* its stack; the loop's is learnt at the first switch away from it */
    size_t size;
    void *fake_stack; /* ASan's, while the context does not run */
    void *tsan;
};

/** The context that runs now and was not made by us. */
SL__SAN_INLINE void sl__san_adopt(struct sl__san *s)
{
#if SL__TSAN
    s->tsan = __tsan_get_current_fiber();
#else
    (void)s;
#endif
}

/** A new context on the stack [low, top). */
SL__SAN_INLINE void sl__san_begin(struct sl__san *s, const char *low, const char *top)
{
    s->low = low;
    s->size = (size_t)(top - low);
#if SL__TSAN
    s->tsan = __tsan_create_fiber(0);
#endif
    (void)s;
}

/** The context has ended and its stack may be used for another: said from outside. */
SL__SAN_INLINE void sl__san_end(struct sl__san *s)
{
#if SL__ASAN
    __asan_unpoison_memory_region(s->low, s->size); /* its last frames were never left */
#elif SL__ASAN_MAYBE
    if (__asan_unpoison_memory_region)
        __asan_unpoison_memory_region(s->low, s->size);
#endif
#if SL__TSAN
    __tsan_destroy_fiber(s->tsan);
    s->tsan = NULL;
#endif
    (void)s;
}

/** What happens from now on happens in @p s. Said by the loop, before and after it runs a fiber:
 * TSan counts calls and returns, and there they pair. */
SL__SAN_INLINE void sl__san_run_as(struct sl__san *s)
{
#if SL__TSAN
    __tsan_switch_to_fiber(s->tsan, 0);
#endif
    (void)s;
}

/** Just before leaving @p from for @p to. */
SL__SAN_INLINE void sl__san_leave(struct sl__san *from, struct sl__san *to, bool for_good)
{
#if SL__ASAN
    __sanitizer_start_switch_fiber(for_good ? NULL : &from->fake_stack, to->low, to->size);
#elif SL__ASAN_MAYBE
    if (sl__san_is_here())
        __sanitizer_start_switch_fiber(for_good ? NULL : &from->fake_stack, to->low, to->size);
#endif
    (void)from;
    (void)to;
    (void)for_good;
}

/** First thing on having arrived in @p here from @p from. */
SL__SAN_INLINE void sl__san_arrive(struct sl__san *here, struct sl__san *from)
{
#if SL__ASAN
    __sanitizer_finish_switch_fiber(here->fake_stack, &from->low, &from->size);
    here->fake_stack = NULL;
#elif SL__ASAN_MAYBE
    if (sl__san_is_here()) {
        __sanitizer_finish_switch_fiber(here->fake_stack, &from->low, &from->size);
        here->fake_stack = NULL;
    }
#endif
    (void)here;
    (void)from;
}

/** Tells valgrind that [low, top) is a stack. */
SL__SAN_INLINE unsigned sl__san_register(const char *low, const char *top)
{
#if SL__VALGRIND
    return VALGRIND_STACK_REGISTER(low, top - 1);
#else
    (void)low;
    (void)top;
    return 0;
#endif
}

SL__SAN_INLINE void sl__san_deregister(unsigned id)
{
#if SL__VALGRIND
    VALGRIND_STACK_DEREGISTER(id);
#endif
    (void)id;
}

/** True when somebody minds that bytes below the stack pointer are read. */
SL__SAN_INLINE bool sl__san_minds_dead_stack(void)
{
#if SL__VALGRIND
    return RUNNING_ON_VALGRIND != 0;
#else
    return false;
#endif
}

#endif
