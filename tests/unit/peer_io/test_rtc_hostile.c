/* SPDX-License-Identifier: MIT
 *
 * What a connection does with a remote, or a signaling server, that means harm: another certificate, descriptions and
 * candidates that lie, channels opened against the rules, floods. Raw DCEP goes through the connection's own insides.
 */
#include <sys/socket.h>
#include <usrsctp.h>

#include "peer/io/rtc_internal.h"
#include "tests/unit/peer_io/rtc_pair.h"

/* A fingerprint of the right form that no certificate has. */
#define OTHER_FINGERPRINT    \
    "a=fingerprint:sha-256 " \
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"

static uint32_t sctp_packets(void)
{
    struct sctpstat s;
    usrsctp_get_stat(&s);
    return s.sctps_recvpackets + s.sctps_sendpackets;
}

/* The one who was told the wrong fingerprint says so; the other learns that the handshake failed. Whoever plays the
 * client, no SCTP packet was made or read on either side. */
static void test_refuses_another_certificate(void **state)
{
    (void)state;
    for (int liar = 0; liar < 2; liar++) {
        struct pair p;
        pair_init(&p);
        uint32_t packets = sctp_packets();
        struct end *from = liar ? &p.a : &p.b, *to = from->other;
        from->spoil = "a=fingerprint:";
        from->with = OTHER_FINGERPRINT;
        call(&p.a, false);
        WAIT(to->reason[0] && from->reason[0]);
        assert_string_equal(to->reason, "fingerprint");
        assert_true(strcmp(from->reason, "dtls") == 0 || strcmp(from->reason, "closed") == 0);
        assert_int_equal(to->connected, 0);
        assert_int_equal(p.a.opened + p.b.opened, 0);
        assert_int_equal(sctp_packets(), packets);
        pair_done(&p);
    }
}

static void test_takes_longer_hashes(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    assert_true(X509_digest(p.factory->certificate.x509, EVP_sha512(), digest, &n));
    GString *line = g_string_new("a=fingerprint:SHA-512 ");
    for (unsigned i = 0; i < n; i++)
        g_string_append_printf(line, i ? ":%02x" : "%02x", digest[i]);
    p.b.spoil = "a=fingerprint:";
    p.b.with = line->str;
    call(&p.a, false);
    WAIT(p.a.opened && p.b.opened);
    g_string_free(line, TRUE);
    pair_done(&p);
}

static bool remote(struct end *e, const char *type, const char *sdp)
{
    struct err err;
    return rtc_remote(e->rtc, type, span_of(sdp), &err);
}

#define TAIL                                                                   \
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=ice-ufrag:abcd\r\n" \
    "a=ice-pwd:abcdefghijklmnopqrstuv\r\na=mid:0\r\n" OTHER_FINGERPRINT "\r\n"

static void test_a_bad_description_changes_nothing(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    assert_false(remote(&p.b, "offer", ""));
    assert_false(remote(&p.b, "offer", "v=0\r\n"));
    assert_false(remote(&p.b, "answer", "v=0\r\n" TAIL "a=setup:active\r\n")); /* nobody asked */
    assert_false(remote(&p.b, "pranswer", "v=0\r\n" TAIL "a=setup:active\r\n"));
    call(&p.a, false);
    assert_false(remote(&p.a, "answer", "v=0\r\n" TAIL "a=setup:actpass\r\n")); /* no role chosen */
    assert_false(remote(&p.a, "offer", "v=0\r\n" TAIL "a=setup:actpass\r\n"));  /* ours is open */
    WAIT(p.a.opened && p.b.opened);
    assert_false(remote(&p.a, "offer", "v=0\r\n" TAIL "a=setup:actpass\r\n")); /* another certificate */
    assert_string_equal(p.a.reason, "");
    pair_done(&p);
}

