/* SPDX-License-Identifier: MIT
 *
 * What shows only when all settings are there: addresses that exclude each other, settings that lack others, folders
 * and files that are not there. And what is allowed but hardly meant, which is remarked and not refused: the daemon
 * runs, and somebody may know better.
 */
#include "server/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os_file.h"
#include "protocol/limits.h"
#include "server/io/cidr.h"
#include "server/adapters/ice_url.h"
#include "server/adapters/state_dir.h"
#include "server/adapters/webhook_url.h"
#include "server/page.h"
#include "server/io/listen_address.h"
#include "server/io/tls.h"

enum {
    OFFER_BYTES = 8 * 1024,   /* an offer of a browser with audio and video has 5 to 10 KiB */
    ANSWER_SHORT_MS = 1000,   /* less, and a phone on a slow network does not answer in time */
    TURN_TTL_SHORT_MS = 60000 /* less, and credentials lapse while a call is being set up */
};

/* ---- what cannot be ---- */

static bool check_listen(const struct config *c, struct err *e)
{
    size_t n;
    const char *const *texts = config_list(c, OPTION_SERVER_LISTEN, &n);
    struct listen_address a, b;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (listen_address_parse(texts[k], &a, NULL) && listen_address_parse(texts[i], &b, NULL) &&
                listen_address_excludes(&a, &b))
                return err_set(e, "server.listen = \"%.80s\": \"%.80s\" takes this address already: remove one of them",
                    texts[i], texts[k]);
    return n > 0 || err_set(e, "server.listen is empty: expected at least one ADDR:PORT or unix:PATH");
}

static bool check_folder(const char *name, const char *root, const char *expected, struct err *e)
{
    struct stat st;
    if (!*root)
        return true;
    if (stat(root, &st) != 0 || !S_ISDIR(st.st_mode))
        return err_set(e, "server.%s = %.160s: expected a folder that is there, %sor nothing", name, root, expected);
    return access(root, R_OK | X_OK) == 0 || err_set(e, "server.%s = %.160s: the folder cannot be read: %s%s", name,
                                                 root, strerror(errno), os_file_advice(errno));
}

static bool check_folders(const struct config *c, struct err *e)
{
    return check_folder("web_root", page_root(c), "packaged, ", e) &&
           check_folder("sim_root", config_text(c, OPTION_SERVER_SIM_ROOT), "", e);
}

bool config_check(const struct config *c, struct err *e)
{
    return check_folders(c, e) && check_listen(c, e);
}

/* ---- what lacks something ---- */

static bool check_tls(const struct config *c, struct err *e)
{
    const char *certificate = config_text(c, OPTION_TLS_CERTIFICATE), *key = config_text(c, OPTION_TLS_KEY);
    if (!*certificate && !*key)
        return true;
    if (!*certificate || !*key)
        return err_set(e, "tls.certificate and tls.key: expected both of them, or neither");
    SSL_CTX *ctx = tls_new(certificate, key, e);
    SSL_CTX_free(ctx);
    return ctx != NULL;
}

static size_t count(const struct config *c, enum option_id id)
{
    size_t n;
    config_list(c, id, &n);
    return n;
}

static bool check_cluster(const struct config *c, struct err *e)
{
    if (!*config_text(c, OPTION_CLUSTER_REDIS))
        return true;
    if (!*config_text(c, OPTION_CLUSTER_NODE_SECRET))
        return err_set(e,
            "cluster.redis is set, but cluster.node_secret is empty: expected the secret that all daemons "
            "of the cluster share, such as what `openssl rand -hex 32` prints");
    return config_source_of(c, OPTION_SERVER_NODE) != CONFIG_DEFAULT ||
           err_set(e, "cluster.redis is set, but server.node is not: expected a name that no other daemon of the "
                      "cluster has");
}

bool config_acts(const struct config *c, struct err *e)
{
    if (!check_tls(c, e))
        return false;
    if (count(c, OPTION_AUTH_KEYS) == 0 && config_number(c, OPTION_AUTH_REQUIRED))
        return err_set(e, "auth.required is set, but auth.keys is empty: expected at least one key file");
    if (count(c, OPTION_ICE_TURN) > 0 && !*config_text(c, OPTION_ICE_TURN_SECRET))
        return err_set(e, "ice.turn is set, but ice.turn_secret is empty: expected the secret of the TURN servers");
    if (count(c, OPTION_WEBHOOKS_URL) > 0 && !*config_text(c, OPTION_WEBHOOKS_SECRET))
        return err_set(e,
            "webhooks.url is set, but webhooks.secret is empty: expected a secret that the receivers know "
            "too, such as what `openssl rand -hex 32` prints");
    return check_cluster(c, e);
}

