/*
 * shallot complete: what may stand where the cursor is, for the completions of bash, zsh and fish.
 *
 * The scripts (packaging/completions/) hand over the words of the line and are told candidates,
 * one a line, with a tab and some words about each; or, as ":source", which files their own shell
 * shall offer. Commands and options are read out of the help texts, so none can be forgotten.
 * Nothing is said to standard error: somebody is typing.
 */
#include "cli.h"
#include "new/templates.h"
#include "operate/operate.h"
#include "verify/verify.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char complete_help[] =
    "shallot complete [WORD...]\n"
    "\n"
    "For shells: prints what the last WORD, which is being typed, may become; a tab and what it\n"
    "means follow. \":source\", \":program\", \":file\", \":folder\" and \":command\" ask the "
    "shell for\n"
    "files of its own. The words are those behind \"shallot\".\n";

#define WORD 64

/* A line that is being typed: its words, and what each candidate has to begin with. */
struct line {
    char **words; /* those before the last */
    int count;
    const char *typed;
    char before[WORD]; /* "--template=", which candidates repeat */
};

static void offer(const struct line *l, const char *value, const char *what, size_t len)
{
    if (strncmp(value, l->typed, strlen(l->typed)) == 0)
        printf("%s%s\t%.*s\n", l->before, value, (int)len, what);
}

static void offer_text(const struct line *l, const char *value, const char *what)
{
    offer(l, value, what, strlen(what));
}

/* The line of a help text that begins with this; what follows two spaces says what it is. */
static const char *words_about(const char *help, const char *beginning, size_t *ret_len)
{
    size_t len = strlen(beginning);

    for (const char *line = help; line; line = strchr(line, '\n')) {
        const char *about;

        line += *line == '\n';
        if (strncmp(line, beginning, len) != 0 || (line[len] != ' ' && line[len] != '\n'))
            continue;
        about = strstr(line + len, "  ");
        *ret_len = strcspn(line, "\n");
        if (!about || about > line + *ret_len)
            about = line + *ret_len;
        about += strspn(about, " ");
        *ret_len = strcspn(about, "\n");
        return about;
    }
    return NULL;
}

static void offer_commands(const struct line *l)
{
    for (size_t i = 0; i < cli_commands_count; i++) {
        char beginning[WORD];
        const char *about;
        size_t len;

        snprintf(beginning, sizeof beginning, "  shallot %s", cli_commands[i].name);
        about = words_about(general_help, beginning, &len);
        if (about)
            offer(l, cli_commands[i].name, about, len);
    }
    offer_text(l, "help", "more about a command");
    if (l->typed[0] == '-') {
        offer_text(l, "--help", "the commands there are");
        offer_text(l, "--version", "");
    }
}

/* The next option of a help text from *at on, with the name of its value, if it takes one. */
static bool next_option(const char **at, char name[WORD], char value[WORD])
{
    const char *option = *at;

    do {
        option = strstr(option + 1, "--");
        if (!option)
            return false;
    } while (!islower((unsigned char)option[2]) || (option[-1] != ' ' && option[-1] != '['));
    *at = option + 2;
    snprintf(name, WORD, "%.*s", (int)strspn(option, "-abcdefghijklmnopqrstuvwxyz"), option);
    option += strlen(name);
    value[0] = 0;
    if (*option == ' ' && isupper((unsigned char)option[1]))
        snprintf(value, WORD, "%.*s", (int)strcspn(option + 1, " ]\n"), option + 1);
    return true;
}

/* Options stand in the first line, in brackets, or begin one of their own. */
static bool is_listed(const char *help, const char *option)
{
    const char *before = option - 1;

    if (*before == '[')
        return true;
    while (before > help && *before == ' ')
        before--;
    return *before == '\n';
}

static bool was_given(const struct line *l, const char *name)
{
    for (int i = 0; i < l->count; i++)
        if (strcmp(l->words[i], name) == 0)
            return true;
    return false;
}

static void offer_options(const struct line *l, const char *help)
{
    char name[WORD], value[WORD], beginning[2 * WORD + 4], seen[1024] = " ";
    const char *at = help;

    while (next_option(&at, name, value)) {
        const char *about;
        size_t len = 0, used = strlen(seen);

        snprintf(beginning, sizeof beginning, " %s ", name);
        if (!is_listed(help, at - 2) || strstr(seen, beginning) || was_given(l, name))
            continue;
        snprintf(seen + used, sizeof seen - used, "%s ", name);
        snprintf(beginning, sizeof beginning, "  %s", name);
        about = words_about(help, beginning, &len);
        offer(l, name, about ? about : "", len);
    }
    offer_text(l, "--help", "what it does");
}

/* The value that this option takes; false if it takes none. */
static bool takes_value(const char *help, const char *option, char value[WORD])
{
    char name[WORD];

    for (const char *at = help; next_option(&at, name, value);)
        if (strcmp(name, option) == 0 && value[0])
            return true;
    return false;
}

static void offer_program(void *self, const char *name, const char *pid, bool alone)
{
    const struct line *l = self;
    char what[64];

    if (alone) {
        snprintf(what, sizeof what, "process %s", pid);
        offer_text(l, name, what);
    }
    if (!alone || isdigit((unsigned char)l->typed[0]))
        offer_text(l, pid, name);
}