static void test_bad_candidates_are_refused(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    static const char *const bad[] = {
        "x",
        "candidate:",
        "candidate:1 1 udp 2113937151 01234567-89ab-cdef-0123-456789abcdef.local 5000 typ host",
        "candidate:1 1 udp 1 127.0.0.1 5000 typ host\r\na=x",
        "candidate:1 2 udp 1 127.0.0.1 5000 typ host",
        "candidate:1 1 tcp 1 127.0.0.1 9 typ host tcptype active",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        if (rtc_candidate(p.a.rtc, span_of(bad[i])))
            fail_msg("taken: %s", bad[i]);
    char *big = g_strnfill(RTC_CANDIDATE_MAX + 1, 'a');
    assert_false(rtc_candidate(p.a.rtc, span_of(big)));
    g_free(big);
    unsigned taken = 0;
    for (unsigned port = 1; port < 1000; port++) {
        char line[160];
        snprintf(line, sizeof line,
            "a=candidate:%u 1 udp 2113937151 127.0.0.1 %u typ host generation 0 ufrag abcd network-cost 999", port,
            port);
        taken += rtc_candidate(p.a.rtc, span_of(line));
    }
    assert_true(taken > 0 && taken < PEER_CANDIDATES_MAX);
    pair_done(&p);
}

static void test_early_candidates_are_bounded(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p);
    const struct span line = SPAN("candidate:1 1 udp 1 127.0.0.1 9 typ host");
    for (unsigned i = 0; i < PEER_CANDIDATES_MAX; i++)
        assert_true(rtc_candidate(p.b.rtc, line));
    assert_false(rtc_candidate(p.b.rtc, line));
    pair_done(&p);
}

/* Sends what no honest stack would, as if it came from e's channel layer. */
static void send_raw(struct end *e, uint16_t stream, uint32_t ppid, const void *bytes, size_t n)
{
    const struct rtc_channel c = {.id = stream};
    assert_int_equal(rtc_sctp_send(e->rtc, &c, (enum dcep_ppid)ppid, (struct span){bytes, n}), RTC_SENT);
}

static void ping(struct pair *p)
{
    unsigned n = p->b.messages;
    send_bytes(&p->a, false, "x", 1);
    WAIT(p->b.messages == n + 1);
}

static void test_hostile_dcep(void **state)
{
    (void)state;
    static const char open[] = "\3\0\0\0\0\0\0\0\0\2\0\0hi", too_long[] = "\3\0\0\0\0\0\0\0\xff\xff\xff\xffhi",
                      not_utf8[] = "\3\0\0\0\0\0\0\0\0\2\0\0\xff\xfe", kind[] = "\3\7\0\0\0\0\0\0\0\2\0\0hi";
    struct pair p;
    pair_open(&p);
    uint16_t theirs = (uint16_t)(p.a.channel + 2), ours = (uint16_t)((p.a.channel ^ 1) + 2);
    send_raw(&p.a, theirs, DCEP_PPID, "\2", 1); /* an ACK out of the blue */
    send_raw(&p.a, theirs, DCEP_PPID, too_long, 14);
    send_raw(&p.a, theirs, DCEP_PPID, not_utf8, 14);
    send_raw(&p.a, theirs, DCEP_PPID, kind, 14);
    send_raw(&p.a, theirs, DCEP_PPID, open, 11);
    send_raw(&p.a, theirs, DCEP_PPID, "\0", 1);
    send_raw(&p.a, theirs, DCEP_BINARY, "no channel", 10);
    send_raw(&p.a, theirs, 4711, "no protocol", 11);
    send_raw(&p.a, p.a.channel, 4711, "no protocol", 11);
    send_raw(&p.a, ours, DCEP_PPID, open, 14);        /* the other's parity */
    send_raw(&p.a, p.a.channel, DCEP_PPID, open, 14); /* in use */
    ping(&p);
    assert_int_equal(p.b.opened, 1);
    assert_int_equal(p.b.closed, 0);
    for (unsigned i = 0; i < 40; i++) /* more than it may have */
        send_raw(&p.a, (uint16_t)(theirs + 2 * i), DCEP_PPID, open, 14);
    ping(&p);
    assert_int_equal(p.b.opened, PEER_CHANNELS_MAX);
    assert_string_equal(p.b.reason, "");
    pair_done(&p);
}

static void test_a_message_too_large_ends_it(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    char *bytes = calloc(1, PEER_MESSAGE_MAX + 1);
    send_raw(&p.a, p.a.channel, DCEP_BINARY, bytes, PEER_MESSAGE_MAX + 1);
    WAIT(p.b.reason[0]);
    assert_string_equal(p.b.reason, "sctp");
    assert_int_equal(p.b.messages, 0);
    free(bytes);
    pair_done(&p);
}

/* A thousand datagrams are in the socket before the loop turns: each turn takes its share and no more, and a
 * connection beside is served meanwhile. */
