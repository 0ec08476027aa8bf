/* SPDX-License-Identifier: MIT
 *
 * Clients that chose a name, as those of peerjs do; and memory that runs out at every point of a story of them.
 */
#include "tests/unit/server_core/short_memory.h"
#include "tests/unit/server_core/rest.h"

static void enter_as(struct harness *h, unsigned i, const char *key, const char *id, const char *secret)
{
    struct client_name name = {span_of(key), span_of(id), span_of(secret), NULL};
    open_from(h, i, (struct address){{0}});
    step(h, (struct core_event){.type = CORE_READY, .conn = conn_of(h, i), .dialect = &dialect_peerjs, .name = &name});
}

static void enter_open(struct harness *h, unsigned i, const char *id)
{
    enter_as(h, i, "peerjs", id, "secret");
    hears(h, i, "{\"type\":\"OPEN\"}");
}

static void refused(struct harness *h, unsigned i, const char *words)
{
    assert_non_null(strstr(heard(h, i), "{\"type\":\"ERROR\",\"payload\":{\"msg\":\""));
    assert_non_null(strstr(h->text, words));
    closes(h, i, 1008, "no name");
    quiet(h);
    gone(h, i, 1008);
}

static void test_forwarded_by_name(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter_open(&h, 0, "alice");
    enter_open(&h, 1, "bob b");
    quiet(&h);
    assert_int_equal(core_stats(h.core)->named, 2);
    say(&h, 0,
        "{\"type\":\"OFFER\",\"payload\":{\"x\":0.12345678901234567,\"s\":\"\\u0000\"},\"dst\":\"bob "
        "b\",\"src\":\"eve\","
        "\"more\":1}");
    hears(&h, 1,
        "{\"type\":\"OFFER\",\"src\":\"alice\",\"dst\":\"bob "
        "b\",\"payload\":{\"x\":0.12345678901234567,\"s\":\"\\u0000\"}}");
    static const char *const TYPES[] = {"ANSWER", "CANDIDATE", "LEAVE", "EXPIRE"};
    for (size_t i = 0; i < 4; i++) {
        char line[96];
        snprintf(line, sizeof line, "{\"type\":\"%s\",\"dst\":\"alice\"}", TYPES[i]);
        say(&h, 1, line);
        hears(&h, 0, "{\"type\":\"%s\",\"src\":\"bob b\",\"dst\":\"alice\"}", TYPES[i]);
    }
    say(&h, 0, "{\"type\":\"HEARTBEAT\"}");
    quiet(&h);
    assert_int_equal(core_stats(h.core)->relayed[MESSAGE_FORWARD], 5);
    gone(&h, 0, 0);
    assert_int_equal(core_stats(h.core)->named, 1);
    quiet(&h); /* nobody is told */
    stop(&h);
}

/* Errors of a single message would make the client give itself up. */
static void test_nonsense_is_passed_over(void **state)
{
    (void)state;
    static const char *const NONSENSE[] = {"", "{}", "{\"type\":\"OPEN\"}", "{\"type\":\"OFFER\"}",
        "{\"type\":\"OFFER\",\"dst\":\"\"}", "{\"type\":\"OFFER\",\"dst\":7}",
        "{\"type\":\"join-room\",\"roomId\":\"a\"}"};
    struct harness h;
    start(&h, no_limits());
    enter_open(&h, 0, "alice");
    for (size_t i = 0; i < sizeof NONSENSE / sizeof *NONSENSE; i++) {
        say(&h, 0, NONSENSE[i]);
        quiet(&h);
    }
    for (unsigned i = 0; i + sizeof NONSENSE / sizeof *NONSENSE < BAD_FRAMES_MAX; i++)
        say(&h, 0, "?");
    closes(&h, 0, 1008, "rate-limited"); /* but not for ever */
    stop(&h);
}

