/* SPDX-License-Identifier: MIT
 *
 * USHER_PAGE is the folder below PREFIX where the page is installed; the Makefile knows it.
 */
#include "server/page.h"

#include <string.h>
#include <unistd.h>

const char *page_root(const struct config *c)
{
    const char *text = config_text(c, OPTION_SERVER_WEB_ROOT);
    if (strcmp(text, PAGE_PACKAGED) != 0)
        return text;
    return access(USHER_PAGE "/index.html", R_OK) == 0 ? USHER_PAGE : "";
}