/* ---- what is hardly meant ---- */

struct remarks {
    const struct config *config;
    config_say *say;
    void *ctx;
};

static void remark(const struct remarks *r, enum option_id id, const char *value, const char *sentence)
{
    struct log_record record;
    log_record_init(&record, LOG_LEVEL_WARNING, "setting-doubtful", sentence);
    log_record_addf(&record, "option", "%s.%s", options[id].section, options[id].key);
    if (value)
        log_record_add(&record, "value", span_of(value));
    r->say(r->ctx, &record);
}

static void remark_origins(const struct remarks *r)
{
    size_t n;
    const char *const *list = config_list(r->config, OPTION_SERVER_ORIGINS, &n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i], "null") == 0)
            remark(r, OPTION_SERVER_ORIGINS, "null",
                "any web page can make a frame whose origin is null: this keeps no page out");
        if (strcmp(list[i], "*") == 0 && n > 1)
            remark(r, OPTION_SERVER_ORIGINS, "*", "* lets every page in: the other origins have no effect beside it");
    }
}

/* 0.0.0.0/0, which is mapped (io/cidr.h), or ::/0. */
static bool is_everybody(const struct cidr *c)
{
    static const struct address IPV4 = {.bytes = {[10] = 0xff, [11] = 0xff}};
    return c->bits == 0 || (c->bits == 96 && memcmp(&c->network, &IPV4, sizeof IPV4) == 0);
}

static void remark_proxies(const struct remarks *r)
{
    size_t n;
    const char *const *list = config_list(r->config, OPTION_SERVER_TRUSTED_PROXIES, &n);
    for (size_t i = 0; i < n; i++) {
        struct cidr_list one;
        if (cidr_list_parse(&list[i], 1, &one, NULL) && one.n == 1 && is_everybody(&one.v[0]))
            remark(r, OPTION_SERVER_TRUSTED_PROXIES, list[i],
                "everybody is believed here: any client can claim any address, and no limit of an address holds");
    }
}

static const char NOT_REACHED[] =
    "clients on other machines look for this server on their own: name an address that they reach";

static void remark_stun_public(const struct remarks *r, const char *public)
{
    char url[OPTION_TEXT_MAX + 8];
    snprintf(url, sizeof url, "stun:%s", public);
    if (ice_url_kind_of_host(url) == ADDRESS_LOOPBACK)
        remark(r, OPTION_ICE_STUN_PUBLIC, public, NOT_REACHED);
    if (*public && !*config_text(r->config, OPTION_ICE_STUN_LISTEN))
        remark(r, OPTION_ICE_STUN_PUBLIC, public,
            "ice.stun_listen is empty, so there is no STUN server here: others are named in ice.stun");
}

static void remark_urls(const struct remarks *r, enum option_id id)
{
    size_t n;
    const char *const *list = config_list(r->config, id, &n);
    for (size_t i = 0; i < n; i++) {
        if (ice_url_kind_of_host(list[i]) == ADDRESS_LOOPBACK)
            remark(r, id, list[i], NOT_REACHED);
        if (ice_url_is_dtls(list[i]))
            remark(r, id, list[i], "no browser speaks TURN over DTLS: for TLS write ?transport=tcp");
    }
}

static void remark_ice(const struct remarks *r)
{
    const struct config *c = r->config;
    remark_urls(r, OPTION_ICE_STUN);
    remark_urls(r, OPTION_ICE_TURN);
    remark_stun_public(r, config_text(c, OPTION_ICE_STUN_PUBLIC));
    if (*config_text(c, OPTION_ICE_TURN_SECRET) && count(c, OPTION_ICE_TURN) == 0)
        remark(r, OPTION_ICE_TURN_SECRET, NULL, "no TURN server is named in ice.turn: the secret has no effect");
    if (count(c, OPTION_ICE_TURN) > 0 && config_number(c, OPTION_ICE_TURN_TTL) < TURN_TTL_SHORT_MS)
        remark(r, OPTION_ICE_TURN_TTL, NULL,
            "credentials that lapse within a minute may do so while a call is being set up");
}

static bool stands_before(const char *const *list, size_t i)
{
    size_t k = 0;
    while (strcmp(list[k], list[i]) != 0)
        k++;
    return k < i;
}

