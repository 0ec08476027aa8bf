/* SPDX-License-Identifier: MIT
 *
 * What `send` gives to somebody who has a browser and no `usher`: the address of the server's page, with the code behind `#`.
 * Browsers keep that part of an address to themselves, so that neither the server nor a proxy sees the code.
 */
#ifndef PEER_CLI_PAGE_LINK_H
#define PEER_CLI_PAGE_LINK_H

#include <stdbool.h>
#include <stddef.h>

/* The address of the page of this server, which is a ws or wss URL; for g_free. NULL: it is neither. */
char *page_link(const char *server, const char *code);
/* The text as a QR code (ISO/IEC 18004, level L) for a terminal, a row a line, each with its newline; for g_free. Its light modules are
 * drawn: black on white where `colours`, else in the terminal's own, which is right on dark ones. NULL where it takes more than
 * so many rows or columns, or cannot be made. */
char *page_link_qr(const char *text, bool colours, size_t rows, size_t columns);

#endif