static void test_names_are_held(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter_open(&h, 0, "alice");
    enter_as(&h, 1, "peerjs", "alice", "another");
    hears(&h, 1, "{\"type\":\"ID-TAKEN\",\"payload\":{\"msg\":\"ID is taken\"}}");
    closes(&h, 1, 1008, "no name");
    quiet(&h);
    gone(&h, 1, 0);
    enter_as(&h, 1, "other", "alice", "another"); /* another name space */
    hears(&h, 1, "{\"type\":\"OPEN\"}");
    enter_as(&h, 6, "peerjsa", "lice", "another"); /* the same letters, parted elsewhere */
    hears(&h, 6, "{\"type\":\"OPEN\"}");
    say(&h, 1, "{\"type\":\"LEAVE\",\"dst\":\"bob\"}");
    enter_as(&h, 2, "peerjs", "alice", "secret"); /* the same client again */
    hears(&h, 2, "{\"type\":\"OPEN\"}");
    closes(&h, 0, 4001, "the same client came again");
    quiet(&h);
    gone(&h, 0, 4001);
    assert_int_equal(core_stats(h.core)->named, 3);
    enter_open(&h, 3, "bob");
    say(&h, 3, "{\"type\":\"LEAVE\",\"dst\":\"alice\"}");
    hears(&h, 2, "{\"type\":\"LEAVE\",\"src\":\"bob\",\"dst\":\"alice\"}");
    quiet(&h);
    say(&h, 2, "{\"type\":\"LEAVE\"}");
    closes(&h, 2, 1000, "farewell");
    enter_as(&h, 4, "peerjs", "alice", "anybody's");
    hears(&h, 4, "{\"type\":\"OPEN\"}");
    stop(&h);
}

static void test_letters(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter_open(&h, 0, "alice");
    enter_as(&h, 5, "other", "alice", "s");
    hears(&h, 5, "{\"type\":\"OPEN\"}");
    say(&h, 0, "{\"type\":\"OFFER\",\"dst\":\"bob\"}");
    say(&h, 0, "{\"type\":\"CANDIDATE\",\"dst\":\"carol\"}");
    say(&h, 0, "{\"type\":\"CANDIDATE\",\"dst\":\"bob\"}");
    say(&h, 0, "{\"type\":\"LEAVE\",\"dst\":\"bob\"}"); /* not kept */
    say(&h, 5, "{\"type\":\"OFFER\",\"dst\":\"bob\"}"); /* another bob */
    quiet(&h);
    assert_true(core_stats(h.core)->letter_bytes > 0);
    enter_open(&h, 1, "bob");
    hears(&h, 1, "{\"type\":\"OFFER\",\"src\":\"alice\",\"dst\":\"bob\"}");
    hears(&h, 1, "{\"type\":\"CANDIDATE\",\"src\":\"alice\",\"dst\":\"bob\"}");
    quiet(&h);
    say(&h, 0, "{\"type\":\"OFFER\",\"dst\":\"carol\"}");
    wake(&h, h.now + 4999);
    quiet(&h);
    wake(&h, h.now + 1);
    hears(&h, 0, "{\"type\":\"EXPIRE\",\"src\":\"carol\",\"dst\":\"alice\"}"); /* once for both */
    hears(&h, 5, "{\"type\":\"EXPIRE\",\"src\":\"bob\",\"dst\":\"alice\"}");
    quiet(&h);
    assert_int_equal(core_stats(h.core)->letter_bytes, 0);
    say(&h, 0, "{\"type\":\"OFFER\",\"dst\":\"carol\"}");
    say(&h, 0, "{\"type\":\"OFFER\",\"dst\":\"carol\"}");
    gone(&h, 0, 0); /* who is gone is told nothing */
    wake(&h, h.now + 5000);
    quiet(&h);
    assert_int_equal(core_stats(h.core)->letter_bytes, 0);
    assert_true(h.deadline > h.now + 100000);
    stop(&h);
}

/* Who comes again while letters of its own wait hears of their end. */
static void test_letters_of_who_comes_again(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter_open(&h, 0, "alice");
    say(&h, 0, "{\"type\":\"OFFER\",\"dst\":\"bob\"}");
    enter_open(&h, 1, "alice");
    closes(&h, 0, 4001, "the same client came again");
    gone(&h, 0, 0);
    wake(&h, h.now + 5000);
    hears(&h, 1, "{\"type\":\"EXPIRE\",\"src\":\"bob\",\"dst\":\"alice\"}");
    quiet(&h);
    stop(&h);
}

