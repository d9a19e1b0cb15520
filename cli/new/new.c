/*
 * shallot new: a folder with a project that builds, passes its tests and can be deployed.
 *
 * The files come out of the program itself (templates.c). They are written into a folder beside the
 * one that is wanted, which takes its name in one step at the end: so there is all of it or
 * nothing, and what is there already is never touched.
 */
#include "cli.h"
#include "templates.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_LENGTH 31

const char new_help[] =
    "shallot new NAME [--template TEMPLATE]\n"
    "\n"
    "Makes a folder NAME with a program that builds by make, passes its own tests by make test,\n"
    "and has a unit for systemd and a file for containers. NAME may be a path.\n"
    "\n"
    "  --template TEMPLATE   which: hello, api, site or chat (hello)\n"
    "  --list                say what the templates are\n";

struct new_options {
    char *path;
    const char *template;
    bool list, help;
};

/* A project on its way into the world. */
struct birth {
    const struct template *template;
    const char *name;       /* what @NAME@ becomes */
    const char *path;       /* the folder that is wanted */
    char folder[PATH_SIZE]; /* where it is written */
};

static int read_option(char **argv, int *i, struct new_options *ret)
{
    static const char *const known[] = {"template", "list", "help", NULL};
    const char *a = argv[*i], *meant;

    if (strcmp(a, "--list") == 0 || strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
        *(strcmp(a, "--list") == 0 ? &ret->list : &ret->help) = true;
        return 0;
    }
    if (strncmp(a, "--template=", 11) == 0) {
        ret->template = a + 11;
        return 0;
    }
    if (strcmp(a, "--template") == 0) {
        ret->template = argv[++*i];
        return ret->template
                   ? 0
                   : say_usage_error("new: --template needs a name; see: shallot new --list");
    }
    meant = closest(a + strspn(a, "-"), known);
    if (meant)
        return say_usage_error("new: no such option %s; did you mean --%s?", a, meant);
    return say_usage_error("new: no such option %s; see: shallot help new", a);
}

/* "hello/", as shells complete it, is hello. */
static char *without_slashes(char *path)
{
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/')
        path[--len] = 0;
    return path;
}

static int read_options(int argc, char **argv, struct new_options *ret)
{
    memset(ret, 0, sizeof *ret);
    for (int i = 1; i < argc; i++) {
        int r = 0;

        if (argv[i][0] == '-')
            r = read_option(argv, &i, ret);
        else if (ret->path)
            r = say_usage_error("new: %s and %s: only one at a time", ret->path, argv[i]);
        else
            ret->path = without_slashes(argv[i]);
        if (r != 0)
            return r;
    }
    return 0;
}

/* What a file, a unit, a container image and a user of the system may all be called. */
static int check_name(const char *name)
{
    static const char *const taken[] = {"run",   "dev",    "test",     "install", "clean",
                                        "tests", "public", "makefile", "shallot", NULL};
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_");

    if (len == 0 || name[len] || len > NAME_LENGTH || name[0] < 'a' || name[0] > 'z')
        return say_usage_error(
            "new: %s is no good name: small letters, digits, - and _, a letter first, "
            "%d at most",
            name[0] ? name : "\"\"", NAME_LENGTH);
    for (size_t i = 0; taken[i]; i++)
        if (strcmp(name, taken[i]) == 0)
            return say_usage_error(
                "new: %s is taken by something in the project itself: choose another name", name);
    return 0;
}

static int find_template(const char *wish, const struct template **ret)
{
    const char *names[TEMPLATES_MAX + 1] = {NULL}, *meant;

    for (size_t i = 0; i < templates_count; i++) {
        names[i] = templates[i].name;
        *ret = &templates[i];
        if (strcmp(templates[i].name, wish) == 0)
            return 0;
    }
    meant = closest(wish, names);
    if (meant)
        return say_usage_error("new: no template %s; did you mean %s?", wish, meant);
    return say_usage_error("new: no template %s; see: shallot new --list", wish);
}

static int fill_path(const struct birth *b, const char *file, char *ret)
{
    char *name = template_fill(b->template, b->name, file);
    int r = name ? path_format(ret, PATH_SIZE, "%s/%s", b->folder, name)
                 : say_failure("out of memory; nothing was made");

    free(name);
    return r;
}

