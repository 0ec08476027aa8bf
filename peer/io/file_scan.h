/* SPDX-License-Identifier: MIT
 *
 * Makes the list of a folder that is to be sent, some entries at a time. What is neither a file nor a folder is left
 * out, and so is what may not be read; a person hears of each.
 */
#ifndef PEER_IO_FILE_SCAN_H
#define PEER_IO_FILE_SCAN_H

#include "peer/io/file_folder.h"

enum {
    FILE_SCAN_AT_ONCE = 256,    /* entries of one step */
    FILE_SCAN_NOTICES_MAX = 100 /* told one by one; of the rest only how many */
};

struct file_scan;
/* Called from within file_scan_step with a sentence. */
typedef void file_notice_fn(void *ctx, const char *sentence);

/* folder: initialized, its top open; borrowed until file_scan_free. NULL: no memory. */
struct file_scan *file_scan_new(struct file_folder *folder, file_notice_fn *notice, void *ctx);
void file_scan_free(struct file_scan *s); /* takes NULL */
/* Goes on. *whole: the folder has its list. False with what is wrong. */
bool file_scan_step(struct file_scan *s, bool *whole, struct file_problem *p);

#endif
