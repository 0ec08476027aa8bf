/* SPDX-License-Identifier: MIT
 *
 * In place of libc's: an assertion that fails is told by file and line, which is enough to find it, without its text, which a page
 * would have to load.
 */
#ifndef WEB_CORE_LIBC_ASSERT_H
#define WEB_CORE_LIBC_ASSERT_H

_Noreturn void web_assert_failed(const char *file, int line);
#ifdef NDEBUG /* the libraries */
#define assert(holds) ((void)0)
#else
#define assert(holds) ((holds) ? (void)0 : web_assert_failed(__FILE__, __LINE__))
#endif

#endif
