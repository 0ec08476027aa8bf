/* SPDX-License-Identifier: MIT
 *
 * Descriptions as Chromium writes them, as we do, and as nobody should.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "protocol/sdp.h"

#define HEX16 "01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF"
#define PRINT "sha-256 " HEX16 ":" HEX16
#define HEAD "v=0\r\no=- 4962303333179871722 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define DATA "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
#define ICE "a=ice-ufrag:4ZcD\r\na=ice-pwd:2/1muCWoOi3uLifh0NuRHlX0\r\n"
#define REST \
    "a=fingerprint:" PRINT "\r\na=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"

static bool parse(const char *text, struct sdp *out)
{
    struct err err;
    return sdp_parse(span_of(text), out, &err);
}

static void test_reads_what_chromium_writes(void **state)
{
    (void)state;
    struct sdp s;
    assert_true(parse(HEAD "a=group:BUNDLE 0\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n" DATA ICE
                           "a=ice-options:trickle\r\n" REST
                           "a=candidate:1 1 udp 2113937151 192.0.2.1 5000 typ host generation 0 network-cost 999\r\n"
                           "a=end-of-candidates\r\n",
        &s));
    assert_true(span_is(s.ufrag, "4ZcD"));
    assert_true(span_is(s.pwd, "2/1muCWoOi3uLifh0NuRHlX0"));
    assert_string_equal(s.fingerprint, PRINT);
    assert_int_equal(s.setup, SDP_ACTPASS);
    assert_int_equal(s.sctp_port, 5000);
    assert_int_equal(s.max_message_size, 262144);
    assert_int_equal(s.media_count, 1);
    assert_true(span_is(s.media[0].mid, "0"));
    assert_true(s.bundle);
    assert_int_equal(s.candidate_count, 1);
    assert_true(
        span_is(s.candidates[0], "candidate:1 1 udp 2113937151 192.0.2.1 5000 typ host generation 0 network-cost 999"));
    assert_true(s.end_of_candidates);
}

static void test_session_level_holds_unless_overridden(void **state)
{
    (void)state;
    struct sdp s;
    assert_true(parse(HEAD ICE "a=setup:passive\n"
                               "a=fingerprint:sha-256 " HEX16 ":" HEX16 "\n" DATA "a=setup:active\n"
                               "a=fingerprint:md5 00:11\na=fingerprint:SHA-384 " HEX16 ":" HEX16 ":" HEX16 "\n",
        &s));
    assert_true(span_is(s.ufrag, "4ZcD"));
    assert_int_equal(s.setup, SDP_ACTIVE);
    assert_string_equal(s.fingerprint, "sha-384 " HEX16 ":" HEX16 ":" HEX16);
    assert_int_equal(s.max_message_size, SDP_MESSAGE_DEFAULT);
    assert_int_equal(s.sctp_port, SDP_SCTP_PORT);
    assert_int_equal(s.media[0].mid.n, 0);
    assert_false(s.bundle);
    /* name and password are one: half a pair in the section is not completed from above */
    assert_false(parse(HEAD ICE REST DATA "a=ice-ufrag:abcd\r\n", &s));
}

static void test_prefers_sha256(void **state)
{
    (void)state;
    struct sdp s;
    assert_true(parse(HEAD DATA ICE "a=fingerprint:sha-384 " HEX16 ":" HEX16 ":" HEX16 "\r\n" REST, &s));
    assert_string_equal(s.fingerprint, PRINT);
}

