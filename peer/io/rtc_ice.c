/* SPDX-License-Identifier: MIT
 *
 * ICE (RFC 8445) by libnice: one agent, one stream, one component a connection; UDP only, trickled (RFC 8838).
 *
 * Normal path: gather on the addresses that the options allow, hand each candidate up, take the remote's as they come,
 * report the first nominated pair. Aggressive nomination and a check every 5 ms bring a pair on one machine in 10 ms.
 * libnice's own consent checks (RFC 7675) stay off: in 0.1.21 they end idle connections that lose one packet in twenty;
 * its connectivity checks as keepalive find a dead path as well, and peers ping above that.
 *
 * FAILED before the first pair is not reported: with candidates still to come, it is not final. Whoever waits for
 * a connection has the clock. A remote name in .local (mDNS) cannot be parsed and is dropped; its packets come as
 * peer-reflexive all the same.
 *
 * libnice reads a socket until it is empty, so a remote that floods would keep the loop from everything else. After
 * RTC_READ_BUDGET datagrams in one turn we take our receive function away, which ends its reading, and give it back
 * in the next turn.
 */
#include <netinet/udp.h>

#include "peer/io/addresses.h"
#include "peer/io/rtc_internal.h"

enum {
    COMPONENT = 1,
    CHECK_INTERVAL_MS = 5,
    /* libnice's 100 are fewer than two machines with many networks have, and it drops those that it has not tried yet;
     * with these all that the bounds on candidates allow are tried, in 5 s at the most. */
    PAIRS_MAX = HOSTS_MAX * PEER_CANDIDATES_MAX,
    SOCKET_BUFFER = 4 * 1024 * 1024
};

static bool listen_to(struct rtc *r, NiceAgent *agent, bool on);

static void on_receive(NiceAgent *agent, guint stream, guint component, guint n, gchar *bytes, gpointer data)
{
    (void)stream;
    (void)component;
    struct rtc *r = data;
    gint64 turn = g_source_get_time(g_main_current_source());
    if (turn != r->ice.turn)
        r->ice.read = 0;
    r->ice.turn = turn;
    r->ice.read += 1 + n / RTC_DATAGRAM_MAX; /* it may be several */
    if (r->ice.read >= RTC_READ_BUDGET && !r->ice.paused) {
        r->ice.paused = true;
        listen_to(r, agent, false);
        rtc_wake(r);
    }
    rtc_ref(r);
    rtc_dtls_input(r, bytes, n);
    rtc_run(r);
    rtc_unref(r);
}

static bool listen_to(struct rtc *r, NiceAgent *agent, bool on)
{
    return nice_agent_attach_recv(
        agent, r->ice.stream, COMPONENT, r->factory->context, on ? on_receive : NULL, on ? r : NULL);
}

void rtc_ice_resume(struct rtc *r)
{
    if (!r->ice.paused || r->freed)
        return;
    if (r->ice.turn == g_source_get_time(g_main_current_source())) {
        rtc_wake(r);
        return;
    }
    r->ice.paused = false;
    listen_to(r, r->ice.agent, true);
    if (r->ice.before)
        listen_to(r, r->ice.before, true);
}

static void queue_candidate(struct rtc *r, NiceCandidate *candidate)
{
    gchar *line = nice_agent_generate_local_candidate_sdp(r->ice.agent, candidate);
    if (line && g_str_has_prefix(line, "a=candidate:"))
        rtc_event_candidate(r, line + 2);
    g_free(line);
}

static void on_local_candidate(NiceAgent *agent, NiceCandidate *candidate, gpointer data)
{
    (void)agent;
    queue_candidate(data, candidate);
}

static void on_gathered(NiceAgent *agent, guint stream, gpointer data)
{
    (void)agent;
    (void)stream;
    rtc_event_candidate(data, NULL);
}

static enum rtc_path path_of(const NiceCandidate *c)
{
    switch (c->type) {
    case NICE_CANDIDATE_TYPE_RELAYED:
        return RTC_PATH_TURN;
    case NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE:
        return RTC_PATH_STUN;
    default:
        return RTC_PATH_DIRECT;
    }
}

/* What a remote on this machine sends in one system call may come in one read (UDP_GRO, udp(7)). Across a real network the
 * kernel would run together whatever follows closely, a connectivity check behind data too, which libnice would not see. */
static void read_runs(NiceAgent *agent, guint stream, const NiceCandidate *local, const NiceCandidate *remote)
{
    struct sockaddr_storage theirs;
    nice_address_copy_to_sockaddr(&remote->addr, (struct sockaddr *)&theirs);
    GSocket *socket = nice_agent_get_selected_socket(agent, stream, COMPONENT);
    if (!socket)
        return;
    bool runs = local->type != NICE_CANDIDATE_TYPE_RELAYED && addresses_has((struct sockaddr *)&theirs);
    g_socket_set_option(socket, IPPROTO_UDP, UDP_GRO, runs, NULL);
    g_object_unref(socket);
}

