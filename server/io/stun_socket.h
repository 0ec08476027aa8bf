/* SPDX-License-Identifier: MIT
 *
 * The UDP socket of [ice] stun_listen, on the loop: binding requests come in, answers go out from the address that was
 * asked. A turn of the loop reads one batch; what the socket has no room for meanwhile is lost, and asked again by
 * clients (RFC 8489 section 6.2.1).
 */
#ifndef SERVER_IO_STUN_SOCKET_H
#define SERVER_IO_STUN_SOCKET_H

#include <uv.h>

#include "base/err.h"
#include "server/io/listen_address.h"

/* What became of a datagram, as the metrics name it. */
#define STUN_OUTCOME_TABLE(X)                                                              \
    X(ANSWERED, "answered")                                                                \
    X(REFUSED, "refused")           /* error 420: attributes that are not understood */    \
    X(MALFORMED, "malformed")       /* no binding request, or none that can be answered */ \
    X(RATE_LIMITED, "rate-limited") /* one too many from this address */                   \
    X(UNSENT, "unsent")             /* from port 0 or ourselves, or the system did not send */

enum stun_outcome {
#define X(name, text) STUN_OUTCOME_##name,
    STUN_OUTCOME_TABLE(X)
#undef X
    STUN_OUTCOMES
};

struct stun_socket;

/* Binds the address, from where nothing is answered before stun_socket_start. `beside`, which may be NULL, is the socket in
 * use: it may have the same port at other addresses, and will be closed soon. NULL with the sentence in e. */
struct stun_socket *stun_socket_open(
    uv_loop_t *loop, const char *address, const struct stun_socket *beside, struct err *e);
/* Answers from now on; counts into outcomes[STUN_OUTCOMES], borrowed until it is closed. */
void stun_socket_start(struct stun_socket *s, uint64_t *outcomes);
/* What it has not read is lost. The loop has to run once more. Takes NULL. */
void stun_socket_close(struct stun_socket *s);
/* Where it is bound. */
const struct listen_address *stun_socket_address(const struct stun_socket *s);
/* Whether this is the text that it was opened with. */
bool stun_socket_is_of(const struct stun_socket *s, const char *address);

#endif
