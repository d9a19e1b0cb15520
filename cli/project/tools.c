/*
 * Compilers and build tools: whether they are there, what to install if not, and where Shallot
 * itself is.
 *
 * A tool run from its build tree, or installed in a prefix of its own, must work from any folder
 * with nothing set in the environment: pkg-config is told where to look, the linker which run path
 * to write.
 */
#include "project/project.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MAX ((size_t)1 << 20)

static char run_path[PATH_MAX];

/* Who installs packages here, and what the tools' packages are called there; NULL: as the tool. */
static const struct {
    const char *manager, *install;
    const char *compiler, *cpp, *pkg_config, *ninja;
} systems[] = {
    {"apt-get", "sudo apt install", "gcc libc6-dev", "g++", "pkg-config", "ninja-build"},
    {"dnf", "sudo dnf install", "gcc", "gcc-c++", "pkgconf-pkg-config", "ninja-build"},
    {"apk", "sudo apk add", "gcc musl-dev", "g++", "pkgconf", "samurai"},
    {"pacman", "sudo pacman -S", "gcc", "gcc", "pkgconf", "ninja"},
    {"zypper", "sudo zypper install", "gcc", "gcc-c++", "pkg-config", "ninja"},
};

bool have_tool(const char *name)
{
    const char *path = getenv("PATH");
    char candidate[PATH_MAX];
    size_t len = strcspn(name, " "); /* "ccache gcc" */

    if (len == 0)
        return false;
    if (memchr(name, '/', len)) {
        snprintf(candidate, sizeof candidate, "%.*s", (int)len, name);
        return is_file(candidate) && access(candidate, X_OK) == 0;
    }
    if (!path)
        path = "/usr/local/bin:/usr/bin:/bin";
    while (*path) {
        size_t folder = strcspn(path, ":");

        snprintf(candidate, sizeof candidate, "%.*s/%.*s", folder ? (int)folder : 1,
                 folder ? path : ".", (int)len, name);
        if (is_file(candidate) && access(candidate, X_OK) == 0)
            return true;
        path += folder + (path[folder] == ':');
    }
    return false;
}

static const char *what_is(const char *name)
{
    if (strcmp(name, "cc") == 0)
        return "no C compiler (cc) here";
    if (strcmp(name, "c++") == 0)
        return "no C++ compiler (c++) here";
    return NULL;
}

int need_tool(const char *name)
{
    const char *what = what_is(name), *package = name;

    if (have_tool(name))
        return 0;
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++) {
        if (!have_tool(systems[i].manager))
            continue;
        if (strcmp(name, "cc") == 0)
            package = systems[i].compiler;
        else if (strcmp(name, "c++") == 0)
            package = systems[i].cpp;
        else if (strcmp(name, "pkg-config") == 0)
            package = systems[i].pkg_config;
        else if (strcmp(name, "ninja") == 0)
            package = systems[i].ninja;
        if (what)
            return say_failure("%s; install one: %s %s", what, systems[i].install, package);
        return say_failure("%s is not installed: %s %s", name, systems[i].install, package);
    }
    return say_failure("%s%s", what ? what : name, what ? "" : " is not installed");
}

static void prepend(const char *variable, const char *value)
{
    const char *old = getenv(variable);
    char text[2 * PATH_MAX];

    if (old && *old) {
        snprintf(text, sizeof text, "%s:%s", value, old);
        value = text;
    }
    setenv(variable, value, 1);
}

static bool try_home(const char *pc_folder, const char *pc_file, const char *library)
{
    char file[PATH_MAX + 32], real[PATH_MAX];

    snprintf(file, sizeof file, "%s/%s", pc_folder, pc_file);
    if (access(file, R_OK) != 0 || !realpath(pc_folder, real) || !realpath(library, run_path))
        return false;
    prepend("PKG_CONFIG_PATH", real);
    prepend("LD_RUN_PATH", run_path); /* for builds whose link lines are not ours */
    prepend("LIBRARY_PATH", run_path);
    return true;
}