static void test_keeps_other_media_in_their_places(void **state)
{
    (void)state;
    struct sdp s;
    const char *offer = HEAD "a=group:BUNDLE a v d\r\n"
                             "m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=mid:a\r\na=ice-ufrag:zzzz\r\n"
                             "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=bundle-only\r\n" ICE
                             "a=fingerprint:" PRINT "\r\na=setup:actpass\r\na=mid:d\r\n"
                             "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\na=candidate:not ours\r\n";
    assert_true(parse(offer, &s));
    assert_int_equal(s.media_count, 3);
    assert_int_equal(s.data, 1);
    assert_true(span_is(s.ufrag, "4ZcD"));
    assert_int_equal(s.candidate_count, 0);
    s.setup = SDP_ACTIVE;
    struct buf out;
    buf_init(&out, SDP_MAX);
    assert_true(sdp_build(&s, &out));
    assert_non_null(
        strstr(out.p, "a=group:BUNDLE d\r\nm=audio 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:a\r\n"));
    assert_non_null(strstr(out.p, "m=video 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:v\r\n"));
    struct sdp again;
    assert_true(sdp_parse(buf_view(&out), &again, NULL));
    assert_int_equal(again.media_count, 3);
    assert_int_equal(again.data, 1);
    assert_int_equal(again.setup, SDP_ACTIVE);
    buf_done(&out);
}

static void test_writes_what_it_reads(void **state)
{
    (void)state;
    struct sdp s = {
        .ufrag = SPAN("abcd"),
        .pwd = SPAN("abcdefghijklmnopqrstuv"),
        .fingerprint = PRINT,
        .setup = SDP_PASSIVE,
        .sctp_port = 5001,
        .max_message_size = UINT32_MAX,
        .end_of_candidates = true,
        .candidates = {SPAN("candidate:1 1 udp 1 ::1 9 typ host")},
        .candidate_count = 1,
        .media = {{.kind = SPAN("application"), .mid = SPAN("data")}},
        .media_count = 1,
        .bundle = true,
        .sess_id = INT64_MAX,
    };
    struct buf out;
    buf_init(&out, SDP_MAX);
    assert_true(sdp_build(&s, &out));
    struct sdp again;
    assert_true(sdp_parse(buf_view(&out), &again, NULL));
    assert_true(span_eq(again.ufrag, s.ufrag) && span_eq(again.pwd, s.pwd));
    assert_string_equal(again.fingerprint, s.fingerprint);
    assert_int_equal(again.setup, s.setup);
    assert_int_equal(again.sctp_port, 5001);
    assert_int_equal(again.max_message_size, UINT32_MAX);
    assert_true(again.end_of_candidates && again.bundle);
    assert_true(span_eq(again.candidates[0], s.candidates[0]));
    assert_true(span_eq(again.media[0].mid, s.media[0].mid));
    buf_done(&out);
    buf_init(&out, 100);
    assert_false(sdp_build(&s, &out));
    buf_done(&out);
}