static void on_pair(
    NiceAgent *agent, guint stream, guint component, NiceCandidate *local, NiceCandidate *remote, gpointer data)
{
    (void)component;
    struct rtc *r = data;
    read_runs(agent, stream, local, remote);
    enum rtc_path ours = path_of(local), theirs = path_of(remote), before = r->ice.path;
    r->ice.path = ours > theirs ? ours : theirs;
    /* Where packets are lost, the relay may come first and the direct path a second later. */
    if (r->ice.was_up && !r->ice.restarting && r->ice.path != before)
        rtc_event_ice_state(r, true);
}

static void retire(struct rtc *r, NiceAgent **agent);

static void went_up(struct rtc *r)
{
    if (r->ice.up && !r->ice.restarting)
        return;
    r->ice.up = true;
    r->ice.restarting = false;
    retire(r, &r->ice.before);
    if (r->ice.was_up)
        rtc_event_ice_state(r, true);
    r->ice.was_up = true;
    rtc_on_ice_up(r);
}

static void went_down(struct rtc *r)
{
    if (!r->ice.up || r->ice.restarting)
        return;
    r->ice.up = false;
    rtc_event_ice_state(r, false);
}

static void on_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer data)
{
    (void)agent;
    (void)stream;
    (void)component;
    if (state == NICE_COMPONENT_STATE_CONNECTED || state == NICE_COMPONENT_STATE_READY)
        went_up(data);
    else if (state == NICE_COMPONENT_STATE_FAILED || state == NICE_COMPONENT_STATE_DISCONNECTED)
        went_down(data);
}

static void add_address(NiceAgent *agent, const char *text)
{
    NiceAddress address;
    nice_address_init(&address);
    if (nice_address_set_from_string(&address, text))
        nice_agent_add_local_address(agent, &address);
}

static void add_addresses(const struct rtc_factory *f, NiceAgent *agent)
{
    for (size_t i = 0; i < f->address_count; i++)
        add_address(agent, f->addresses[i]);
    if (f->address_count)
        return;
    struct hosts hosts;
    hosts_find(&hosts, f->loopback, &f->near);
    for (size_t i = 0; i < hosts.n; i++)
        add_address(agent, hosts.text[i]);
}

/* libnice's TURN over TLS is a look-alike of 2007, not TLS: rtc_factory_servers leaves such servers out. */
static NiceRelayType relay_type(enum rtc_server_kind kind)
{
    return kind == RTC_TURN_UDP ? NICE_RELAY_TYPE_TURN_UDP : NICE_RELAY_TYPE_TURN_TCP;
}

/* libnice asks one: the first of IPv4, which is what routers translate, else the first. */
static const struct rtc_server *stun_server(const struct rtc_factory *f)
{
    const struct rtc_server *first = NULL;
    for (size_t i = 0; i < f->server_count; i++) {
        const struct rtc_server *s = &f->servers[i];
        if (s->kind == RTC_STUN && !strchr(s->host, ':'))
            return s;
        if (s->kind == RTC_STUN && !first)
            first = s;
    }
    return first;
}

static void add_servers(struct rtc *r, NiceAgent *agent)
{
    const struct rtc_factory *f = r->factory;
    const struct rtc_server *stun = stun_server(f);
    if (stun)
        g_object_set(agent, "stun-server", stun->host, "stun-server-port", (guint)stun->port, NULL);
    for (size_t i = 0; i < f->server_count; i++) {
        const struct rtc_server *s = &f->servers[i];
        if (s->kind != RTC_STUN)
            r->ice.allocates |= nice_agent_set_relay_info(
                agent, r->ice.stream, COMPONENT, s->host, s->port, s->username, s->password, relay_type(s->kind));
    }
}

static NiceAgent *agent_new(struct rtc *r)
{
    const struct rtc_factory *f = r->factory;
    NiceAgent *agent = nice_agent_new_full(f->context, NICE_COMPATIBILITY_RFC5245, NICE_AGENT_OPTION_ICE_TRICKLE);
    g_object_set(agent, "stun-pacing-timer", (guint)CHECK_INTERVAL_MS, "keepalive-conncheck", TRUE, "upnp", FALSE,
        "ice-tcp", FALSE, "force-relay", (gboolean)f->relay_only, "controlling-mode", (gboolean)r->ice.controlling,
        "max-connectivity-checks", (guint)PAIRS_MAX, NULL);
    add_addresses(f, agent);
    r->ice.stream = nice_agent_add_stream(agent, 1);
    add_servers(r, agent);
    g_signal_connect(agent, "new-candidate-full", G_CALLBACK(on_local_candidate), r);
    g_signal_connect(agent, "candidate-gathering-done", G_CALLBACK(on_gathered), r);
    g_signal_connect(agent, "component-state-changed", G_CALLBACK(on_state), r);
    g_signal_connect(agent, "new-selected-pair-full", G_CALLBACK(on_pair), r);
    return agent;
}

