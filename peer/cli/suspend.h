/* SPDX-License-Identifier: MIT
 *
 * Control-Z (SIGTSTP) with the terminal given back before the process stops, and taken again when it goes on.
 */
#ifndef PEER_CLI_SUSPEND_H
#define PEER_CLI_SUSPEND_H

struct suspend;

/* From here on SIGTSTP waits for suspend_new: before there are threads, which would stop the process themselves. */
void suspend_prepare(void);
/* give_back and take_again come from the main loop. NULL if that cannot be had; the signal is then as it was. */
struct suspend *suspend_new(void (*give_back)(void *user), void (*take_again)(void *user), void *user);
void suspend_free(struct suspend *s); /* takes NULL */

#endif