static int write_all(int fd, const char *text)
{
    size_t len = strlen(text);

    while (len > 0) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            text += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

static int write_text(const char *path, const char *text)
{
    mode_t mode = strncmp(text, "#!", 2) == 0 ? 0777 : 0666;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    int r;

    if (fd < 0)
        return -errno;
    r = write_all(fd, text);
    if (close(fd) < 0 && r == 0) /* some file systems find out only now that they are full */
        r = -errno;
    return r;
}

static int write_file(const struct birth *b, const struct template_file *f)
{
    char path[PATH_SIZE], folder[PATH_SIZE];
    char *text;
    int r = fill_path(b, f->path, path);

    if (r != 0)
        return r;
    text = template_fill(b->template, b->name, f->text);
    if (!text)
        return say_failure("out of memory; nothing was made");
    folder_of(path, folder, sizeof folder);
    r = mkdir(folder, 0777) < 0 && errno != EEXIST ? -errno : write_text(path, text);
    free(text);
    if (r < 0)
        return say_failure("cannot write %s: %s; nothing was made", b->path, strerror(-r));
    return 0;
}

/* What a failure leaves is taken away again: files first, then the folders that are empty. */
static void take_back(const struct birth *b)
{
    char path[PATH_SIZE], folder[PATH_SIZE];

    for (size_t i = 0; i < template_files_count; i++)
        if (fill_path(b, template_files[i].path, path) == 0)
            unlink(path);
    for (size_t i = 0; i < template_files_count; i++)
        if (fill_path(b, template_files[i].path, path) == 0) {
            folder_of(path, folder, sizeof folder);
            rmdir(folder);
        }
}

static int say_taken(const char *path)
{
    return say_failure("%s is there already, and not an empty folder: choose another name", path);
}

static bool is_empty(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *e;
    bool empty = dir != NULL;

    while (empty && (e = readdir(dir)))
        empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    if (dir)
        closedir(dir);
    return empty;
}

static int begin(struct birth *b)
{
    char parent[PATH_SIZE];
    struct stat there;

    if (lstat(b->path, &there) == 0 && !(S_ISDIR(there.st_mode) && is_empty(b->path)))
        return say_taken(b->path);
    folder_of(b->path, parent, sizeof parent);
    if (path_format(b->folder, sizeof b->folder, "%s/.%s.XXXXXX", parent, b->name) != 0)
        return 1;
    if (!mkdtemp(b->folder))
        return say_failure("cannot make a folder in %s: %s", parent, strerror(errno));
    return 0;
}

/* The folder gets its name: in one step, and only if nothing is there. */
static int finish(const struct birth *b)
{
    mode_t mask = umask(0);

    umask(mask);
    if (chmod(b->folder, 0777 & ~mask) == 0 && rename(b->folder, b->path) == 0)
        return 0;
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
        return say_taken(b->path);
    return say_failure("cannot make %s: %s; nothing was made", b->path, strerror(errno));
}

static int make_project(struct birth *b)
{
    int r = begin(b);

    if (r != 0)
        return r;
    for (size_t i = 0; r == 0 && i < template_files_count; i++)
        if (template_has(b->template, &template_files[i]))
            r = write_file(b, &template_files[i]);
    if (r == 0)
        r = finish(b);
    if (r != 0)
        take_back(b);
    return r;
}

static void say_made(const struct birth *b)
{
    char quoted[2 * PATH_SIZE] = "cd ";

    say_line(TONE_GOOD, "new", "%s · %s", b->name, b->template->what);
    say_line(TONE_QUIET, "", "%s.c  %sMakefile  tests/  README.md  %s.service  Containerfile",
             b->name, b->template->files ? "public/  " : "", b->name);
    if (append_quoted(quoted, sizeof quoted, b->path) == 0)
        say_line(TONE_PLAIN, "next", "%s", quoted);
    say_line(TONE_PLAIN, "", "shallot dev");
}

static int list(void)
{
    for (size_t i = 0; i < templates_count; i++)
        printf("%-8s %s\n", templates[i].name, templates[i].what);
    return 0;
}

int new_main(int argc, char **argv)
{
    struct new_options o;
    struct birth b = {0};
    int r = read_options(argc, argv, &o);

    if (r != 0)
        return r;
    if (o.list)
        return list();
    if (o.help) {
        fputs(new_help, stdout);
        return 0;
    }
    if (!o.path)
        return say_usage_error("new: what name? as in: shallot new hello");
    b.path = o.path;
    b.name = base_name(b.path);
    r = check_name(b.name);
    if (r == 0)
        r = find_template(o.template ? o.template : "hello", &b.template);
    if (r == 0)
        r = make_project(&b);
    if (r == 0)
        say_made(&b);
    return r;
}
