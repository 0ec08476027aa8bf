/* SPDX-License-Identifier: MIT
 *
 * The order makes both ends simple: an entry's folder is the entry before it, or one of the folders that the path
 * before names, so the reader needs no table to know that each folder came before what is in it, and that nothing
 * came twice.
 */
#include "protocol/file_tree.h"

#include "base/utf8.h"

static const char MAGIC[] = "usher-tree 1 ";

enum {
    LENGTH_AT = sizeof MAGIC - 1,
    LENGTH_DIGITS = 8,
    MODE_DIGITS = 3,
    SIZE_DIGITS_MAX = 12 /* 2^38 */
};

bool file_tree_name_valid(struct span name)
{
    if (name.n == 0 || name.n > FILE_TREE_NAME_MAX || span_is(name, ".") || span_is(name, ".."))
        return false;
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (c < 0x20 || c == 0x7f || c == '/')
            return false;
        if (c == 0xc2 && i + 1 < name.n && (unsigned char)name.p[i + 1] < 0xa0) /* C1 */
            return false;
    }
    return utf8_valid(name.p, name.n);
}

/* ---- writing ---- */

void file_tree_begin(struct buf *out, unsigned mode)
{
    buf_printf(out, "%s%0*d %03o\n", MAGIC, LENGTH_DIGITS, 0, mode & FILE_TREE_MODES);
}

void file_tree_add(struct buf *out, const struct file_tree_entry *e)
{
    buf_printf(out, "%c %03o ", e->folder ? 'd' : 'f', e->mode & FILE_TREE_MODES);
    if (!e->folder) {
        buf_number(out, e->size);
        buf_byte(out, ' ');
    }
    buf_span(out, e->path);
    buf_byte(out, '\n');
}

void file_tree_end(struct buf *out)
{
    size_t n = out->len;
    for (size_t i = LENGTH_AT + LENGTH_DIGITS; !out->failed && i-- > LENGTH_AT; n /= 10)
        out->p[i] = (char)('0' + n % 10);
}

/* ---- reading ---- */

/* Takes so many digits from the front. */
static bool take_octal(struct span *s, size_t digits, unsigned *out)
{
    *out = 0;
    if (s->n < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (s->p[i] < '0' || s->p[i] > '7')
            return false;
        *out = *out * 8 + (unsigned)(s->p[i] - '0');
    }
    *s = (struct span){s->p + digits, s->n - digits};
    return true;
}

static bool take_byte(struct span *s, char c)
{
    if (s->n == 0 || *s->p != c)
        return false;
    *s = (struct span){s->p + 1, s->n - 1};
    return true;
}

static bool take_size(struct span *s, uint64_t *out)
{
    size_t i = 0;
    *out = 0;
    for (; i < s->n && i <= SIZE_DIGITS_MAX && s->p[i] >= '0' && s->p[i] <= '9'; i++)
        *out = *out * 10 + (uint64_t)(s->p[i] - '0');
    if (i == 0 || i > SIZE_DIGITS_MAX || (i > 1 && *s->p == '0'))
        return false;
    *s = (struct span){s->p + i, s->n - i};
    return true;
}

bool file_tree_head(struct span start, size_t *length, unsigned *mode)
{
    *length = 0;
    if (start.n < FILE_TREE_HEAD || memcmp(start.p, MAGIC, sizeof MAGIC - 1) != 0)
        return false;
    for (size_t i = LENGTH_AT; i < LENGTH_AT + LENGTH_DIGITS; i++) {
        if (start.p[i] < '0' || start.p[i] > '9')
            return false;
        *length = *length * 10 + (size_t)(start.p[i] - '0');
    }
    struct span rest = {start.p + LENGTH_AT + LENGTH_DIGITS, FILE_TREE_HEAD - LENGTH_AT - LENGTH_DIGITS};
    return take_byte(&rest, ' ') && take_octal(&rest, MODE_DIGITS, mode) && take_byte(&rest, '\n') &&
           *length >= FILE_TREE_HEAD && *length <= FILE_TREE_MAX;
}

void file_tree_reader_init(struct file_tree_reader *r, struct span list)
{
    *r = (struct file_tree_reader){
        .rest = {list.p + FILE_TREE_HEAD, list.n - FILE_TREE_HEAD}, .last_folder = true, .bytes = list.n};
}

static bool path_valid(struct span path, struct span *folder)
{
    size_t depth = 0, from = 0;
    *folder = (struct span){path.p, 0};
    if (path.n > FILE_TREE_PATH_MAX)
        return false;
    for (size_t i = 0; i <= path.n; i++) {
        if (i < path.n && path.p[i] != '/')
            continue;
        if (++depth > FILE_TREE_DEPTH_MAX || !file_tree_name_valid((struct span){path.p + from, i - from}))
            return false;
        if (i < path.n)
            folder->n = i;
        from = i + 1;
    }
    return true;
}

/* Byte by byte, with the end of a name below all that could go on with it. */
static bool comes_before(struct span a, struct span b)
{
    size_t i = 0;
    while (i < a.n && i < b.n && a.p[i] == b.p[i])
        i++;
    if (i == b.n)
        return false;
    if (i == a.n || a.p[i] == '/')
        return true;
    return b.p[i] != '/' && (unsigned char)a.p[i] < (unsigned char)b.p[i];
}

static bool is_within(struct span path, struct span folder)
{
    return folder.n == 0 || (path.n > folder.n && memcmp(path.p, folder.p, folder.n) == 0 && path.p[folder.n] == '/');
}

static bool take_entry(struct file_tree_reader *r, struct file_tree_entry *e)
{
    struct span *s = &r->rest;
    e->folder = s->n > 0 && *s->p == 'd';
    e->size = 0;
    if (!take_byte(s, e->folder ? 'd' : 'f') || !take_byte(s, ' ') || !take_octal(s, MODE_DIGITS, &e->mode) ||
        !take_byte(s, ' '))
        return false;
    if (!e->folder && (!take_size(s, &e->size) || !take_byte(s, ' ')))
        return false;
    const char *end = span_find(*s, '\n');
    if (!end)
        return false;
    e->path = (struct span){s->p, (size_t)(end - s->p)};
    *s = (struct span){end + 1, s->n - e->path.n - 1};
    return true;
}

bool file_tree_read(struct file_tree_reader *r, struct file_tree_entry *e, const char **problem)
{
    struct span folder;
    *problem = NULL;
    if (r->rest.n == 0)
        return false;
    if (!take_entry(r, e))
        *problem = "a line of the folder's list cannot be read";
    else if (++r->entries > FILE_TREE_ENTRIES_MAX)
        *problem = "the folder's list has more than 100,000 entries";
    else if (!path_valid(e->path, &folder))
        *problem = "the folder's list has a path that leads elsewhere, is too long or too deep, or is no text";
    else if (r->entries > 1 && !comes_before(r->last, e->path))
        *problem = "the folder's list is not sorted, or names something twice";
    else if (!is_within(r->last, folder) && !(r->last_folder && span_eq(r->last, folder)))
        *problem = "the folder's list has something in a folder that it does not name";
    else if (e->size > FILE_SIZE_MAX - r->bytes)
        *problem = "the files of the folder are larger than 256 GiB";
    if (*problem)
        return false;
    r->last = e->path;
    r->last_folder = e->folder;
    r->bytes += e->size;
    return true;
}
