/* SPDX-License-Identifier: MIT */
#include "server/cluster.h"

#include <openssl/crypto.h>

#include "server/adapters/cluster_key.h"
#include "server/adapters/secret_text.h"

_Static_assert((int)SEAL_KEY_BYTES == (int)CLUSTER_KEY_BYTES && (int)STATE_KEY_BYTES == (int)CLUSTER_KEY_BYTES,
    "keys of both are made");

enum {
    NODE_SECRET_LEAST = 32,
    NODE_SECRET_MAX = 256
};

static bool read_url(const struct config *c, struct redis_url *url, struct err *e)
{
    char text[REDIS_URL_MAX + 2];
    size_t n;
    struct err problem;
    bool ok = secret_text_read("cluster.redis", config_text(c, OPTION_CLUSTER_REDIS), REDIS_URL_MAX, text, &n, e);
    if (ok && !redis_url_read(text, url, &problem))
        ok = err_set(e, "cluster.redis: %s", problem.text);
    OPENSSL_cleanse(text, sizeof text);
    return ok;
}

static bool read_keys(const struct config *c, struct cluster *cluster, struct err *e)
{
    char secret[NODE_SECRET_MAX + 2];
    size_t n;
    const char *text = config_text(c, OPTION_CLUSTER_NODE_SECRET);
    if (!secret_text_read("cluster.node_secret", text, NODE_SECRET_MAX, secret, &n, e))
        return false;
    if (n < NODE_SECRET_LEAST)
        return err_set(e, "cluster.node_secret: expected at least %d bytes, such as what `openssl rand -hex 32` prints",
            NODE_SECRET_LEAST);
    struct span all = {secret, n};
    bool ok =
        (cluster_key_make(all, "usher resume tokens", cluster->resume_key) &&
            cluster_key_make(all, "usher owner tokens", cluster->owner_key) && cluster_id_make(all, cluster->id)) ||
        err_memory(e);
    OPENSSL_cleanse(secret, sizeof secret);
    return ok;
}

bool cluster_read(const struct config *c, struct cluster *cluster, struct err *e)
{
    *cluster = (struct cluster){
        .on = *config_text(c, OPTION_CLUSTER_REDIS) != '\0',
        .lease_ms = config_number(c, OPTION_CLUSTER_LEASE),
    };
    return !cluster->on || (read_url(c, &cluster->url, e) && read_keys(c, cluster, e));
}

void cluster_done(struct cluster *cluster)
{
    OPENSSL_cleanse(cluster, sizeof *cluster);
}
