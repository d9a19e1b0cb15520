/*
 * Frames by elfutils: unwound from the registers and the stack that a crash has left, named with
 * the debugging information of the files that were mapped.
 *
 * symbolise.c comes here in the helper. The library is loaded now and by name, so that no program
 * needs it, and a machine without it still gets addresses. Inlined functions have frames of their
 * own, because a handler's helpers mostly are such.
 */
#include "cluster/symbolise.h"

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX 64

#define FUNCTIONS(X)                                                                               \
    X(dwfl_begin)                                                                                  \
    X(dwfl_report_elf)                                                                             \
    X(dwfl_report_end)                                                                             \
    X(dwfl_attach_state)                                                                           \
    X(dwfl_getthread_frames)                                                                       \
    X(dwfl_frame_pc)                                                                               \
    X(dwfl_addrmodule)                                                                             \
    X(dwfl_module_addrname)                                                                        \
    X(dwfl_module_addrdie)                                                                         \
    X(dwfl_module_nextcu)                                                                          \
    X(dwarf_haspc)                                                                                 \
    X(dwarf_getsrc_die)                                                                            \
    X(dwarf_linesrc)                                                                               \
    X(dwarf_lineno)                                                                                \
    X(dwfl_standard_find_debuginfo)                                                                \
    X(dwfl_thread_state_registers)                                                                 \
    X(dwfl_thread_state_register_pc)                                                               \
    X(dwarf_getscopes)                                                                             \
    X(dwarf_getscopes_die)                                                                         \
    X(dwarf_diename)                                                                               \
    X(dwarf_tag)                                                                                   \
    X(dwarf_attr)                                                                                  \
    X(dwarf_formudata)                                                                             \
    X(dwarf_getsrcfiles)                                                                           \
    X(dwarf_filesrc)

static struct {
#define MEMBER(name) __typeof__(name) *name;
    FUNCTIONS(MEMBER)
#undef MEMBER
} dw;

struct walk {
    const struct sl__crash_copy *copy;
    const struct sl__module *modules;
    Dwfl *dwfl;
    FILE *out;
    Dwarf_Word registers[SL__CRASH_REGISTERS];
    unsigned count; /* of frames said */
    uint64_t last;  /* pc of the last one */
    unsigned again; /* times it came again right after: a recursion */
};

static bool load(void)
{
    void *library = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL), *f;

    if (!library)
        return false;
#define LOAD(name)                                                                                 \
    f = dlsym(library, #name);                                                                     \
    if (!f)                                                                                        \
        return false;                                                                              \
    memcpy(&dw.name, &f, sizeof f);
    FUNCTIONS(LOAD)
#undef LOAD
    return true;
}

static int find_no_elf(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
                       char **file_name, Elf **elf)
{
    return -1; /* every module was reported with its file */
}

static int no_section(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
                      const char *section, GElf_Word index, const GElf_Shdr *header,
                      Dwarf_Addr *address)
{
    return -1;
}

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread)
{
    struct walk *w = arg;

    if (*thread)
        return 0;
    *thread = w;
    return w->copy->record.tid;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *ret, void *arg)
{
    const struct walk *w = arg;
    uint64_t word;

    if (!sl__stack_word(w->copy, address, &word))
        return false;
    *ret = word;
    return true;
}

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
    struct walk *w = arg;
    unsigned count = w->copy->record.register_count;

    if (count == 17) /* x86-64, whose program counter is a column of its own */
        return dw.dwfl_thread_state_registers(thread, 0, 17, w->registers);
    if (!dw.dwfl_thread_state_registers(thread, 0, (int)count - 1, w->registers))
        return false;
    dw.dwfl_thread_state_register_pc(thread, w->registers[count - 1]);
    return true;
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
    .next_thread = next_thread, .memory_read = read_memory, .set_initial_registers = set_registers};

/* Who jumps to where no code is has not built a frame: takes it back, as a debugger does. The bad
 * address is frame 0 all the same. */
static void undo_wild_jump(struct walk *w)
{
    unsigned last = w->copy->record.register_count - 1;
    uint64_t pc = w->registers[last], back;

    if (sl__module_at(w->modules, pc))
        return;
    if (last == 16) {
        if (!sl__stack_word(w->copy, w->registers[7], &back))
            return;
        w->registers[7] += 8;
    } else {
        back = w->registers[30];
    }
    sl__frame_say(w->out, w->count++, pc, NULL, NULL, 0, NULL);
    w->registers[last] = back;
}

/* The place of the call that was inlined. */
static void call_site(Dwarf_Die *unit, Dwarf_Die *die, const char **file, int *line)
{
    Dwarf_Attribute attribute;
    Dwarf_Files *files;
    Dwarf_Word number;
    size_t count;

    *file = NULL;
    if (dw.dwarf_getsrcfiles(unit, &files, &count) == 0 &&
        dw.dwarf_formudata(dw.dwarf_attr(die, DW_AT_call_file, &attribute), &number) == 0)
        *file = dw.dwarf_filesrc(files, number, NULL, NULL);
    *line = 0;
    if (dw.dwarf_formudata(dw.dwarf_attr(die, DW_AT_call_line, &attribute), &number) == 0)
        *line = (int)number;
}

