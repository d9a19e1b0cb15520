/*
 * The record of a crash: written by a signal handler, read by the master's helper when this process
 * is gone.
 *
 * crash.c and crash_ticks.c come here with what the kernel said; out goes everything by pwrite into
 * the slot's area. The kernel copies the stack too: where it ends, the call ends, without a fault.
 * Only system calls are made, and nothing is looked at but what was handed in.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "cluster/crash_state.h"

#define RED_ZONE 128 /* below the stack pointer, where leaf functions keep things */

static char chunk[4096]; /* of /proc/self/maps */

static void copy_text(char *to, size_t size, const char *from, size_t len)
{
    if (len > size - 1)
        len = size - 1;
    for (size_t i = 0; i < len; i++) /* not memcpy: a sanitizer has an opinion on that */
        to[i] = from[i];
    to[len] = '\0';
}

static void note_registers(struct sl__crash_record *r, const ucontext_t *uc)
{
#if defined(__x86_64__)
    /* DWARF's order; the last one is the return address, which is where we are. */
    static const int order[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
                                REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};

    r->register_count = sizeof(order) / sizeof(order[0]);
    for (unsigned i = 0; i < r->register_count; i++)
        r->registers[i] = (uint64_t)uc->uc_mcontext.gregs[order[i]];
    r->stack_at = r->registers[7] - RED_ZONE;
#elif defined(__aarch64__)
    for (unsigned i = 0; i < 31; i++)
        r->registers[i] = uc->uc_mcontext.regs[i];
    r->registers[31] = uc->uc_mcontext.sp;
    r->registers[32] = uc->uc_mcontext.pc;
    r->register_count = 33;
    r->stack_at = r->registers[31];
#else
    (void)uc;
    r->register_count = 0;
    r->stack_at = 0;
#endif
}

void sl__crash_note_signal(enum sl__crash_kind kind, int signal, const siginfo_t *info,
                           const void *context)
{
    struct sl__crash_record *r = &sl__crash_here.record;
    struct timespec now = {0};

    clock_gettime(CLOCK_REALTIME, &now);
    r->magic = SL__CRASH_MAGIC;
    r->kind = kind;
    r->worker = sl__crash_here.worker;
    r->pid = sl__crash_here.pid;
    r->tid = gettid();
    r->in_thread = r->tid != r->pid;
    r->signal = signal;
    r->code = info->si_code;
    r->sender = info->si_code <= 0 ? info->si_pid : 0;
    r->address = info->si_code > 0 ? (uint64_t)(uintptr_t)info->si_addr : 0;
    r->wall = now.tv_sec;
    r->maps_len = r->stack_len = r->has_request = r->overflow = 0;
    r->age_ns = 0;
    r->label[0] = r->method[0] = r->path[0] = '\0';
    note_registers(r, context);
}

void sl__crash_note_blame(void)
{
    struct sl__crash_record *r = &sl__crash_here.record;
    const struct sl__crash_hooks *h = &sl__crash_here.hooks;
    struct sl__crash_blame b = {.known = false};
    struct timespec now = {0};
    const char *label;

    if (h->is_overflow && r->address && (r->signal == SIGSEGV || r->signal == SIGBUS))
        r->overflow = h->is_overflow((const void *)(uintptr_t)r->address, &label);
    if (h->blame)
        h->blame(h->self, &b);
    if (b.label)
        copy_text(r->label, sizeof(r->label), b.label, strlen(b.label));
    if (!b.known)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    r->has_request = true;
    r->number = b.number;
    r->age_ns = now.tv_sec * 1000000000 + now.tv_nsec - b.since;
    copy_text(r->method, sizeof(r->method), b.method.ptr, b.method.len);
    copy_text(r->path, sizeof(r->path), b.path.ptr, b.path.len);
}

/* Past the C library, where a sanitizer would look at what is written. */
static ssize_t put(const void *from, size_t len, int64_t at)
{
#if defined(__LP64__)
    return syscall(SYS_pwrite64, sl__crash_here.memory, from, len, sl__crash_here.area + at);
#else
    return pwrite(sl__crash_here.memory, from, len, sl__crash_here.area + at);
#endif
}

void sl__crash_write_at(const void *from, size_t len, int64_t at)
{
    if (put(from, len, at) < 0)
        return; /* then there is a report without it */
}

void sl__crash_write(void)
{
    sl__crash_write_at(&sl__crash_here.record, sizeof(sl__crash_here.record), 0);
}

/* A line of maps that names a file, or the kernel's own code: that has a slash, or "[v", behind the
 * five fields. */
static bool names_code(const char *line, size_t len)
{
    const char *bracket = memchr(line, '[', len);

    return memchr(line, '/', len) || (bracket && bracket[1] == 'v' && bracket[2] == 'd');
}

/* Keeps the lines that matter of what is in the chunk. @return octets of a line's beginning, moved
 * to the front */
static size_t keep_lines(struct sl__crash_record *r, size_t len)
{
    size_t at = 0;

    for (;;) {
        const char *end = memchr(chunk + at, '\n', len - at);
        size_t line = end ? (size_t)(end - chunk) + 1 - at : 0;

        if (line == 0)
            break;
        if (names_code(chunk + at, line) && r->maps_len + line <= SL__CRASH_MAPS_MAX) {
            sl__crash_write_at(chunk + at, line, SL__CRASH_MAPS_AT + r->maps_len);
            r->maps_len += (uint32_t)line;
        }
        at += line;
    }
    if (at == 0 && len == sizeof(chunk)) /* no line is that long; whatever it is, on with it */
        return 0;
    memmove(chunk, chunk + at, len - at);
    return len - at;
}

void sl__crash_note_modules(void)
{
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    size_t have = 0;
    ssize_t n;

    if (fd < 0)
        return;
    while ((n = read(fd, chunk + have, sizeof(chunk) - have)) > 0)
        have = keep_lines(&sl__crash_here.record, have + (size_t)n);
    close(fd);
}

void sl__crash_note_stack(void)
{
    struct sl__crash_record *r = &sl__crash_here.record;
    uint32_t len = 0;

    /* The kernel takes what it can of each page. The red zone may lie in the guard, when the stack
     * has overflowed: then from the pointer on. */
    while (len < SL__CRASH_STACK_MAX) {
        const void *from = (const void *)(uintptr_t)(r->stack_at + len);
        size_t most = 4096 - ((r->stack_at + len) & 4095);
        ssize_t n;

        if (most > SL__CRASH_STACK_MAX - len)
            most = SL__CRASH_STACK_MAX - len;
        n = put(from, most, SL__CRASH_STACK_AT + len);
        if (n > 0) {
            len += (uint32_t)n;
        } else if (len == 0 && errno == EFAULT && (r->stack_at & 4095) != 0) {
            r->stack_at = (r->stack_at & ~(uint64_t)4095) + 4096;
        } else {
            break;
        }
    }
    r->stack_len = len;
}
