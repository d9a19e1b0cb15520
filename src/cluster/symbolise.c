/*
 * The helper: reads what the master has put into a file in memory, names the frames, keeps the
 * report as a file, and prints the lines that the master logs.
 *
 * A constructor (role.c) comes here before main() does. Nothing of the program has run, and nothing
 * of it will: the process ends here.
 */
#include "cluster/symbolise.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "cluster/aftermath.h"

#define PATIENCE_S 15
#define FRAMES_MAX_RAW 48
#define CHAIN_MIN 3 /* frames by frame pointers, for these to be believed */
#define SCANNED_MAX 24
#define TRIES 100

static bool read_order(int fd, struct sl__crash_copy *c, struct sl__crash_order *order)
{
    c->maps = sl__alloc_zeroed(SL__CRASH_MAPS_MAX + 1);
    c->stack = sl__alloc_zeroed(SL__CRASH_STACK_MAX);
    c->said = sl__alloc_zeroed(SL__CRASH_SAID_MAX + 1);
    return pread(fd, &c->record, sizeof c->record, 0) == sizeof c->record &&
           c->record.magic == SL__CRASH_MAGIC && c->record.maps_len <= SL__CRASH_MAPS_MAX &&
           c->record.stack_len <= SL__CRASH_STACK_MAX &&
           c->record.register_count <= SL__CRASH_REGISTERS &&
           c->record.said_len <= SL__CRASH_SAID_MAX &&
           pread(fd, c->said, c->record.said_len, SL__CRASH_SAID_AT) == c->record.said_len &&
           pread(fd, c->maps, c->record.maps_len, SL__CRASH_MAPS_AT) == c->record.maps_len &&
           pread(fd, c->stack, c->record.stack_len, SL__CRASH_STACK_AT) == c->record.stack_len &&
           pread(fd, order, sizeof *order, SL__CRASH_AREA) == sizeof *order;
}

static bool same_file(const char *path, dev_t device, ino_t inode)
{
    struct stat st;

    return stat(path, &st) == 0 && st.st_ino == inode &&
           (st.st_dev == device || major(st.st_dev) == 0); /* btrfs and overlays show two of them */
}

/* By what the file can be opened now, if it still is that file. */
static const char *path_of(const char *path, dev_t device, ino_t inode)
{
    if (same_file("/proc/self/exe", device, inode))
        return "/proc/self/exe";
    return same_file(path, device, inode) ? path : NULL;
}

/* The kernel's code in every process is the same in ours: as a file. NULL if that cannot be. */
static const char *own_vdso(void)
{
    static char path[64];
    unsigned long image = getauxval(AT_SYSINFO_EHDR);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int fd = image ? memfd_create("vdso", MFD_CLOEXEC) : -1;
    ssize_t n = 1;

    if (fd < 0)
        return NULL;
    for (int i = 0; i < 16 && n > 0; i++) /* it ends where the kernel cannot read on */
        n = write(fd, (const void *)(image + (size_t)i * page), page);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return path;
}

static void note_code(struct sl__module *m, const char *rights, uint64_t from, uint64_t to)
{
    if (rights[2] != 'x')
        return;
    m->code = from;
    m->code_end = to;
}

static struct sl__module *add_line(struct sl__module *list, char *line)
{
    unsigned long from, to, offset, inode;
    unsigned high, low;
    char rights[5] = "";
    int path_at = 0;
    struct sl__module *m = list;
    char *name;

    if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %n", &from, &to, rights, &offset, &high, &low,
               &inode, &path_at) < 7 ||
        path_at == 0)
        return list;
    name = line[path_at] == '/' ? strrchr(line, '/') + 1 : line + path_at;
    if (m && offset > 0 && strcmp(m->name, name) == 0 && from >= m->to) { /* one more part of it */
        m->to = to;
        note_code(m, rights, from, to);
        return list;
    }
    m = sl__alloc_zeroed(sizeof *m);
    *m = (struct sl__module){
        .from = from, .to = to, .base = from - offset, .name = name, .next = list};
    m->path =
        line[path_at] == '/' ? path_of(line + path_at, makedev(high, low), inode) : own_vdso();
    return m;
}

struct sl__module *sl__modules_read(char *maps)
{
    struct sl__module *list = NULL;
    char *rest = NULL;

