/* SPDX-License-Identifier: MIT */
#include "peer/io/lws_loop.h"

#include <dlfcn.h>
#include <openssl/ssl.h>

enum {
    DESCRIPTORS_MAX = 16 /* of one context: a connection, one that ends, and the plugin's own */
};

/* The last lws context unloads the plugin; a source of it that this turn of the loop still holds would then call into
 * nothing. So it stays. */
static void keep_plugin(void)
{
    dlopen("libwebsockets-evlib_glib.so", RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

bool lws_loop_open(
    struct lws_loop *l, GMainContext *context, struct lws_context_creation_info *info, bool tls, struct err *err)
{
    l->loop = g_main_loop_new(context, FALSE);
    void *loops[] = {l->loop};
    info->port = CONTEXT_PORT_NO_LISTEN;
    info->fd_limit_per_thread = DESCRIPTORS_MAX;
    info->options = LWS_SERVER_OPTION_GLIB | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS * !tls |
                    LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT * tls;
    info->foreign_loops = loops;
    lws_set_log_level(0, NULL);
    l->lws = lws_create_context(info);
    info->foreign_loops = NULL;
    if (!l->lws)
        return err_set(err, "libwebsockets has no GLib event loop: install libwebsockets-evlib-glib");
    keep_plugin();
    return true;
}

void lws_loop_close(struct lws_loop *l)
{
    if (l->lws)
        lws_context_destroy(l->lws);
    if (l->loop)
        g_main_loop_unref(l->loop);
    l->lws = NULL;
    l->loop = NULL;
}

const char *lws_loop_certificate_error(struct lws *wsi)
{
    SSL *ssl = lws_get_ssl(wsi);
    long error = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
    return error == X509_V_OK ? NULL : X509_verify_cert_error_string(error);
}