static void remark_webhooks(const struct remarks *r)
{
    size_t n;
    const char *const *list = config_list(r->config, OPTION_WEBHOOKS_URL, &n);
    struct webhook_url url;
    for (size_t i = 0; i < n; i++) {
        bool read = webhook_url_read(list[i], &url, NULL);
        if (read && stands_before(list, i))
            remark(r, OPTION_WEBHOOKS_URL, url.host,
                "the same URL stands there twice: it is told everything twice, and not in one order");
        else if (read && webhook_url_is_open(&url))
            remark(r, OPTION_WEBHOOKS_URL, url.host,
                "names and metadata go to this host unencrypted: use https unless its network is your own");
    }
    if (n == 0 && *config_text(r->config, OPTION_WEBHOOKS_SECRET))
        remark(r, OPTION_WEBHOOKS_SECRET, NULL, "webhooks.url is empty: the secret has no effect");
}

static void remark_cluster(const struct remarks *r)
{
    if (*config_text(r->config, OPTION_CLUSTER_NODE_SECRET) && !*config_text(r->config, OPTION_CLUSTER_REDIS))
        remark(r, OPTION_CLUSTER_NODE_SECRET, NULL, "cluster.redis is empty: the secret has no effect");
}

static void remark_auth(const struct remarks *r)
{
    static const enum option_id NEED_KEYS[] = {OPTION_AUTH_ALGORITHMS, OPTION_AUTH_ADMIN};
    for (size_t i = 0; i < sizeof NEED_KEYS / sizeof *NEED_KEYS; i++)
        if (count(r->config, NEED_KEYS[i]) > 0 && count(r->config, OPTION_AUTH_KEYS) == 0)
            remark(r, NEED_KEYS[i], NULL, "auth.keys is empty: no token is checked, and this has no effect");
    if (config_number(r->config, OPTION_AUTH_REQUIRED) && config_number(r->config, OPTION_DIALECTS_YWEBRTC))
        remark(r, OPTION_DIALECTS_YWEBRTC, NULL,
            "clients of y-webrtc bring no tokens, which auth.required asks for: all that they say is refused");
}

static void remark_limits(const struct remarks *r)
{
    const struct config *c = r->config;
    unsigned long long frame = config_number(c, OPTION_LIMITS_MAX_FRAME),
                       queue = config_number(c, OPTION_LIMITS_MAX_QUEUE);
    if (frame && frame < OFFER_BYTES)
        remark(r, OPTION_LIMITS_MAX_FRAME, NULL,
            "offers of browsers with audio and video have up to 10K: those are refused");
    if (queue && queue < (frame ? frame : FRAME_MAX_CEILING))
        remark(r, OPTION_LIMITS_MAX_QUEUE, NULL,
            "one message of limits.max_frame may cost its reader the connection: expected at least as much");
    if (config_number(c, OPTION_SERVER_PING_INTERVAL) == 0 || config_number(c, OPTION_SERVER_PING_TIMEOUT) == 0)
        remark(r,
            config_number(c, OPTION_SERVER_PING_INTERVAL) ? OPTION_SERVER_PING_TIMEOUT : OPTION_SERVER_PING_INTERVAL,
            NULL, "with 0, a connection that breaks without a word is never noticed, and its peer stays in the room");
}

/* 0 is for ever. */
static void remark_waits(const struct remarks *r)
{
    static const enum option_id WAITS[] = {OPTION_SERVER_PING_TIMEOUT, OPTION_LIMITS_JOIN_TIMEOUT};
    for (size_t i = 0; i < sizeof WAITS / sizeof *WAITS; i++) {
        unsigned long long wait = config_number(r->config, WAITS[i]);
        if (wait > 0 && wait < ANSWER_SHORT_MS)
            remark(r, WAITS[i], NULL, "clients on slow networks do not answer within a second, and are dropped");
    }
}

static void remark_rooms(const struct remarks *r)
{
    const struct config *c = r->config;
    if (config_number(c, OPTION_LIMITS_MAX_ROOM_MEMBERS) == 1)
        remark(r, OPTION_LIMITS_MAX_ROOM_MEMBERS, NULL, "nobody meets anybody in a room of one: expected 2 at least");
    bool peerjs = config_number(c, OPTION_DIALECTS_PEERJS);
    if (peerjs && count(c, OPTION_DIALECTS_PEERJS_KEYS) == 0)
        remark(r, OPTION_DIALECTS_PEERJS_KEYS, NULL,
            "clients of peerjs name a key, and none is allowed: all of them are refused");
    if (!peerjs && config_number(c, OPTION_DIALECTS_PEERJS_DISCOVERY))
        remark(r, OPTION_DIALECTS_PEERJS_DISCOVERY, NULL, "dialects.peerjs is off: this has no effect");
}

/* Of a path whose last folders are not there yet, the real one of those that are; *rest are the others. Returned owned, or
 * NULL. */