    for (char *line = strtok_r(maps, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        list = add_line(list, line);
    return list;
}

const struct sl__module *sl__module_at(const struct sl__module *m, uint64_t address)
{
    while (m && (address < m->from || address >= m->to))
        m = m->next;
    return m;
}

bool sl__stack_word(const struct sl__crash_copy *c, uint64_t address, uint64_t *ret)
{
    uint64_t at = address - c->record.stack_at;

    if (address < c->record.stack_at || at + sizeof *ret > c->record.stack_len)
        return false;
    memcpy(ret, c->stack + at, sizeof *ret);
    return true;
}

void sl__frame_say(FILE *out, unsigned number, uint64_t pc, const char *function, const char *file,
                   int line, const struct sl__module *m)
{
    fprintf(out, "  #%-2u 0x%012llx ", number, (unsigned long long)pc);
    if (function)
        fprintf(out, "%s", function);
    else if (m)
        fprintf(out, "%s+0x%llx", m->name, (unsigned long long)(pc - m->base));
    else
        fprintf(out, "(no code that was loaded)");
    if (file)
        fprintf(out, " at %s:%d", file, line);
    else if (function && m)
        fprintf(out, " (%s+0x%llx)", m->name, (unsigned long long)(pc - m->base));
    fputc('\n', out);
}

/* Words of the stack that point into code. Some are left over from calls long ago. */
static void scan_stack(const struct sl__crash_copy *c, const struct sl__module *modules, FILE *out)
{
    const struct sl__crash_record *r = &c->record;
    uint64_t at = r->registers[r->register_count == 17 ? 7 : 31], pc;

    for (unsigned found = 0; found < SCANNED_MAX && sl__stack_word(c, at, &pc); at += 8) {
        const struct sl__module *m = sl__module_at(modules, pc);

        if (!m || pc < m->code || pc >= m->code_end)
            continue;
        fprintf(out, "   ?  0x%012llx %s+0x%llx\n", (unsigned long long)pc, m->name,
                (unsigned long long)(pc - m->base));
        found++;
    }
}

void sl__backtrace_raw(const struct sl__crash_copy *c, const struct sl__module *modules, FILE *out)
{
    const struct sl__crash_record *r = &c->record;
    uint64_t frame, pc, next;
    unsigned count = 0;

    if (r->register_count == 0)
        return;
    pc = r->registers[r->register_count - 1];
    frame = r->registers[r->register_count == 17 ? 6 : 29]; /* rbp, x29 */
    for (; count < FRAMES_MAX_RAW && pc != 0; count++) {
        sl__frame_say(out, count, pc, NULL, NULL, 0, sl__module_at(modules, pc));
        if (!sl__stack_word(c, frame, &next) || !sl__stack_word(c, frame + 8, &pc))
            break;
        frame = next > frame ? next : 0; /* else this is the last one */
    }
    if (count < CHAIN_MIN)
        scan_stack(c, modules, out);
}

/* "17-NAME.txt" is 17; 0 if it is no report, or another program's with @p name given. */
static unsigned long number_of(const char *file, const char *name)
{
    char *rest;
    unsigned long n = strtoul(file, &rest, 10);
    size_t len = strlen(rest);

    if (*rest != '-' || len < 5 || strcmp(rest + len - 4, ".txt") != 0)
        return 0;
    if (name && (len - 5 != strlen(name) || strncmp(rest + 1, name, len - 5) != 0))
        return 0;
    return n;
}

/* The highest number of all; how many there are of this name, and the lowest of those. */
static unsigned long survey(const char *folder, const char *name, unsigned *ret_count,
                            unsigned long *ret_lowest)
{
    DIR *d = opendir(folder);
    unsigned long highest = 0;
    const struct dirent *e;

    *ret_count = 0;
    *ret_lowest = 0;
    while (d && (e = readdir(d))) {
        unsigned long n = number_of(e->d_name, NULL), own = number_of(e->d_name, name);

        highest = n > highest ? n : highest;
        *ret_count += own > 0;
        if (own > 0 && (*ret_lowest == 0 || own < *ret_lowest))
            *ret_lowest = own;
    }
    if (d)
        closedir(d);
    return highest;
}

static void report_path(char *buf, size_t size, const struct sl__crash_order *o, unsigned long n)
{
    snprintf(buf, size, "%s/%lu-%s.txt", o->folder, n, o->name);
}

/* Makes room for one more, and opens it. NULL if that cannot be. */
static FILE *open_report(struct sl__crash_order *o, unsigned long *ret_number)
{
    char path[1300];
    unsigned count;
    unsigned long lowest, n;
    int fd = -1;

    for (char *c = o->name; *c; c++)
        if (*c == '/' || *c == '\n')
            *c = '_';
    sl__crash_make_folder(o->folder);
    n = survey(o->folder, o->name, &count, &lowest);
    for (unsigned tries = 0; fd < 0 && tries < TRIES; tries++) {
        report_path(path, sizeof path, o, ++n);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno != EEXIST)
            return NULL;
    }
    while (fd >= 0 && count >= o->keep && lowest > 0) {
        report_path(path, sizeof path, o, lowest);
        if (unlink(path) < 0)
            break;
        survey(o->folder, o->name, &count, &lowest);
        count--; /* the new one is there */
    }
    *ret_number = n;
    return fd < 0 ? NULL : fdopen(fd, "w");
}

static void put_line(void *self, const char *text)
{
    fprintf(self, "%s\n", text);
}

static void put_registers(const struct sl__crash_record *r, FILE *out)
{
    static const char *const names[] = {"rax", "rdx", "rcx", "rbx", "rsi", "rdi",
                                        "rbp", "rsp", "r8",  "r9",  "r10", "r11",
                                        "r12", "r13", "r14", "r15", "rip"};

    fputs("\nregisters\n", out);
    for (uint32_t i = 0; i < r->register_count; i++) {
        if (r->register_count == 17)
            fprintf(out, "  %-3s", names[i]);
        else
            fprintf(out, "  %s%-2u", i == 31 ? "sp" : i == 32 ? "pc" : "x", i);
        fprintf(out, " 0x%016llx%s", (unsigned long long)r->registers[i], i % 4 == 3 ? "\n" : "");
    }
    fputc('\n', out);
}

/* It knows more than a backtrace of its own end. After a fault ours is as good. */
static bool sanitizer_ended(const struct sl__crash_copy *c)
{
    return c->record.said_len > 0 && c->record.signal == SIGABRT;
}

static void write_report(const struct sl__crash_copy *c, struct sl__crash_order *o,
                         const char *frames)
{
    time_t wall = (time_t)c->record.wall;
    unsigned long number = 0;
    FILE *file = o->folder[0] && o->keep > 0 ? open_report(o, &number) : NULL;
    char when[64] = "";
    struct tm local;

    if (!file) {
        if (o->folder[0] && o->keep > 0)
            printf("  (no report in %s: %s)\n", o->folder, strerror(errno));
        return;
    }
    if (localtime_r(&wall, &local))
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S %z", &local);
    fprintf(file, "%s  %s  %s\n", when, o->name, o->program);
    sl__crash_describe(&c->record, put_line, file);
    if (!sanitizer_ended(c))
        fprintf(file, "\nbacktrace\n%s", frames);
    if (c->record.said_len)
        fprintf(file, "\nsanitizer\n%s", c->said);
    put_registers(&c->record, file);
    if (fclose(file) == 0)
        printf("  report %lu: shallot crashes %lu\n", number, number);
}

_Noreturn void sl__symbolise(int fd)
{
    static struct sl__crash_copy copy;
    static struct sl__crash_order order;
    char *frames = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&frames, &len);

    alarm(PATIENCE_S);
    prctl(PR_SET_NAME, "shallot-namer");
    if (setpriority(PRIO_PROCESS, 0, 5) < 0)
        errno = 0;               /* then as everybody */
    unsetenv("DEBUGINFOD_URLS"); /* this asks no servers */
    if (out && read_order(fd, &copy, &order)) {
        if (sanitizer_ended(&copy))
            fputs(copy.said, out);
        else
            sl__backtrace(&copy, sl__modules_read(copy.maps), out);
        fclose(out);
        fputs(frames, stdout);
        if (copy.record.kind == SL__CRASH_DEATH)
            write_report(&copy, &order, frames);
        fflush(stdout);
    }
    _exit(0);
}
