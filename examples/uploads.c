/*
 * Uploads with progress: a page with a form, files of any size kept in a folder, a list of them.
 * The file goes to disk as it comes and has no name until all of it is there.
 *
 * Run:  shallot dev uploads.c
 * Try:  open http://localhost:9090/ and choose a large file
 *       curl -F note=hello -F file=@/usr/bin/git localhost:9090/files
 *       curl -s localhost:9090/files/git | cmp - /usr/bin/git
 */
#include <dirent.h>
#include <errno.h>
#include <shallot.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *folder; /* UPLOADS in the environment, else "uploads" */

static const char page[] =
    "<!doctype html><meta charset=utf-8><title>Uploads</title>\n"
    "<h1>Uploads</h1>\n"
    "<form action=/files method=post enctype=multipart/form-data>\n"
    "<input name=note placeholder='a note'> <input type=file name=file multiple required> "
    "<button>Send</button> <progress max=1 value=0 hidden></progress> <output></output></form>\n"
    "<ul></ul><script>\n"
    "const [form, bar, out, list] = ['form', 'progress', 'output', 'ul']"
    ".map(name => document.querySelector(name));\n"
    "async function show() {\n"
    "  const names = (await (await fetch('/files')).text()).split('\\n').filter(name => name);\n"
    "  list.replaceChildren(...names.map(name => {\n"
    "    const item = document.createElement('li');\n"
    "    item.innerHTML = '<a></a>';\n"
    "    Object.assign(item.firstChild, {href: '/files/' + encodeURIComponent(name), "
    "textContent: name});\n"
    "    return item;\n"
    "  }));}\n"
    "form.onsubmit = event => {\n"
    "  const request = new XMLHttpRequest();\n"
    "  event.preventDefault(), bar.hidden = false;\n"
    "  request.upload.onprogress = e => { bar.value = e.loaded / e.total; };\n"
    "  request.onload = () => { out.value = request.responseText; show(); };\n"
    "  request.onerror = () => { out.value = 'the connection was lost'; };\n"
    "  request.open('POST', form.action), request.send(new FormData(form));\n"
    "}; show();</script>\n";

static int show_page(sl_ctx *c)
{
    return sl_body(c, page);
}

/* Under its own name; with a number in front if there is such a file. */
static int keep(sl_ctx *c, const sl_upload *file)
{
    int r = -EEXIST;

    for (int n = 1; r == -EEXIST && n < 1000; n++)
        r = sl_upload_keep(c, file,
                           n == 1 ? sl_format(c, "%s/%s", folder, file->filename)
                                  : sl_format(c, "%s/%d-%s", folder, n, file->filename));
    return r;
}

static int receive(sl_ctx *c)
{
    const sl_upload *file;
    uint64_t octets = 0;
    size_t count;
    int r = sl_request_form(c, .spool = folder, .file_bytes = (uint64_t)4 << 30);

    for (count = 0; r == 0 && (file = sl_form_file_at(c, "file", count)); count++) {
        octets += file->size;
        r = keep(c, file);
    }
    if (r < 0)
        return r;
    if (count == 0)
        return sl_fail(c, 422, "choose a file");
    sl_info("%zu files from %s: %s", count, sl_remote(c), sl_form(c, "note"));
    sl_set_status(c, 201);
    return sl_text(c, "%zu files, %llu octets\n", count, (unsigned long long)octets);
}

static int list(sl_ctx *c)
{
    DIR *dir = opendir(folder);
    const char *text = "";
    struct dirent *entry;

    if (!dir)
        return sl_fail(c, 500, "cannot read %s: %s", folder, strerror(errno));
    while (text && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            text = sl_format(c, "%s%s\n", text, entry->d_name);
    closedir(dir);
    return text ? sl_text(c, "%s", text) : -ENOMEM;
}

static int send_back(sl_ctx *c)
{
    const char *name = sl_param(c, "name");

    if (strchr(name, '/') || name[0] == '.')
        return sl_fail(c, 404, "no such file");
    sl_set_header(c, "Content-Disposition", "attachment"); /* never shown as a page of ours */
    return sl_file(c, sl_format(c, "%s/%s", folder, name));
}

int main(void)
{
    sl_app *app = sl_new();

    folder = getenv("UPLOADS") ? getenv("UPLOADS") : "uploads";
    mkdir(folder, 0700);
    sl_get(app, "/", show_page);
    sl_get(app, "/files", list);
    sl_post(app, "/files", receive);
    sl_get(app, "/files/:name", send_back);
    return sl_listen(app, .port = 9090);
}
