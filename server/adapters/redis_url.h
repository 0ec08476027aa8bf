/* SPDX-License-Identifier: MIT
 *
 * cluster.redis taken apart: where Redis (or Valkey) is, who we are there, and which of its databases is ours. Pure.
 *
 *     redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]        unix:[//[[USER]:PASSWORD@]]/PATH[?db=DATABASE]
 *
 * USER and PASSWORD are percent-decoded (RFC 3986 section 2.1), so that each character can be written.
 */
#ifndef SERVER_ADAPTERS_REDIS_URL_H
#define SERVER_ADAPTERS_REDIS_URL_H

#include "base/err.h"
#include "server/adapters/url_host.h"

enum {
    REDIS_URL_MAX = 1024,
    REDIS_PATH_MAX = 107, /* bytes of sockaddr_un.sun_path, less its NUL */
    REDIS_USER_MAX = 128,
    REDIS_PASSWORD_MAX = 512,
    REDIS_DATABASE_MAX = 999999,
    REDIS_PORT = 6379,
};

struct redis_url {
    char host[URL_HOST_MAX + 1]; /* "": `path` is a unix socket. An IPv6 address without its brackets */
    unsigned port;
    char path[REDIS_PATH_MAX + 1];
    char user[REDIS_USER_MAX + 1];         /* "": the default user, as before ACLs */
    char password[REDIS_PASSWORD_MAX + 1]; /* "": none is sent */
    unsigned database;
    char where[URL_HOST_MAX + 16]; /* HOST:PORT or the path, for a person: no secret is in it */
};

/* False with a sentence that says what is wrong, without the text, which may hold a password. */
bool redis_url_read(const char *text, struct redis_url *url, struct err *e);

#endif
