/* SPDX-License-Identifier: MIT
 *
 * What --listen takes, as a socket address and back.
 */
#ifndef SERVER_IO_LISTEN_ADDRESS_H
#define SERVER_IO_LISTEN_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/err.h"
#include "server/adapters/address_kind.h"
#include "server/core/core.h"

struct listen_address {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } at;
    socklen_t len;
    bool proxy; /* a PROXY protocol header comes first on each connection */
};

enum {
    LISTEN_TEXT_MAX = 160
};

/* ADDR:PORT, [ADDR]:PORT, *:PORT (as [::]:PORT) or unix:PATH, each with ` proxy` behind it or not; false with what is
 * allowed in e, which does not repeat the text. */
bool listen_address_parse(const char *text, struct listen_address *a, struct err *e);
/* The same form, for `listening on …`. out has LISTEN_TEXT_MAX bytes. */
void listen_address_format(const struct listen_address *a, char *out);
/* Its port, in network order; 0 for none, or any free one. */
in_port_t listen_address_port(const struct listen_address *a);
/* Refuses an address that nobody can send to, though the kernel would take most of them; the sentence does not repeat it. */
bool listen_address_check(const struct listen_address *a, struct err *e);
/* Refuses a path at which something else than a socket is (errno EEXIST), as the start would. Looks at the disk. */
bool listen_address_test(const struct listen_address *a, struct err *e);
/* Of a path, whether the folder that it is in is there; true for any other address. */
bool listen_address_has_folder(const struct listen_address *a);
/* What to do about the errno of an address that cannot be bound: behind its text. Static, "" if there is nothing to say. */
const char *listen_address_advice(int error);
/* Whether one takes what the other wants, so that the second could not be bound (EADDRINUSE); [::] is 0.0.0.0 too. */
bool listen_address_excludes(const struct listen_address *a, const struct listen_address *b);
/* Makes [::] 0.0.0.0, for a system without IPv6; false, with errno EAFNOSUPPORT, for any other address. */
bool listen_address_without_ipv6(struct listen_address *a);
/* A client's address as the core counts it. */
struct address listen_address_of_client(const struct sockaddr_storage *from);

#endif