static void offer_workers(const struct line *l)
{
    struct talk_options o = {0};
    struct talk t;
    char *text;

    if (talk_open(&t, &o, NULL) != 0)
        return;
    text = talk_fetch(&t, "status");
    for (char *line = text; line && *line;) {
        char *next = line + strlen(line) + 1, what[96];
        struct row r;

        row_read(line, &r);
        snprintf(what, sizeof what, "worker, process %s, %s", row_text(&r, "pid"),
                 row_text(&r, "state"));
        if (strcmp(r.what, "worker") == 0)
            offer_text(l, row_text(&r, "id"), what);
        line = next;
    }
    free(text);
    talk_close(&t);
}

static void offer_crash(void *self, const char *number, const char *what)
{
    offer_text(self, number, what);
}

static void offer_values(const struct line *l, const char *kind)
{
    if (strcmp(kind, "TEMPLATE") == 0)
        for (size_t i = 0; i < templates_count; i++)
            offer_text(l, templates[i].name, templates[i].what);
    else if (strcmp(kind, "SCENARIO") == 0)
        for (unsigned i = 0; i < scenario_count; i++)
            offer_text(l, scenarios[i].name, scenarios[i].what);
    else if (strcmp(kind, "RUNNING") == 0)
        running_each(offer_program, (void *)(size_t)l);
    else if (strcmp(kind, "WORKER") == 0)
        offer_workers(l);
    else if (strcmp(kind, "CRASH") == 0)
        crashes_each(offer_crash, (void *)(size_t)l);
    else if (strcmp(kind, "COMMAND") == 0)
        puts(":command");
    else if (strcmp(kind, "FOLDER") == 0)
        puts(":folder");
    else if (strcmp(kind, "PATH") == 0)
        puts(":file");
    else if (strcmp(kind, "SOURCE") == 0)
        puts(":source\n:program");
}

/* What a command is to work on, in order. */
static const struct {
    const char *command, *first, *second;
} subjects[] = {
    {"dev", "SOURCE", ""},     {"run", "SOURCE", ""},
    {"status", "RUNNING", ""}, {"top", "RUNNING", ""},
    {"reload", "RUNNING", ""}, {"upgrade", "RUNNING", ""},
    {"stop", "RUNNING", ""},   {"routes", "RUNNING", ""},
    {"scale", "", "RUNNING"},  {"restart", "WORKER", "RUNNING"},
    {"crashes", "CRASH", ""},
};

/* How many words before this one are neither options nor their values. */
static int subjects_before(const struct line *l, const char *help)
{
    char value[WORD];
    int n = 0;

    for (int i = 1; i < l->count; i++) {
        if (l->words[i][0] != '-')
            n++;
        else if (takes_value(help, l->words[i], value))
            i++;
    }
    return n;
}

static void offer_subject(const struct line *l, const char *command, int n)
{
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
        if (strcmp(subjects[i].command, command) == 0 && n < 2)
            offer_values(l, n == 0 ? subjects[i].first : subjects[i].second);
}

/* Behind a command: the value of an option, an option, or what it is to work on. */
static void complete_command(const struct line *l, const struct command *c)
{
    const char *last = l->words[l->count - 1];
    char value[WORD];

    if (was_given(l, "--"))
        puts(strcmp(last, "--") == 0 && strcmp(c->name, "verify") == 0 ? ":command" : ":file");
    else if (l->count > 1 && takes_value(c->help, last, value))
        offer_values(l, strcmp(c->name, "verify") == 0 && strcmp(value, "NAME") == 0 ? "SCENARIO"
                                                                                     : value);
    else if (l->typed[0] == '-')
        offer_options(l, c->help);
    else
        offer_subject(l, c->name, subjects_before(l, c->help));
}

/* "--name=val" is "--name" and "val"; bash makes three words of it, the second of which is "=". */
static void split(struct line *l)
{
    static char option[WORD];
    const char *equals = strchr(l->typed, '=');
    int to = 0;

    for (int i = 0; i < l->count; i++)
        if (strcmp(l->words[i], "=") != 0)
            l->words[to++] = l->words[i];
    l->count = to;
    if (strcmp(l->typed, "=") == 0)
        l->typed = "";
    if (l->typed[0] != '-' || !equals || equals - l->typed >= WORD - 1)
        return;
    snprintf(l->before, sizeof l->before, "%.*s", (int)(equals + 1 - l->typed), l->typed);
    snprintf(option, sizeof option, "%.*s", (int)(equals - l->typed), l->typed);
    l->words[l->count++] = option; /* in the place of the word itself */
    l->typed = equals + 1;
}

int complete_main(int argc, char **argv)
{
    struct line l = {.words = argv + 1, .count = argc - 2, .typed = argc > 1 ? argv[argc - 1] : ""};
    const struct command *c;

    if (!freopen("/dev/null", "w", stderr))
        return 1;
    if (argc < 2)
        l.count = 0;
    split(&l);
    if (l.count == 0 || strcmp(l.words[0], "help") == 0) {
        if (l.count < 2)
            offer_commands(&l);
        return 0;
    }
    c = command_named(l.words[0]);
    if (c)
        complete_command(&l, c);
    return 0;
}