static char *real_start(const char *path, char at[STATE_PATH_MAX + 2], const char **rest)
{
    char *real, *slash;
    int n = snprintf(at, STATE_PATH_MAX + 2, "%s%s", *path == '/' ? "" : "./", path);
    if (n < 0 || n >= STATE_PATH_MAX + 2)
        return NULL;
    while (!(real = realpath(at, NULL)) && errno == ENOENT && (slash = strrchr(at, '/')) && slash != at)
        *slash = '\0';
    size_t cut = (size_t)n - strlen(at); /* with its slash */
    *rest = path + strlen(path) - (cut ? cut - 1 : 0);
    return real;
}

/* Everybody could fetch it; but for what is behind a name with a dot, which is never served (io/web_find.h). */
static void remark_inside(const struct remarks *r, const char *root, enum option_id id, const char *path)
{
    char at[STATE_PATH_MAX + 2];
    const char *rest;
    char *inner = *path ? real_start(path, at, &rest) : NULL;
    size_t n = strlen(root);
    n -= n == 1; /* of / itself */
    if (inner && strncmp(inner, root, n) == 0 && (inner[n] == '/' || inner[n] == '\0') && !strstr(inner + n, "/.") &&
        *rest != '.' && !strstr(rest, "/."))
        remark(r, id, path, "this lies in server.web_root, where everybody may read it: move it elsewhere");
    free(inner);
}

static void remark_published(const struct remarks *r)
{
    static const enum option_id SECRETS[] = {
        OPTION_ICE_TURN_SECRET, OPTION_WEBHOOKS_SECRET, OPTION_CLUSTER_REDIS, OPTION_CLUSTER_NODE_SECRET};
    const struct config *c = r->config;
    const char *text = page_root(c);
    char state[STATE_PATH_MAX], *root = *text ? realpath(text, NULL) : NULL;
    if (!root)
        return;
    if (state_dir_path(config_text(c, OPTION_SERVER_STATE_DIR), state)) /* what is in force where nothing is set, too */
        remark_inside(r, root, OPTION_SERVER_STATE_DIR, state);
    remark_inside(r, root, OPTION_TLS_KEY, config_text(c, OPTION_TLS_KEY));
    size_t n;
    const char *const *keys = config_list(c, OPTION_AUTH_KEYS, &n);
    for (size_t i = 0; i < n; i++)
        remark_inside(r, root, OPTION_AUTH_KEYS, keys[i]);
    for (size_t i = 0; i < sizeof SECRETS / sizeof *SECRETS; i++) {
        const char *secret = config_text(c, SECRETS[i]);
        if (*secret == '@')
            remark_inside(r, root, SECRETS[i], secret + 1);
    }
    free(root);
}

static void remark_files(const struct remarks *r)
{
    const char *root = page_root(r->config);
    char path[OPTION_TEXT_MAX + 16];
    snprintf(path, sizeof path, "%s/index.html", root);
    if (*root && access(path, R_OK) != 0)
        remark(r, OPTION_SERVER_WEB_ROOT, root, "there is no index.html that can be read: / and /room/ID answer 404");
}

/* A service manager may make it with the start. */
static void remark_sockets(const struct remarks *r)
{
    size_t n;
    const char *const *list = config_list(r->config, OPTION_SERVER_LISTEN, &n);
    struct listen_address a;
    for (size_t i = 0; i < n; i++)
        if (listen_address_parse(list[i], &a, NULL) && !listen_address_has_folder(&a))
            remark(r, OPTION_SERVER_LISTEN, list[i],
                "the folder of this socket is not there: unless something makes it before the start, make it");
}

static void remark_tls(const struct remarks *r)
{
    size_t n, local = 0;
    const char *const *list = config_list(r->config, OPTION_SERVER_LISTEN, &n);
    for (size_t i = 0; i < n; i++)
        local += strncmp(list[i], "unix:", 5) == 0;
    if (*config_text(r->config, OPTION_TLS_CERTIFICATE) && local == n)
        remark(r, OPTION_TLS_CERTIFICATE, NULL,
            "unix sockets are served without TLS, and server.listen names no other address");
}

void config_remark(const struct config *c, config_say *say, void *ctx)
{
    const struct remarks r = {.config = c, .say = say, .ctx = ctx};
    remark_origins(&r);
    remark_proxies(&r);
    remark_ice(&r);
    remark_webhooks(&r);
    remark_auth(&r);
    remark_cluster(&r);
    remark_limits(&r);
    remark_waits(&r);
    remark_rooms(&r);
    remark_published(&r);
    remark_files(&r);
    remark_sockets(&r);
    remark_tls(&r);
}