/* A client of peerjs from the address. */
static void enter_from(struct harness *h, unsigned i, uint8_t address, const char *id)
{
    struct client_name name = {SPAN("peerjs"), span_of(id), SPAN("secret"), NULL};
    open_from(h, i, (struct address){{address}});
    step(h, (struct core_event){.type = CORE_READY, .conn = conn_of(h, i), .dialect = &dialect_peerjs, .name = &name});
    hears(h, i, "{\"type\":\"OPEN\"}");
}

/* To somebody who is not there, with a payload of so many bytes. */
static void write_to(struct harness *h, unsigned i, const char *to, size_t n)
{
    static char line[FRAME_MAX_DEFAULT + 128], filler[FRAME_MAX_DEFAULT];
    assert_true(n < sizeof filler);
    memset(filler, 'x', n);
    filler[n] = '\0';
    snprintf(line, sizeof line, "{\"type\":\"OFFER\",\"dst\":\"%s\",\"payload\":\"%s\"}", to, filler);
    say(h, i, line);
}

static void test_letters_are_bounded(void **state)
{
    (void)state;
    struct harness h;
    char line[64];
    start(&h, no_limits());
    enter_open(&h, 0, "alice");
    for (unsigned i = 0; i < 64; i++) {
        snprintf(line, sizeof line, "{\"type\":\"OFFER\",\"dst\":\"n%u\"}", i);
        say(&h, 0, line);
        quiet(&h);
    }
    say(&h, 0, "{\"type\":\"OFFER\",\"dst\":\"one more\"}");
    hears(&h, 0, "{\"type\":\"EXPIRE\",\"src\":\"one more\",\"dst\":\"alice\"}");
    quiet(&h);
    stop(&h);
}

/* Who comes gets all at once, and a client that has no room for it is closed. */
static void test_letters_for_one_name_are_bounded(void **state)
{
    (void)state;
    struct harness h;
    start(&h, no_limits());
    enter_open(&h, 0, "alice");
    enter_open(&h, 1, "carol");
    write_to(&h, 0, "bob", 40000);
    write_to(&h, 1, "bob", 20000);
    quiet(&h);
    write_to(&h, 1, "bob", 10000);
    hears(&h, 1, "{\"type\":\"EXPIRE\",\"src\":\"bob\",\"dst\":\"carol\"}");
    write_to(&h, 1, "dave", 10000);
    quiet(&h);
    assert_in_range(core_stats(h.core)->letter_bytes, 70000, 71000);
    wake(&h, h.now + 5000);
    hears(&h, 0, "{\"type\":\"EXPIRE\",\"src\":\"bob\",\"dst\":\"alice\"}");
    hears(&h, 1, "{\"type\":\"EXPIRE\",\"src\":\"bob\",\"dst\":\"carol\"}");
    hears(&h, 1, "{\"type\":\"EXPIRE\",\"src\":\"dave\",\"dst\":\"carol\"}");
    quiet(&h);
    stop(&h);
}

/* Those of one address, whoever sends them and stays or goes; others keep their place. */
static void test_letters_of_an_address_are_bounded(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings settings = no_limits();
    settings.max_connections_per_address = 1000;
    start(&h, settings);
    for (unsigned k = 0; k < 2; k++) { /* in number, then in bytes */
        char id[16], to[16];
        unsigned most = k == 0 ? 128 : 8;
        for (unsigned i = 0; i < most; i++) {
            snprintf(id, sizeof id, "evil%u", i);
            snprintf(to, sizeof to, "n%u", i);
            enter_from(&h, 0, 1, id);
            write_to(&h, 0, to, k == 0 ? 1 : 65000);
            quiet(&h);
            gone(&h, 0, 0);
        }
        enter_from(&h, 0, 1, "evil");
        write_to(&h, 0, "last", k == 0 ? 1 : 65000);
        hears(&h, 0, "{\"type\":\"EXPIRE\",\"src\":\"last\",\"dst\":\"evil\"}");
        enter_from(&h, 1, 2, "alice");
        write_to(&h, 1, "last", 1000);
        gone(&h, 0, 0);
        quiet(&h);
        wake(&h, h.now + 5000);
        while (h.deadline <= h.now) /* of what is due at once a batch is dealt with at a time */
            wake(&h, h.now);
        hears(&h, 1, "{\"type\":\"EXPIRE\",\"src\":\"last\",\"dst\":\"alice\"}");
        gone(&h, 1, 0);
        quiet(&h);
        assert_int_equal(core_stats(h.core)->letter_bytes, 0);
    }
    stop(&h);
}