bool rtc_ice_init(struct rtc *r)
{
    r->ice.agent = agent_new(r);
    return listen_to(r, r->ice.agent, true);
}

static gboolean nothing(gpointer data)
{
    (void)data;
    return G_SOURCE_REMOVE;
}

static void on_agent_closed(GObject *agent, GAsyncResult *result, gpointer data)
{
    (void)result;
    (void)data;
    g_object_unref(agent);
}

/* Allocations on a TURN server must be given back first, which takes a message or two; else the loop's next turn frees
 * the agent, because it may be one of its own functions that called us. */
static void free_later(const struct rtc *r, NiceAgent *agent)
{
    GMainContext *context = r->factory->context;
    if (r->ice.allocates) {
        g_main_context_push_thread_default(context);
        nice_agent_close_async(agent, on_agent_closed, NULL);
        g_main_context_pop_thread_default(context);
        return;
    }
    GSource *source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, nothing, agent, g_object_unref);
    g_source_attach(source, context);
    g_source_unref(source);
}

/* While allocations are given back, what comes must be read: the loop would turn for it all the time. */
static void discard(NiceAgent *agent, guint stream, guint component, guint n, gchar *bytes, gpointer data)
{
    (void)agent;
    (void)stream;
    (void)component;
    (void)n;
    (void)bytes;
    (void)data;
}

static void retire(struct rtc *r, NiceAgent **agent)
{
    if (!*agent)
        return;
    g_signal_handlers_disconnect_by_data(*agent, r);
    nice_agent_attach_recv(*agent, r->ice.stream, COMPONENT, r->factory->context, discard, NULL);
    free_later(r, *agent);
    *agent = NULL;
}

static void forget_waiting(struct rtc *r)
{
    for (size_t i = 0; i < r->ice.waiting_count; i++)
        g_free(r->ice.waiting[i]);
    r->ice.waiting_count = 0;
}

void rtc_ice_close(struct rtc *r)
{
    retire(r, &r->ice.before);
    retire(r, &r->ice.agent);
    forget_waiting(r);
}

void rtc_ice_role(struct rtc *r, bool controlling)
{
    r->ice.controlling = controlling;
    g_object_set(r->ice.agent, "controlling-mode", (gboolean)controlling, NULL);
}

void rtc_ice_local(struct rtc *r, char **ufrag, char **pwd)
{
    nice_agent_get_local_credentials(r->ice.agent, r->ice.stream, ufrag, pwd);
}

/* The kernel's default holds 90 packets, and what it drops SCTP must send again. The kernel may give less than we ask for. */
static void widen_buffers(struct rtc *r)
{
    GPtrArray *sockets = nice_agent_get_sockets(r->ice.agent, r->ice.stream, COMPONENT);
    for (guint i = 0; sockets && i < sockets->len; i++) {
        g_socket_set_option(sockets->pdata[i], SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER, NULL);
        g_socket_set_option(sockets->pdata[i], SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER, NULL);
    }
    if (sockets)
        g_ptr_array_unref(sockets);
}

void rtc_ice_gather(struct rtc *r)
{
    if (nice_agent_gather_candidates(r->ice.agent, r->ice.stream))
        widen_buffers(r);
    else if (!r->ice.before)
        rtc_fail(r, "ice", "no local address could be bound");
}

/* By an agent of its own: libnice's restart keeps the sockets, whatever became of their addresses, and does not look for
 * others. What was up goes on until the new one is. */
void rtc_ice_restart(struct rtc *r)
{
    if (r->ice.before)
        retire(r, &r->ice.agent);
    else
        r->ice.before = r->ice.agent;
    g_signal_handlers_disconnect_by_data(r->ice.before, r);
    r->ice.agent = agent_new(r);
    listen_to(r, r->ice.agent, true);
    r->ice.restarting = true;
    r->ice.remote_known = r->ice.remote_ended = false;
    r->ice.taken = 0;
    forget_waiting(r);
}

/* Link-local addresses come and go with every container's cable. */
static bool is_gone(const NiceAddress *address)
{
    struct sockaddr_in6 own;
    nice_address_copy_to_sockaddr(address, (struct sockaddr *)&own);
    bool link_local = own.sin6_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&own.sin6_addr);
    return !link_local && !addresses_has((struct sockaddr *)&own);
}