void tools_find_shallot(void)
{
    char exe[PATH_MAX], home[PATH_MAX], pc[PATH_MAX], library[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

    if (n <= 0)
        return;
    exe[n] = 0;
    folder_of(exe, home, sizeof home);
    if (path_format(pc, sizeof pc, "%s/../meson-uninstalled", home) != 0 ||
        path_format(library, sizeof library, "%s/../src", home) != 0 ||
        try_home(pc, "shallot-uninstalled.pc", library))
        return;
    if (strcmp(home, "/usr/bin") == 0 || strcmp(home, "/usr/local/bin") == 0 ||
        SHALLOT_LIBDIR[0] == '/')
        return;
    if (path_format(library, sizeof library, "%s/../" SHALLOT_LIBDIR, home) == 0 &&
        path_format(pc, sizeof pc, "%s/../" SHALLOT_LIBDIR "/pkgconfig", home) == 0)
        try_home(pc, "shallot.pc", library);
}

const char *tools_run_path(void)
{
    return run_path[0] ? run_path : NULL;
}

int run_command(const char *command)
{
    int status = system(command);

    if (status < 0)
        return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* In the child. */
__attribute__((noreturn)) static void become(char *const *argv, int out)
{
    int null = open("/dev/null", O_RDWR);

    dup2(out, STDOUT_FILENO);
    if (null >= 0)
        dup2(null, STDERR_FILENO);
    execvp(argv[0], argv);
    _exit(127);
}

char *tools_answer(char *const *argv)
{
    char *text = malloc(ANSWER_MAX + 1);
    int ends[2], status = -1;
    size_t len = 0;
    ssize_t n;
    pid_t pid;

    if (!text || pipe2(ends, O_CLOEXEC) < 0) {
        free(text);
        return NULL;
    }
    pid = fork();
    if (pid == 0)
        become(argv, ends[1]);
    close(ends[1]);
    while (pid > 0 && len < ANSWER_MAX &&
           ((n = read(ends[0], text + len, ANSWER_MAX - len)) > 0 || (n < 0 && errno == EINTR)))
        len += n > 0 ? (size_t)n : 0;
    close(ends[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    while (len > 0 && text[len - 1] == '\n')
        len--;
    text[len] = '\0';
    if (status == 0)
        return text;
    free(text);
    return NULL;
}

const char *tools_compiler(const char *source)
{
    bool cpp = is_cpp(source);
    const char *compiler = getenv(cpp ? "CXX" : "CC");

    return compiler && *compiler ? compiler : cpp ? "c++" : "cc";
}

bool tools_have_package(const char *package)
{
    const char *const argv[] = {"pkg-config", "--exists", package, NULL};
    char *answer;

    if (package[0] == '-')
        return false;
    answer = tools_answer((char *const *)(size_t)argv);
    free(answer);
    return answer != NULL;
}

bool tools_closest_package(const char *name, char *ret, size_t size)
{
    char list_all[] = "--list-all", tool[] = "pkg-config";
    char *const argv[] = {tool, list_all, NULL};
    char *text = tools_answer(argv), *rest = NULL;
    struct words names = {0};
    const char *best = NULL;

    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest)) {
        line[strcspn(line, " \t")] = '\0';
        if (words_add(&names, line) != 0)
            break;
    }
    if (names.count > 0)
        best = closest(name, (const char *const *)(size_t)names.list);
    if (best)
        snprintf(ret, size, "%s", best);
    words_free(&names);
    free(text);
    return best != NULL;
}

bool tools_install_command(const char *package, char *ret, size_t size)
{
    if (!have_tool("apt-get"))
        return false;
    snprintf(ret, size, "sudo apt install %s", package);
    return true;
}

const char *tools_no_shallot(void)
{
    return have_tool("apt-get")
               ? "pkg-config does not find the shallot library: sudo apt install libshallot-dev, "
                 "or add the folder of its shallot.pc to PKG_CONFIG_PATH"
               : "pkg-config does not find the shallot library: install it, or add the folder of "
                 "its shallot.pc to PKG_CONFIG_PATH";
}

int tools_own_command(const char *name, char *ret, size_t size)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    size_t at;
    int r;

    if (n <= 0)
        return say_failure("cannot find out where this program is: %s", strerror(errno));
    self[n] = '\0';
    snprintf(ret, size, "exec ");
    r = append_quoted(ret, size, self);
    at = strlen(ret);
    return r == 0 ? path_format(ret + at, size - at, " %s ", name) : r;
}
