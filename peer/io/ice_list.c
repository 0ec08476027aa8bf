/* SPDX-License-Identifier: MIT */
#include "peer/io/ice_list.h"

#include <gio/gio.h>
#include <jansson.h>
#include <string.h>

/* scheme ":" host [ ":" port ] [ "?transport=" ( "udp" / "tcp" ) ] */
bool ice_server_url(const char *url, struct rtc_server *out)
{
    static const struct {
        const char *prefix;
        enum rtc_server_kind kind;
        uint16_t port;
    } SCHEMES[] = {{"stun:", RTC_STUN, 3478}, {"turn:", RTC_TURN_UDP, 3478}, {"turns:", RTC_TURN_TLS, 5349}};
    memset(out, 0, sizeof *out);
    const char *rest = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(SCHEMES) && !rest; i++)
        if (g_str_has_prefix(url, SCHEMES[i].prefix)) {
            rest = url + strlen(SCHEMES[i].prefix);
            out->kind = SCHEMES[i].kind;
            out->port = SCHEMES[i].port;
        }
    if (!rest)
        return false;
    const char *query = strchr(rest, '?');
    size_t n = query ? (size_t)(query - rest) : strlen(rest);
    if (n == 0 || n >= sizeof out->host || (query && !g_str_has_prefix(query, "?transport=")))
        return false;
    if (query && strcmp(query, "?transport=tcp") == 0 && out->kind == RTC_TURN_UDP)
        out->kind = RTC_TURN_TCP;
    char text[sizeof out->host];
    memcpy(text, rest, n);
    text[n] = '\0';
    GError *error = NULL;
    GSocketConnectable *address = g_network_address_parse(text, out->port, &error);
    g_clear_error(&error);
    if (!address)
        return false;
    g_strlcpy(out->host, g_network_address_get_hostname(G_NETWORK_ADDRESS(address)), sizeof out->host);
    out->port = g_network_address_get_port(G_NETWORK_ADDRESS(address));
    g_object_unref(address);
    return *out->host != '\0' && out->port != 0;
}

/* Whether url, with what its entry says of it, is a server that can be used. */
static bool read_server(const json_t *url, const json_t *entry, struct rtc_server *out)
{
    const char *text = json_string_value(url);
    const char *username = json_string_value(json_object_get(entry, "username"));
    const char *password = json_string_value(json_object_get(entry, "credential"));
    if (!text || !ice_server_url(text, out))
        return false;
    if (out->kind != RTC_STUN && (!username || !password || strlen(username) >= sizeof out->username ||
                                     strlen(password) >= sizeof out->password))
        return false;
    g_strlcpy(out->username, username ? username : "", sizeof out->username);
    g_strlcpy(out->password, password ? password : "", sizeof out->password);
    return true;
}

size_t ice_list_parse(struct span json, struct rtc_server out[ICE_SERVERS_MAX])
{
    json_t *list = json_loadb(json.p, json.n, 0, NULL);
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i), *urls = json_object_get(entry, "urls");
        size_t count = json_is_array(urls) ? json_array_size(urls) : 1;
        for (size_t k = 0; k < count && n < ICE_SERVERS_MAX; k++)
            n += read_server(json_is_array(urls) ? json_array_get(urls, k) : urls, entry, &out[n]);
    }
    json_decref(list);
    return n;
}
