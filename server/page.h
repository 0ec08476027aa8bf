/* SPDX-License-Identifier: MIT
 *
 * The folder of the page, as server.web_root says.
 */
#ifndef SERVER_PAGE_H
#define SERVER_PAGE_H

#include "server/config.h"

/* The value of server.web_root that stands for the page that came with the program. */
#define PAGE_PACKAGED "packaged"

/* Of PAGE_PACKAGED the folder that `make install` fills, or "" if there is no page in it; else the option's own text, where ""
 * is no page at all. Borrowed from the configuration, or static. Looks at the disk. */
const char *page_root(const struct config *c);

#endif
