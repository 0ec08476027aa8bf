/* SPDX-License-Identifier: MIT */
#include "server/cluster.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "server/adapters/cluster_id.h"
#include "server/adapters/secret_text.h"

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

/* HKDF-Expand of RFC 5869 section 2.3 for one block, since the secret is random as it stands. */
static bool derive(const char *secret, size_t n, const char *info, uint8_t key[EVP_MAX_MD_SIZE])
{
    unsigned char text[64];
    size_t info_n = strlen(info);
    memcpy(text, info, info_n);
    text[info_n] = 1;
    return HMAC(EVP_sha256(), secret, (int)n, text, info_n + 1, key, NULL) != NULL;
}

static bool read_keys(const struct config *c, struct cluster *cluster, struct err *e)
{
    char secret[NODE_SECRET_MAX + 2];
    uint8_t resume[EVP_MAX_MD_SIZE] = {0}, owner[EVP_MAX_MD_SIZE] = {0};
    size_t n;
    const char *text = config_text(c, OPTION_CLUSTER_NODE_SECRET);
    if (!secret_text_read("cluster.node_secret", text, NODE_SECRET_MAX, secret, &n, e))
        return false;
    if (n < NODE_SECRET_LEAST)
        return err_set(e, "cluster.node_secret: expected at least %d bytes, such as what `openssl rand -hex 32` prints",
            NODE_SECRET_LEAST);
    bool ok = (derive(secret, n, "usher resume tokens", resume) && derive(secret, n, "usher owner tokens", owner) &&
                  cluster_id_make((struct span){secret, n}, cluster->id)) ||
              err_memory(e);
    memcpy(cluster->resume_key, resume, sizeof cluster->resume_key);
    memcpy(cluster->owner_key, owner, sizeof cluster->owner_key);
    OPENSSL_cleanse(secret, sizeof secret);
    OPENSSL_cleanse(resume, sizeof resume);
    OPENSSL_cleanse(owner, sizeof owner);
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
