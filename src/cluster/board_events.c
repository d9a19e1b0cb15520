/*
 * The ring of events: one writer, any number of readers, nobody waits.
 *
 * The master comes in when a worker has died or code has been changed. An event's number is 0 while
 * it is written, so that a reader who finds another number behind than before leaves it out.
 */
#include "cluster/board_events.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/* One line: what is in it may come from a client or from a compiler. */
static void copy_line(char to[SL__EVENT_TEXT], const char *from)
{
    size_t len = 0;

    for (; from && from[len] && len < SL__EVENT_TEXT - 1; len++)
        to[len] = (unsigned char)from[len] < ' ' || from[len] == 0x7f ? ' ' : from[len];
    to[len] = '\0';
}

void sl__board_introduce(struct sl__board_events *e, const char *name, const char *crash_dir)
{
    e->pid = getpid();
    snprintf(e->name, sizeof e->name, "%s", name ? name : "");
    snprintf(e->crash_dir, sizeof e->crash_dir, "%s", crash_dir);
}

void sl__board_event(struct sl__board_events *e, const sl_event *event)
{
    uint64_t number = atomic_load_explicit(&e->last, memory_order_relaxed) + 1;
    struct sl__board_event *to = &e->ring[number % SL__EVENTS];

    atomic_store_explicit(&to->number, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    to->at_ms = wall_ms();
    to->kind = (uint32_t)event->kind;
    to->generation = event->generation;
    to->worker = event->worker;
    to->pid = event->pid;
    to->code = event->code;
    to->signal = event->signal;
    copy_line(to->text, event->text);
    atomic_store_explicit(&to->number, number, memory_order_release);
    atomic_store_explicit(&e->last, number, memory_order_release);
}

static bool read_one(const struct sl__board_event *from, uint64_t number, sl_event *to,
                     char text[SL__EVENT_TEXT])
{
    if (atomic_load_explicit(&from->number, memory_order_acquire) != number)
        return false;
    *to = (sl_event){.number = number,
                     .at_ms = from->at_ms,
                     .kind = (sl_event_kind)from->kind,
                     .worker = from->worker,
                     .pid = from->pid,
                     .generation = from->generation,
                     .code = from->code,
                     .signal = from->signal,
                     .text = text};
    memcpy(text, from->text, SL__EVENT_TEXT);
    text[SL__EVENT_TEXT - 1] = '\0';
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&from->number, memory_order_relaxed) == number;
}

unsigned sl__board_events_read(const struct sl__board_events *e, sl_event ret[SL__EVENTS],
                               char texts[SL__EVENTS][SL__EVENT_TEXT])
{
    uint64_t last = atomic_load_explicit(&e->last, memory_order_acquire);
    uint64_t number = last >= SL__EVENTS ? last - SL__EVENTS + 1 : 1;
    unsigned count = 0;

    for (; number <= last; number++)
        if (read_one(&e->ring[number % SL__EVENTS], number, &ret[count], texts[count]))
            count++;
    return count;
}
