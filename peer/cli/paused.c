/* SPDX-License-Identifier: MIT
 *
 * A JSON array of {"code", "files", "at"}, the oldest first; a file that is none is begun anew, since all that is lost with it is
 * a convenience. Files are named by their whole paths, in the order of the command.
 */
#include "peer/cli/paused.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <jansson.h>
#include <string.h>

#define FILE_NAME "sends"
enum {
    DIR_BYTES = 4096,
    DAY_SECONDS = 24 * 60 * 60
};

static json_t *read_all(const char *dir)
{
    gchar *path = g_build_filename(dir, FILE_NAME, NULL);
    json_t *all = json_load_file(path, 0, NULL);
    g_free(path);
    if (json_is_array(all))
        return all;
    json_decref(all);
    return json_array();
}

static bool write_all(const char *dir, const json_t *all)
{
    gchar *path = g_build_filename(dir, FILE_NAME, NULL);
    char *text = json_dumps(all, JSON_COMPACT);
    bool ok = text && g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL);
    free(text);
    g_free(path);
    return ok;
}

static json_t *files_of(const struct options *o)
{
    json_t *files = json_array();
    for (int i = 0; i < o->file_count; i++) {
        gchar *path = g_canonicalize_filename(o->files[i], NULL), *valid = g_utf8_make_valid(path, -1);
        json_array_append_new(files, json_string(valid));
        g_free(valid);
        g_free(path);
    }
    return files;
}

static bool is_old(const json_t *send)
{
    gint64 now = g_get_real_time() / G_USEC_PER_SEC, at = json_integer_value(json_object_get(send, "at"));
    return at > now || now - at > (gint64)PAUSED_DAYS * DAY_SECONDS;
}

/* Leaves those out that are old, and that of this code. */
static json_t *without(const json_t *all, const char *code)
{
    json_t *rest = json_array(), *send;
    size_t i;
    json_array_foreach(all, i, send)
    {
        const char *its = json_string_value(json_object_get(send, "code"));
        if (its && !is_old(send) && strcmp(its, code) != 0)
            json_array_append(rest, send);
    }
    return rest;
}

bool paused_find(const struct options *o, char code[USHER_CODE_BYTES])
{
    char dir[DIR_BYTES], err[256];
    if (o->usher.state_dir)
        g_strlcpy(dir, o->usher.state_dir, sizeof dir);
    else if (!usher_state_default(dir, sizeof dir))
        return false;
    json_t *all = read_all(dir), *files = files_of(o), *send;
    bool found = false;
    size_t i;
    json_array_foreach(all, i, send)
    {
        const char *its = json_string_value(json_object_get(send, "code"));
        if (its && !is_old(send) && json_equal(json_object_get(send, "files"), files))
            found = usher_code_check(its, code, USHER_CODE_BYTES, err, sizeof err);
    }
    json_decref(files);
    json_decref(all);
    return found;
}

bool paused_keep(const struct options *o, const char *dir, const char *code)
{
    json_t *all = read_all(dir), *rest = without(all, code);
    while (json_array_size(rest) >= PAUSED_MAX)
        json_array_remove(rest, 0);
    json_array_append_new(rest, json_pack("{ss so sI}", "code", code, "files", files_of(o), "at",
                                    (json_int_t)(g_get_real_time() / G_USEC_PER_SEC)));
    bool ok = write_all(dir, rest);
    json_decref(rest);
    json_decref(all);
    return ok;
}

void paused_forget(const char *dir, const char *code)
{
    json_t *all = read_all(dir), *rest = without(all, code);
    if (json_array_size(rest) < json_array_size(all))
        write_all(dir, rest);
    json_decref(rest);
    json_decref(all);
}