static void test_letters_in_all_are_bounded(void **state)
{
    (void)state;
    struct harness h;
    char to[16];
    start(&h, no_limits()); /* of no address */
    enter_open(&h, 0, "alice");
    enter_open(&h, 1, "carol");
    unsigned kept = 4 * 1024 * 1024 / 65000;
    for (unsigned i = 0; i < kept; i++) {
        snprintf(to, sizeof to, "n%u", i);
        write_to(&h, i % 2, to, 65000);
        quiet(&h);
    }
    write_to(&h, 0, "more", 65000);
    hears(&h, 0, "{\"type\":\"EXPIRE\",\"src\":\"more\",\"dst\":\"alice\"}");
    quiet(&h);
    stop(&h);
}

static void comes(struct harness *h, uint32_t i, const char *id)
{
    struct client_name name = {SPAN("k"), span_of(id), SPAN("s"), NULL};
    happens(h, (struct core_event){.type = CORE_OPEN, .conn = {i, 1}});
    happens(h, (struct core_event){.type = CORE_READY, .conn = {i, 1}, .dialect = &dialect_peerjs, .name = &name});
}

/* The list that slot 6 is told, borrowed for as long as it is the newest: so many names. */
static struct frame *list(struct harness *h, const char *key, unsigned names)
{
    ask(h, 6, (struct core_request){.type = REQUEST_NAMES, .room = span_of(key)});
    const struct core_effect *e = took(h, CORE_RESPONSE);
    assert_non_null(e);
    assert_int_equal(e->response.status, 200);
    struct frame *body = e->response.body;
    struct span text = frame_text(body);
    unsigned n = 0;
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '"';
    assert_int_equal(n, 2 * names);
    gone(h, 6, 0);
    return body;
}

/* A few are shown as they are; many a second late, by one list for all who ask. */
static void test_listed(void **state)
{
    (void)state;
    struct harness h;
    char id[16];
    start(&h, no_limits());
    list(&h, "k", 0);
    enter_as(&h, 0, "other", "alice", "s");
    hears(&h, 0, "{\"type\":\"OPEN\"}");
    for (unsigned i = 0; i < 256; i++) {
        snprintf(id, sizeof id, "n%u", i);
        comes(&h, 10 + i, id);
        list(&h, "k", i + 1);
    }
    struct frame *one = frame_ref(list(&h, "k", 256)), *other = frame_ref(list(&h, "other", 1));
    comes(&h, 1, "bob");
    wake(&h, h.now + 999);
    assert_ptr_equal(list(&h, "k", 256), one);
    assert_ptr_equal(list(&h, "other", 1), other);
    wake(&h, h.now + 1);
    assert_ptr_not_equal(list(&h, "k", 257), one);
    for (uint32_t i = 1; i <= 10; i += 9)
        happens(&h, (struct core_event){.type = CORE_GONE, .conn = {i, 1}});
    list(&h, "k", 255); /* they are few again */
    comes(&h, 2, "carol");
    comes(&h, 4, "erin");
    list(&h, "k", 257);
    comes(&h, 3, "dave");
    core_configure(h.core, &h.settings);
    list(&h, "k", 258);
    frame_unref(one);
    frame_unref(other);
    stop(&h);
}