void rtc_ice_addresses_changed(struct rtc *r)
{
    bool gone = false;
    GSList *all = nice_agent_get_local_candidates(r->ice.agent, r->ice.stream, COMPONENT);
    for (GSList *at = all; at && !gone; at = at->next)
        gone = is_gone(&((NiceCandidate *)at->data)->base_addr);
    g_slist_free_full(all, (GDestroyNotify)nice_candidate_free);
    if (gone)
        went_down(r);
}

static bool is_printable(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    return true;
}

static bool add_candidate(struct rtc *r, const char *line)
{
    if (r->ice.taken == PEER_CANDIDATES_MAX)
        return false;
    NiceCandidate *c = nice_agent_parse_remote_candidate_sdp(r->ice.agent, r->ice.stream, line);
    if (!c)
        return false;
    GSList one = {.data = c};
    bool usable = c->component_id == COMPONENT && c->transport == NICE_CANDIDATE_TRANSPORT_UDP &&
                  nice_agent_set_remote_candidates(r->ice.agent, r->ice.stream, COMPONENT, &one) >= 0;
    nice_candidate_free(c);
    r->ice.taken += usable;
    return usable;
}

static void end_candidates(struct rtc *r)
{
    if (r->ice.remote_known)
        nice_agent_peer_candidate_gathering_done(r->ice.agent, r->ice.stream);
    else
        r->ice.remote_ended = true;
}

bool rtc_ice_candidate(struct rtc *r, struct span candidate)
{
    if (candidate.n == 0) {
        end_candidates(r);
        return true;
    }
    if (candidate.n > RTC_CANDIDATE_MAX || !is_printable(candidate))
        return false;
    bool bare = candidate.n >= 2 && memcmp(candidate.p, "a=", 2) != 0;
    char *line = g_strdup_printf("%s%.*s", bare ? "a=" : "", (int)candidate.n, candidate.p);
    bool ok = r->ice.remote_known ? add_candidate(r, line) : r->ice.waiting_count < PEER_CANDIDATES_MAX;
    if (ok && !r->ice.remote_known)
        r->ice.waiting[r->ice.waiting_count++] = line;
    else
        g_free(line);
    return ok;
}

void rtc_ice_remote(struct rtc *r, const struct sdp *remote)
{
    char *ufrag = g_strndup(remote->ufrag.p, remote->ufrag.n), *pwd = g_strndup(remote->pwd.p, remote->pwd.n);
    nice_agent_set_remote_credentials(r->ice.agent, r->ice.stream, ufrag, pwd);
    g_free(ufrag);
    g_free(pwd);
    r->ice.remote_known = true;
    for (size_t i = 0; i < r->ice.waiting_count; i++) {
        add_candidate(r, r->ice.waiting[i]);
        g_free(r->ice.waiting[i]);
    }
    r->ice.waiting_count = 0;
    for (size_t i = 0; i < remote->candidate_count; i++)
        rtc_ice_candidate(r, remote->candidates[i]);
    if (remote->end_of_candidates || r->ice.remote_ended)
        end_candidates(r);
}

/* By the socket of the pair that is in use, unless a relay is ours: how many of them went. */
static unsigned send_direct(const struct rtc *r, NiceAgent *agent, const struct rtc_outbox *batch)
{
    NiceCandidate *local, *remote;
    GSocket *socket = nice_agent_get_selected_socket(agent, r->ice.stream, COMPONENT);
    if (!socket)
        return 0;
    bool pair = nice_agent_get_selected_pair(agent, r->ice.stream, COMPONENT, &local, &remote);
    unsigned sent = pair ? rtc_udp_send(socket, &remote->addr, batch) : 0;
    g_object_unref(socket);
    return sent;
}

/* What the socket does not take is lost, as any datagram may be: DTLS and SCTP send it again. */
void rtc_ice_send(struct rtc *r, const struct rtc_outbox *batch)
{
    if (!r->ice.agent)
        return;
    NiceAgent *agent = r->ice.before ? r->ice.before : r->ice.agent;
    unsigned sent = batch->count > 1 ? send_direct(r, agent, batch) : 0;
    GOutputVector vectors[RTC_BATCH_MAX];
    NiceOutputMessage messages[RTC_BATCH_MAX];
    for (unsigned i = sent; i < batch->count; i++) {
        vectors[i] = (GOutputVector){batch->bytes[i], batch->sizes[i]};
        messages[i] = (NiceOutputMessage){&vectors[i], 1};
    }
    if (sent < batch->count)
        nice_agent_send_messages_nonblocking(
            agent, r->ice.stream, COMPONENT, messages + sent, batch->count - sent, NULL, NULL);
}