static void test_a_flood_does_not_starve_the_loop(void **state)
{
    (void)state;
    enum {
        DATAGRAMS = 1000
    };
    struct pair p;
    pair_open(&p);
    NiceCandidate *local, *remote_candidate;
    struct rtc_ice *ice = &p.a.rtc->ice;
    assert_true(nice_agent_get_selected_pair(ice->agent, ice->stream, 1, &local, &remote_candidate));
    GSocket *socket = nice_agent_get_selected_socket(ice->agent, ice->stream, 1);
    struct sockaddr_storage to;
    nice_address_copy_to_sockaddr(&remote_candidate->addr, (struct sockaddr *)&to);
    const char junk[64] = {23, (char)0xfe, (char)0xfd}; /* a DTLS record, at first sight */
    for (unsigned i = 0; i < DATAGRAMS; i++)
        assert_int_equal(
            sendto(g_socket_get_fd(socket), junk, sizeof junk, 0, (struct sockaddr *)&to, sizeof(struct sockaddr_in)),
            sizeof junk);
    unsigned turns = 0, pauses = 0;
    unsigned messages = p.b.messages;
    send_bytes(&p.a, false, "behind the junk", 15);
    while (p.b.messages == messages) {
        g_main_context_iteration(NULL, TRUE);
        assert_true(p.b.rtc->ice.read <= RTC_READ_BUDGET);
        pauses += p.b.rtc->ice.paused;
        assert_true(++turns < 10 * DATAGRAMS);
    }
    assert_true(pauses >= DATAGRAMS / RTC_READ_BUDGET);
    g_object_unref(socket);
    pair_done(&p);
}

/* What a remote on this machine sent in one call may come in one read, up to 64 KiB: each record of it is read, and what is
 * behind the last whole one is lost alone. */
static void test_reads_what_came_as_one(void **state)
{
    (void)state;
    enum {
        MESSAGES = 40,
        SIZE = 1000,
        WARM = 256 * 1024
    };
    struct pair p;
    pair_open(&p);
    char *bytes = g_malloc0(WARM);
    assert_int_equal(send_bytes(&p.a, true, bytes, WARM), RTC_SENT); /* so that SCTP sends many at once */
    WAIT(p.b.messages == 1 && rtc_buffered(p.a.rtc) == 0);
    for (unsigned i = 0; i < MESSAGES; i++)
        assert_int_equal(send_bytes(&p.a, true, bytes, SIZE), RTC_SENT);
    struct rtc_outbox *box = &p.a.rtc->factory->outbox;
    const unsigned n = box->count;
    assert_ptr_equal(box->to, p.a.rtc);
    assert_true(n >= 20); /* more than OpenSSL reads at once */
    GByteArray *one = g_byte_array_new();
    for (unsigned i = 0; i < n; i++)
        g_byte_array_append(one, box->bytes[i], (guint)box->sizes[i]);
    box->count = 0;
    rtc_dtls_input(p.b.rtc, one->data, one->len - 1);
    assert_int_equal(p.b.messages, n); /* the first, and of these all but the last */
    g_byte_array_unref(one);
    g_free(bytes);
    WAIT(p.b.messages == 1 + MESSAGES);
    pair_done(&p);
}

/* What libnice says 50 s after the last answer from the other side, and when a pair is found again. */
static void test_tells_when_the_path_is_lost(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    struct rtc_ice *ice = &p.a.rtc->ice;
    g_signal_emit_by_name(ice->agent, "component-state-changed", ice->stream, 1, NICE_COMPONENT_STATE_FAILED);
    WAIT(p.a.ice_down == 1);
    g_signal_emit_by_name(ice->agent, "component-state-changed", ice->stream, 1, NICE_COMPONENT_STATE_CONNECTED);
    g_signal_emit_by_name(ice->agent, "component-state-changed", ice->stream, 1, NICE_COMPONENT_STATE_READY);
    WAIT(p.a.ice_up == 1);
    ping(&p);
    assert_int_equal(p.a.ice_up, 1);
    pair_done(&p);
}

static void test_crc32c(void **state)
{
    (void)state;
    char check[] = "123456789"; /* RFC 9260 has no vector; this is the one of the catalogues */
    assert_int_equal(rtc_crc32c(check, 9), 0xe3069283);
    unsigned char bytes[300];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 37 + 11);
    for (size_t n = 0; n <= sizeof bytes; n++)
        assert_int_equal(rtc_crc32c(bytes, n), usrsctp_crc32c(bytes, n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses_another_certificate),
        cmocka_unit_test(test_takes_longer_hashes),
        cmocka_unit_test(test_a_bad_description_changes_nothing),
        cmocka_unit_test(test_bad_candidates_are_refused),
        cmocka_unit_test(test_early_candidates_are_bounded),
        cmocka_unit_test(test_hostile_dcep),
        cmocka_unit_test(test_a_message_too_large_ends_it),
        cmocka_unit_test(test_a_flood_does_not_starve_the_loop),
        cmocka_unit_test(test_reads_what_came_as_one),
        cmocka_unit_test(test_tells_when_the_path_is_lost),
        cmocka_unit_test(test_crc32c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