/* Not every compiler writes the table that finds the unit of an address at once. */
static Dwarf_Die *find_unit(Dwfl_Module *module, Dwarf_Addr address, Dwarf_Addr *bias)
{
    Dwarf_Die *unit = dw.dwfl_module_addrdie(module, address, bias);

    if (unit)
        return unit;
    while ((unit = dw.dwfl_module_nextcu(module, unit, bias)))
        if (dw.dwarf_haspc(unit, address - *bias) == 1)
            return unit;
    return NULL;
}

/* The functions inlined at @p address, from the inside out. @p file and @p line move on to where
 * the outermost one was called. */
static void say_inlined(struct walk *w, Dwarf_Die *unit, Dwarf_Addr address, uint64_t pc,
                        const char **file, int *line)
{
    Dwarf_Die *inner, *scopes;
    int count;

    if (dw.dwarf_getscopes(unit, address, &inner) <= 0)
        return;
    count = dw.dwarf_getscopes_die(&inner[0], &scopes);
    for (int i = 0; i < count && w->count < FRAMES_MAX; i++) {
        int tag = dw.dwarf_tag(&scopes[i]);

        if (tag == DW_TAG_subprogram)
            break;
        if (tag != DW_TAG_inlined_subroutine)
            continue;
        sl__frame_say(w->out, w->count++, pc, dw.dwarf_diename(&scopes[i]), *file, *line, NULL);
        call_site(unit, &scopes[i], file, line);
    }
    if (count > 0)
        free(scopes);
    free(inner);
}

static void find_source(struct walk *w, Dwfl_Module *module, Dwarf_Addr address, uint64_t pc,
                        const char **file, int *line)
{
    Dwarf_Addr bias = 0;
    Dwarf_Die *unit = find_unit(module, address, &bias);
    Dwarf_Line *source = unit ? dw.dwarf_getsrc_die(unit, address - bias) : NULL;

    if (!source)
        return;
    *file = dw.dwarf_linesrc(source, NULL, NULL);
    dw.dwarf_lineno(source, line);
    say_inlined(w, unit, address - bias, pc, file, line);
}

static void say_again(struct walk *w)
{
    if (w->again > 0)
        fprintf(w->out, "      (and %u time%s more)\n", w->again, w->again == 1 ? "" : "s");
    w->again = 0;
}

static int on_frame(Dwfl_Frame *frame, void *arg)
{
    struct walk *w = arg;
    const char *function = NULL, *file = NULL;
    Dwarf_Addr pc, at;
    Dwfl_Module *module;
    bool exact;
    int line = 0;

    if (w->count >= FRAMES_MAX || !dw.dwfl_frame_pc(frame, &pc, &exact) || pc == 0)
        return DWARF_CB_ABORT;
    if (w->count > 0 && pc == w->last) {
        w->again++;
        return DWARF_CB_OK;
    }
    say_again(w);
    w->last = pc;
    at = exact ? pc : pc - 1; /* of a caller: the call, not what comes after it */
    module = dw.dwfl_addrmodule(w->dwfl, at);
    if (module) {
        find_source(w, module, at, pc, &file, &line);
        function = dw.dwfl_module_addrname(module, at);
    }
    sl__frame_say(w->out, w->count++, pc, function, file, line, sl__module_at(w->modules, pc));
    return DWARF_CB_OK;
}

static bool open_modules(struct walk *w)
{
    static char *debug_path;
    static Dwfl_Callbacks callbacks = {
        .find_elf = find_no_elf, .section_address = no_section, .debuginfo_path = &debug_path};

    callbacks.find_debuginfo = dw.dwfl_standard_find_debuginfo;
    w->dwfl = dw.dwfl_begin(&callbacks);
    if (!w->dwfl)
        return false;
    for (const struct sl__module *m = w->modules; m; m = m->next)
        if (m->path)
            dw.dwfl_report_elf(w->dwfl, m->name, m->path, -1, m->base, false);
    return dw.dwfl_report_end(w->dwfl, NULL, NULL) == 0;
}

void sl__backtrace(const struct sl__crash_copy *c, const struct sl__module *modules, FILE *out)
{
    struct walk w = {.copy = c, .modules = modules, .out = out};

    if (c->record.register_count == 0 || !load() || !open_modules(&w)) {
        sl__backtrace_raw(c, modules, out);
        return;
    }
    for (unsigned i = 0; i < c->record.register_count; i++)
        w.registers[i] = c->record.registers[i];
    undo_wild_jump(&w);
    if (dw.dwfl_attach_state(w.dwfl, NULL, c->record.pid, &thread_callbacks, &w))
        dw.dwfl_getthread_frames(w.dwfl, c->record.tid, on_frame, &w);
    say_again(&w);
    if (w.count == 0)
        sl__backtrace_raw(c, modules, out);
}
