/* SPDX-License-Identifier: MIT
 *
 * A folder's list from anybody. Nothing that is taken leads out of the folder, all of it is within the bounds, each folder
 * came before what is in it, and writing it again gives the same bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/file_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(struct span path)
{
    size_t from = 0;
    if (path.n == 0 || path.n > FILE_TREE_PATH_MAX || memchr(path.p, '\0', path.n))
        abort();
    for (size_t i = 0; i <= path.n; i++) {
        if (i < path.n && path.p[i] != '/')
            continue;
        struct span name = {path.p + from, i - from};
        if (name.n == 0 || name.n > FILE_TREE_NAME_MAX || span_is(name, ".") || span_is(name, ".."))
            abort();
        from = i + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span list = {(const char *)data, size};
    struct file_tree_reader r;
    struct file_tree_entry e;
    struct buf again;
    const char *problem = NULL;
    size_t length;
    unsigned mode;
    if (!file_tree_head(list, &length, &mode))
        return 0;
    if (length > FILE_TREE_MAX || mode > FILE_TREE_MODES)
        abort();
    if (length > size)
        return 0;
    list.n = length;
    buf_init(&again, FILE_TREE_MAX);
    file_tree_begin(&again, mode);
    file_tree_reader_init(&r, list);
    uint64_t bytes = length;
    while (file_tree_read(&r, &e, &problem)) {
        check_path(e.path);
        bytes += e.size;
        file_tree_add(&again, &e);
    }
    file_tree_end(&again);
    if (bytes != r.bytes || bytes > FILE_SIZE_MAX)
        abort();
    if (!problem && !span_eq(buf_view(&again), list))
        abort();
    buf_done(&again);
    return 0;
}
