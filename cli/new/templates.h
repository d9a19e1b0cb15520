/*
 * The projects that `shallot new` makes, as they are in the program.
 */
#ifndef SHALLOT_CLI_TEMPLATES_H
#define SHALLOT_CLI_TEMPLATES_H

#include <stdbool.h>
#include <stddef.h>

#define TEMPLATES_MAX 8

struct template
{
    const char *name, *what; /* what: of what it is, one line */
    const char *packages;    /* pkg-config's names of what it is linked with */
    const char *check;       /* path that says whether it is well */
    bool files;              /* it has a folder public/ */
};
extern const struct template templates[];
extern const size_t templates_count;

/** A file of a template, with what is to be replaced in its name and its text. */
struct template_file {
    const char *of; /* name of the template; "common": of all of them */
    const char *path;
    const char *text; /* NUL-terminated, text */
};
extern const struct template_file template_files[];
extern const size_t template_files_count;

/** True if this file is part of a project of this template. */
bool template_has(const struct template *t, const struct template_file *f);
/**
 * The text with the template's marks replaced: @NAME@, @PACKAGES@, @CHECK@; a line that begins with
 * @files@ stays, without the mark, only where there is a folder public/.
 *
 * @return to be freed; NULL when out of memory
 */
char *template_fill(const struct template *t, const char *name, const char *text);

#endif
