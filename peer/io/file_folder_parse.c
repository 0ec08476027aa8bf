/* SPDX-License-Identifier: MIT
 *
 * From the list that somebody sent to entries with names that can be used here. What a name is made into may meet
 * another of its folder: then it gets a number. Which names are taken is one table of all folders, and each such name
 * remembers the number that it has come to, so that a list of nothing but equal names costs no more than another.
 */
#include <glib.h>
#include <stdlib.h>

#include "peer/io/file_folder.h"
#include "peer/io/file_name.h"

enum {
    TRIES_MAX = 4 * FILE_TREE_ENTRIES_MAX /* of numbers, for all names of the list */
};

struct names {
    GHashTable *taken; /* "PARENT/key" → the last number that was tried for it */
    unsigned tries;
};

static char *taken_key(uint32_t parent, const char *name)
{
    char *key = file_name_key(name);
    char *whole = g_strdup_printf("%x/%s", parent, key);
    g_free(key);
    return whole;
}

static bool take_name(struct names *n, uint32_t parent, const char *name)
{
    char *key = taken_key(parent, name);
    if (!g_hash_table_contains(n->taken, key))
        return g_hash_table_insert(n->taken, key, GUINT_TO_POINTER(0));
    g_free(key);
    return false;
}

/* Writes a name that nothing else of the folder has; false: too many tries. */
static bool name_freely(struct names *n, uint32_t parent, struct span sent, char out[FILE_NAME_MAX + 1])
{
    char safe[FILE_NAME_MAX + 1];
    file_name_safe(sent, false, FILE_NAME_MAX, safe);
    file_name_copy(safe, out);
    if (take_name(n, parent, safe))
        return true;
    char *key = taken_key(parent, safe);
    unsigned number = GPOINTER_TO_UINT(g_hash_table_lookup(n->taken, key));
    bool found = false;
    while (!found && n->tries++ < TRIES_MAX) {
        file_name_numbered(safe, ++number, FILE_NAME_MAX, out);
        found = take_name(n, parent, out);
    }
    g_hash_table_insert(n->taken, key, GUINT_TO_POINTER(number));
    return found;
}

/* The folder that a path lies in: the entry before, or one of the folders that it lies in. */
static uint32_t parent_of(const struct file_folder *f, struct span path)
{
    size_t n = path.n;
    while (n > 0 && path.p[n - 1] != '/')
        n--;
    if (n == 0)
        return FILE_FOLDER_TOP;
    uint32_t at = f->n - 1;
    while (at != FILE_FOLDER_TOP && (!f->entries[at].folder || f->entries[at].path_n != n - 1))
        at = f->entries[at].parent;
    return at;
}

static const char *add_sent(struct file_folder *f, struct names *names, const struct file_tree_entry *sent)
{
    char name[FILE_NAME_MAX + 1];
    struct file_entry e = {
        .size = sent->size, .parent = parent_of(f, sent->path), .mode = (uint16_t)sent->mode, .folder = sent->folder};
    size_t at = sent->path.n;
    while (at > 0 && sent->path.p[at - 1] != '/')
        at--;
    struct span own = {sent->path.p + at, sent->path.n - at};
    if (!name_freely(names, e.parent, own, name))
        return "too many names in the folder are alike";
    if (!span_is(own, name)) {
        e.disk_name = strdup(name);
        if (!e.disk_name)
            return "no memory for the folder's list";
        f->renamed++;
    }
    return file_folder_take(f, sent->path, e) ? NULL : "no memory for the folder's list";
}

bool file_folder_parse(struct file_folder *f, char *list, size_t n, struct file_problem *p)
{
    struct names names = {g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL), 0};
    struct file_tree_reader reader;
    struct file_tree_entry e;
    const char *problem = NULL;
    size_t length;
    f->list.p = list;
    f->list.len = f->list.cap = n;
    if (!file_tree_head((struct span){list, n}, &length, &f->mode) || length != n) {
        problem = "the folder's list does not begin as one";
    } else {
        file_tree_reader_init(&reader, buf_view(&f->list));
        while (!problem && file_tree_read(&reader, &e, &problem))
            problem = add_sent(f, &names, &e);
    }
    g_hash_table_destroy(names.taken);
    if (problem)
        return file_problem_set(p, "bad-folder", "%.200s cannot be unpacked: %s", f->path, problem);
    file_folder_place(f);
    return true;
}
