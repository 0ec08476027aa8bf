/* SPDX-License-Identifier: MIT
 *
 * The page is installed beside the program: PREFIX/bin/usherd and PREFIX/share/usher/web. So the program finds it by where
 * it lies itself, and no PREFIX is compiled into it.
 */
#include "server/page.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char FROM_BIN[] = "/../share/usher/web";

/* The folder, or "" where no page is in it. */
static const char *packaged(void)
{
    static char path[OPTION_TEXT_MAX + sizeof FROM_BIN];
    char program[OPTION_TEXT_MAX], page[sizeof path + 16];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program);
    const char *slash = n > 0 ? memrchr(program, '/', (size_t)n) : NULL;
    if (!slash || n == (ssize_t)sizeof program)
        return "";
    snprintf(path, sizeof path, "%.*s%s", (int)(slash - program), program, FROM_BIN);
    snprintf(page, sizeof page, "%s/index.html", path);
    return access(page, R_OK) == 0 ? path : "";
}

const char *page_root(const struct config *c)
{
    const char *text = config_text(c, OPTION_SERVER_WEB_ROOT);
    return strcmp(text, PAGE_PACKAGED) == 0 ? packaged() : text;
}
