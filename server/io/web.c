/* SPDX-License-Identifier: MIT
 *
 * Files of the web client, from server.web_root: what no route names is looked for there. `/` and `/room/:id` are its
 * index.html. A path may only name what lies below the root once every link is followed, and nothing whose name begins
 * with a dot; a folder is nothing. libwebsockets sends the file in pieces as the socket takes them; Debian's is built
 * without ranges, so a Range is answered with the whole, as RFC 9110 section 14.2 allows, and Accept-Ranges says so. A
 * file is always asked for again (no-cache) and costs a 304 while it has not changed, so that a new version of the
 * client is seen at once.
 */
#include "server/io/http.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    ETAG_MAX = 48
};

static const char INDEX[] = "index.html", ROOM[] = "/room/";

static const char *type_of(const char *path)
{
    static const struct {
        const char *suffix, *type;
    } TYPES[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".txt", "text/plain; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".webp", "image/webp"},
        {".ico", "image/vnd.microsoft.icon"},
        {".woff2", "font/woff2"},
        {".wasm", "application/wasm"},
        {".mp3", "audio/mpeg"},
        {".mp4", "video/mp4"},
        {".webm", "video/webm"},
    };
    const char *suffix = strrchr(path, '.');
    for (size_t i = 0; suffix && i < sizeof TYPES / sizeof *TYPES; i++)
        if (strcmp(TYPES[i].suffix, suffix) == 0)
            return TYPES[i].type;
    return "application/octet-stream";
}

/* What the path names below the root; NULL if it may not be a file's name. */
static const char *name_of(const char *path)
{
    if (strcmp(path, "/") == 0)
        return INDEX;
    if (strncmp(path, ROOM, sizeof ROOM - 1) == 0 && room_id_valid(span_of(path + sizeof ROOM - 1)))
        return INDEX;
    for (const char *at = path; *at; at++)
        if (*at == '\\' || (*at == '/' && (at[1] == '.' || at[1] == '/' || at[1] == '\0')))
            return NULL;
    return path + 1;
}

/* The file's real path and what it is; false if it is none that may be served. */
static bool find_file(const char *root, const char *name, char found[PATH_MAX], struct stat *st)
{
    char top[PATH_MAX], wanted[PATH_MAX];
    if (!realpath(root, top))
        return false;
    int n = snprintf(wanted, sizeof wanted, "%s/%s", top, name);
    if (n < 0 || (size_t)n >= sizeof wanted || !realpath(wanted, found))
        return false;
    size_t depth = strlen(top);
    bool below = strncmp(found, top, depth) == 0 && found[depth] == '/';
    return below && stat(found, st) == 0 && S_ISREG(st->st_mode);
}

static void write_etag(const struct stat *st, char *out)
{
    snprintf(out, ETAG_MAX, "\"%" PRIx64 "-%" PRIx64 "%08lx\"", (uint64_t)st->st_size, (uint64_t)st->st_mtim.tv_sec,
        (unsigned long)st->st_mtim.tv_nsec);
}

static void send_file(struct http_request *r, const char *path, const struct stat *st)
{
    char etag[ETAG_MAX], known[HTTP_VALUE_MAX], headers[HTTP_HEADERS_MAX];
    write_etag(st, etag);
    int n = snprintf(headers, sizeof headers,
        "etag: %s\r\naccept-ranges: none\r\ncache-control: no-cache\r\nx-content-type-options: nosniff\r\n"
        "connection: close\r\n",
        etag);
    if (http_header(r->wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, known, sizeof known) && strcmp(known, etag) == 0) {
        snprintf(headers, sizeof headers, "ETag: %s\r\n", etag);
        http_answer(r, &(struct http_answer){.status = 304, .headers = headers});
        return;
    }
    int sent = lws_serve_http_file(r->wsi, path, type_of(path), headers, n);
    r->answered = sent != 0; /* else LWS_CALLBACK_HTTP_FILE_COMPLETION comes */
}

void http_web(struct http_request *r)
{
    const char *root = r->io->settings.web_root, *name = name_of(r->path);
    char path[PATH_MAX];
    struct stat st;
    if (root && *root && name && find_file(root, name, path, &st))
        send_file(r, path, &st);
    else
        http_error(r, 404, NULL, "not-found", "nothing is served at this path");
}