static void test_who_gets_no_name(void **state)
{
    (void)state;
    static const char *const BAD[] = {" a", "a ", "a  b", "-", "a\n", "\xc3\xa4", "a/b"};
    struct harness h;
    char longest[CHOSEN_ID_MAX + 2];
    memset(longest, 'a', sizeof longest);
    longest[CHOSEN_ID_MAX + 1] = '\0';
    start(&h, no_limits());
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        enter_as(&h, 0, "peerjs", BAD[i], "s");
        refused(&h, 0, "the id must be");
    }
    enter_as(&h, 0, "peerjs", longest, "s");
    refused(&h, 0, "the id must be");
    longest[CHOSEN_ID_MAX] = '\0';
    enter_as(&h, 1, "peerjs", longest, "s");
    hears(&h, 1, "{\"type\":\"OPEN\"}");
    enter_as(&h, 0, "", "a", "s");
    refused(&h, 0, "No id, token, or key supplied");
    enter_as(&h, 0, "peerjs", "a", "");
    refused(&h, 0, "No id, token, or key supplied");
    memset(longest, 'a', sizeof longest - 1);
    longest[CHOSEN_SECRET_MAX + 1] = '\0';
    enter_as(&h, 0, "peerjs", "a", longest);
    refused(&h, 0, "more than 64 bytes");
    stop(&h);
    struct core_settings settings = no_limits();
    settings.token_required = true;
    start(&h, settings);
    enter_as(&h, 0, "peerjs", "a", "s");
    refused(&h, 0, "tokens are required");
    stop(&h);
}

static void test_names_are_paced(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings settings = no_limits();
    settings.join_rate = 1;
    start(&h, settings);
    for (unsigned i = 0; i <= JOIN_BURST_SECONDS; i++) {
        struct client_name name = {SPAN("k"), SPAN("a"), SPAN("s"), NULL};
        open_from(&h, i % 2, (struct address){{1}});
        step(&h, (struct core_event){
                     .type = CORE_READY, .conn = conn_of(&h, i % 2), .dialect = &dialect_peerjs, .name = &name});
        if (i == JOIN_BURST_SECONDS) {
            skip_log(&h);
            refused(&h, i % 2, "come again later");
        } else if (i > 0) {
            gone(&h, (i + 1) % 2, 0);
        }
    }
    stop(&h);
}

/* No room is to be joined. */
static void test_no_time_to_join(void **state)
{
    (void)state;
    struct harness h;
    struct core_settings settings = no_limits();
    settings.join_timeout_ms = 1000;
    start(&h, settings);
    enter_open(&h, 0, "alice");
    wake(&h, h.now + 2000);
    quiet(&h);
    stop(&h);
}

/* ---- memory ---- */

static void says(struct harness *h, uint32_t i, const char *text)
{
    happens(h, (struct core_event){.type = CORE_FRAME, .conn = {i, 1}, .bytes = span_of(text)});
}

static void tell(struct harness *h)
{
    comes(h, 0, "alice");
    says(h, 0, "{\"type\":\"OFFER\",\"dst\":\"bob\"}");
    says(h, 0, "{\"type\":\"OFFER\",\"dst\":\"carol\"}");
    comes(h, 1, "bob");
    says(h, 1, "{\"type\":\"ANSWER\",\"dst\":\"alice\"}");
    comes(h, 2, "alice"); /* once more */
    says(h, 2, "{\"type\":\"OFFER\",\"dst\":\"bob\"}");
    h->now += 5000;
    happens(h, (struct core_event){.type = CORE_TIME});
}

static void check_nothing_left(const struct core_stats *s)
{
    assert_int_equal(s->named, 0);
    assert_int_equal(s->letter_bytes, 0);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    memory_runs_out(tell, check_nothing_left);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forwarded_by_name),
        cmocka_unit_test(test_nonsense_is_passed_over),
        cmocka_unit_test(test_names_are_held),
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_letters_of_who_comes_again),
        cmocka_unit_test(test_letters_are_bounded),
        cmocka_unit_test(test_letters_for_one_name_are_bounded),
        cmocka_unit_test(test_letters_of_an_address_are_bounded),
        cmocka_unit_test(test_letters_in_all_are_bounded),
        cmocka_unit_test(test_listed),
        cmocka_unit_test(test_who_gets_no_name),
        cmocka_unit_test(test_names_are_paced),
        cmocka_unit_test(test_no_time_to_join),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