/* As a page without a data channel has it: Chromium's, of a camera alone and of a camera and a microphone. */
static void test_tells_a_call(void **state)
{
    (void)state;
    static const char AUDIO[] = "m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n" ICE REST;
    static const char VIDEO[] = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\n" ICE REST;
    char text[SDP_MAX];
    struct sdp s;
    for (unsigned kinds = 0; kinds < 8; kinds++) {
        snprintf(text, sizeof text, "%s%s%s%s", HEAD, kinds & 1 ? AUDIO : "", kinds & 2 ? VIDEO : "",
            kinds & 4 ? "m=application 9 DTLS/SCTP 5000\r\n" ICE REST : "");
        assert_false(parse(text, &s));
        assert_int_equal(s.no_data, kinds > 0 && kinds < 4);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "v=1\r\n" DATA ICE REST,
        HEAD,
        HEAD ICE REST,
        HEAD "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n" ICE REST,
        HEAD "m=application 9 DTLS/SCTP 5000\r\n" ICE REST "a=sctpmap:5000 webrtc-datachannel 256\r\n",
        HEAD "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" ICE REST,
        HEAD "m=\r\n" DATA ICE REST,
        HEAD DATA REST,
        HEAD DATA "a=ice-ufrag:abc\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n" REST,
        HEAD DATA "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstu\r\n" REST,
        HEAD DATA "a=ice-ufrag:ab d\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n" REST,
        HEAD DATA ICE "a=setup:actpass\r\n",
        HEAD DATA ICE "a=setup:actpass\r\na=fingerprint:sha-256 01:23\r\n",
        HEAD DATA ICE "a=setup:actpass\r\na=fingerprint:sha-1 " HEX16 ":01:23:45:67\r\n",
        HEAD DATA ICE "a=setup:actpass\r\na=fingerprint:sha-224 " HEX16 ":" HEX16 ":" HEX16 ":" HEX16 "\r\n",
        HEAD DATA ICE "a=setup:actpass\r\na=fingerprint:sha-256 " HEX16 "-" HEX16 "\r\n",
        HEAD DATA ICE "a=setup:actpass\r\na=fingerprint:sha-256 0g" HEX16 HEX16 "\r\n",
        HEAD DATA ICE "a=fingerprint:" PRINT "\r\n",
        HEAD DATA ICE "a=fingerprint:" PRINT "\r\na=setup:holdconn\r\n",
        HEAD DATA ICE "a=sctp-port:0\r\n" REST,
        HEAD DATA ICE "a=sctp-port:65536\r\n" REST,
        HEAD DATA ICE "a=max-message-size:-1\r\n" REST,
        HEAD DATA ICE "a=max-message-size:99999999999999999999\r\n" REST,
        HEAD DATA ICE "a=mid:a b\r\n" REST,
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sdp s;
        struct err err = {0};
        if (sdp_parse(span_of(bad[i]), &s, &err))
            fail_msg("taken: %s", bad[i]);
        assert_true(err.text[0]);
    }
}

static void test_is_bounded(void **state)
{
    (void)state;
    struct buf text;
    struct sdp s;
    buf_init(&text, 2 * SDP_MAX);
    buf_text(&text, HEAD DATA ICE REST);
    for (int i = 0; i < PEER_CANDIDATES_MAX + 10; i++)
        buf_text(&text, "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n");
    assert_true(sdp_parse(buf_view(&text), &s, NULL));
    assert_int_equal(s.candidate_count, PEER_CANDIDATES_MAX);
    for (int i = 0; i < SDP_LINES_MAX; i++)
        buf_text(&text, "a=x\r\n");
    assert_false(sdp_parse(buf_view(&text), &s, NULL));

    buf_reset(&text);
    buf_text(&text, HEAD DATA ICE REST);
    for (int i = 1; i < SDP_MEDIA_MAX; i++)
        buf_text(&text, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n");
    assert_true(sdp_parse(buf_view(&text), &s, NULL));
    buf_text(&text, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n");
    assert_false(sdp_parse(buf_view(&text), &s, NULL));

    buf_reset(&text);
    buf_text(&text, HEAD DATA ICE REST "a=");
    while (text.len < SDP_MAX)
        buf_byte(&text, 'x');
    assert_true(sdp_parse(buf_view(&text), &s, NULL));
    buf_byte(&text, 'x');
    assert_false(sdp_parse(buf_view(&text), &s, NULL));
    buf_done(&text);
}

/* Every prefix is parsed from a block of exactly its size, so that a sanitizer sees a read past the end. */
static void test_survives_every_cut(void **state)
{
    (void)state;
    static const char whole[] = HEAD "a=group:BUNDLE 0\r\n" DATA ICE REST "a=candidate:1\r\n";
    for (size_t n = 0; n < sizeof whole; n++) {
        char *cut = malloc(n ? n : 1);
        memcpy(cut, whole, n);
        struct sdp s;
        sdp_parse((struct span){cut, n}, &s, NULL);
        free(cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_chromium_writes),
        cmocka_unit_test(test_session_level_holds_unless_overridden),
        cmocka_unit_test(test_prefers_sha256),
        cmocka_unit_test(test_keeps_other_media_in_their_places),
        cmocka_unit_test(test_writes_what_it_reads),
        cmocka_unit_test(test_tells_a_call),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_is_bounded),
        cmocka_unit_test(test_survives_every_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
