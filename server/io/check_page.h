/* SPDX-License-Identifier: MIT
 *
 * GET /check: a page, part of the program, that tells a user what works from where he sits; its outcomes come to
 * POST /check/result and are counted.
 */
#ifndef SERVER_IO_CHECK_PAGE_H
#define SERVER_IO_CHECK_PAGE_H

#include "server/io/http.h"

void check_page(struct http_request *r);
void check_script(struct http_request *r);
void check_style(struct http_request *r);
/* The body is a form (application/x-www-form-urlencoded) with an outcome for each part. */
void check_result(struct http_request *r);

#endif
