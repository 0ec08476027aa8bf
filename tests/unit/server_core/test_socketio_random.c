/* SPDX-License-Identifier: MIT
 *
 * Random histories of clients of Socket.IO, who come, join, signal, leave, lose their connections, with and without what
 * was in flight, and come back, over restarts of the daemon too. Each keeps what an unmodified client keeps: pid, offset,
 * and who its page believes is in the room. A model that knows nothing of the core says what must hold after each step:
 *
 *     whoever is in the room believes in exactly those who are; nobody hears a signal twice or out of order;
 *     whoever has a connection that works has heard all that was sent to it; whoever is told by its old pid that it was
 *     recovered is the same one, and has heard all that was sent to it before and meanwhile;
 *     whoever comes back within the grace, over a restart too, has its id and its room again.
 */
#include <jansson.h>

#include "tests/unit/server_core/socketio.h"

enum {
    PEOPLE = 6,
    ROOMS = 2,
    STEPS = 600,
    HISTORIES = 60,
    SHORT_GRACE_MS = 3000
};

struct person {
    bool online, deaf;         /* has a connection; hears nothing over it any more */
    char sid[PEER_ID_MAX + 1]; /* empty: none yet */
    char pid[PID_CHARS + 1], offset[RESUME_TOKEN_MAX + 1];
    int room;          /* -1: none */
    uint64_t away_at;  /* while offline and in a room */
    json_int_t sent;   /* signals to it: their numbers count up */
    json_int_t heard;  /* the last of them */
    bool may_have_gap; /* it was not recovered: what it hears next may have any number above */
    bool believes[PEOPLE];
};

struct play {
    struct harness h;
    struct person p[PEOPLE];
    uint64_t restarted_at; /* 0: never */
    unsigned recovered, returned, kept_over_restart;
};

static struct person *find(struct play *t, const char *sid)
{
    for (unsigned i = 0; sid && i < PEOPLE; i++)
        if (strcmp(t->p[i].sid, sid) == 0)
            return &t->p[i];
    return NULL;
}

static unsigned pick(struct play *t, unsigned n)
{
    return rng_below(&t->h.rng, n);
}

/* ---- what they hear ---- */

static void hear_welcome(struct play *t, unsigned i, const json_t *told)
{
    struct person *p = &t->p[i];
    const char *sid = json_string_value(json_object_get(told, "sid")),
               *pid = json_string_value(json_object_get(told, "pid"));
    bool same = strcmp(p->sid, sid) == 0, recovered = strcmp(p->pid, pid) == 0;
    assert_true(same || !find(t, sid));
    assert_true(same || !recovered);
    assert_true(same || p->room < 0); /* or its seat was kept for it */
    p->may_have_gap = !recovered;
    t->recovered += recovered;
    t->returned += same;
    if (!same) {
        snprintf(p->sid, sizeof p->sid, "%s", sid);
        p->sent = p->heard = 0;
    }
    snprintf(p->pid, sizeof p->pid, "%s", pid);
}

static void hear_peers(struct play *t, unsigned i, const json_t *event)
{
    struct person *p = &t->p[i];
    size_t k;
    const json_t *id;
    memset(p->believes, 0, sizeof p->believes);
    json_array_foreach(json_object_get(json_array_get(event, 1), "peers"), k, id)
    {
        struct person *other = find(t, json_string_value(id));
        assert_non_null(other);
        p->believes[other - t->p] = true;
    }
    snprintf(p->offset, sizeof p->offset, "%s", json_string_value(json_array_get(event, 2)));
}

static void hear_signal(struct person *p, const json_t *argument)
{
    json_int_t n = json_integer_value(json_object_get(argument, "data"));
    assert_true(p->may_have_gap ? n > p->heard : n == p->heard + 1);
    p->may_have_gap = false;
    p->heard = n;
}

static void hear_event(struct play *t, unsigned i, const json_t *event)
{
    struct person *p = &t->p[i];
    const char *name = json_string_value(json_array_get(event, 0));
    const json_t *argument = json_array_get(event, 1);
    struct person *other = find(t, json_string_value(json_object_get(argument, "peerId")));
    if (strcmp(name, "peers") == 0) {
        hear_peers(t, i, event);
    } else if (strcmp(name, "peer-joined") == 0) {
        assert_true(other && !p->believes[other - t->p]);
        p->believes[other - t->p] = true;
    } else if (strcmp(name, "peer-left") == 0) {
        assert_true(other && p->believes[other - t->p]);
        p->believes[other - t->p] = false;
    } else if (strcmp(name, "signal") == 0) {
        hear_signal(p, argument);
    } else {
        assert_string_equal(name, "left-room");
    }
}

static void hear(struct play *t, unsigned i, struct span text)
{
    assert_true(text.n > 2 && text.p[0] == '4');
    json_t *payload = json_loadb(text.p + 2, text.n - 2, 0, NULL);
    assert_non_null(payload);
    if (text.p[1] == '0')
        hear_welcome(t, i, payload);
    else
        hear_event(t, i, payload);
    assert_true(text.p[1] == '0' || text.p[1] == '2');
    json_decref(payload);
}

/* ---- what must hold ---- */

static void holds(struct play *t)
{
    for (unsigned i = 0; i < PEOPLE; i++) {
        struct person *p = &t->p[i];
        if (!p->online || p->deaf || !*p->sid)
            continue;
        assert_true(p->heard == p->sent);
        for (unsigned k = 0; p->room >= 0 && k < PEOPLE; k++)
            assert_true(k == i || p->believes[k] == (t->p[k].room == p->room));
    }
}

static void happens(struct play *t, struct core_event e)
{
    step(&t->h, e);
    for (size_t k = 0; k < t->h.fx.n; k++) {
        const struct core_effect *f = &t->h.fx.v[k];
        struct person *p = &t->p[f->conn.slot];
        bool listens = p->online && !p->deaf && f->conn.generation == t->h.generation[f->conn.slot];
        assert_true(f->type != CORE_CLOSE || p->deaf);
        if (listens && f->type == CORE_SEND)
            hear(t, f->conn.slot, frame_text(f->frame));
    }
}

/* Answers to pings come after all else of the step. */
static void answer_pings(struct play *t)
{
    struct asked {
        unsigned slot;
        uint32_t number;
    } asked[PEOPLE];
    unsigned n = 0;
    for (size_t k = 0; k < t->h.fx.n; k++) {
        const struct core_effect *f = &t->h.fx.v[k];
        if (f->type == CORE_PING && t->p[f->conn.slot].online && !t->p[f->conn.slot].deaf)
            asked[n++] = (struct asked){f->conn.slot, f->ping};
    }
    while (n-- > 0)
        happens(
            t, (struct core_event){.type = CORE_PONG, .conn = conn_of(&t->h, asked[n].slot), .pong = asked[n].number});
}

/* ---- what they do ---- */

static void says(struct play *t, unsigned i, const char *text)
{
    happens(t, (struct core_event){.type = CORE_FRAME, .conn = conn_of(&t->h, i), .bytes = span_of(text)});
}

static bool is_too_late(const struct play *t, const struct person *p)
{
    uint64_t since = p->away_at > t->restarted_at ? p->away_at : t->restarted_at;
    return t->h.now - since >= SHORT_GRACE_MS;
}

static void come(struct play *t, unsigned i)
{
    struct person *p = &t->p[i];
    char text[RESUME_TOKEN_MAX + 128] = "0";
    bool again = *p->pid != '\0';
    if (again)
        snprintf(text, sizeof text, "0{\"pid\":\"%s\",\"offset\":\"%s\"}", p->pid, p->offset);
    t->h.generation[i]++;
    happens(t, (struct core_event){.type = CORE_OPEN, .conn = conn_of(&t->h, i)});
    happens(t, (struct core_event){.type = CORE_READY, .conn = conn_of(&t->h, i), .dialect = &dialect_socketio});
    p->online = true;
    p->deaf = false;
    says(t, i, text);
    if (p->may_have_gap) /* what was lost is not to come any more */
        p->heard = p->sent;
    p->may_have_gap = false;
}

static void lose(struct play *t, unsigned i)
{
    struct person *p = &t->p[i];
    p->online = false;
    p->away_at = t->h.now;
    happens(t, (struct core_event){.type = CORE_GONE, .conn = conn_of(&t->h, i), .close_code = 1006});
}

static void leave_for_good(struct play *t, unsigned i)
{
    t->p[i].room = -1;
    says(t, i, "1");
    lose(t, i);
}

static void enter_a_room(struct play *t, unsigned i)
{
    char text[64];
    t->p[i].room = (int)pick(t, ROOMS);
    snprintf(text, sizeof text, "2[\"join-room\",{\"roomId\":\"r%d\"}]", t->p[i].room);
    says(t, i, text);
}

static void leave_its_room(struct play *t, unsigned i)
{
    t->p[i].room = -1;
    says(t, i, "2[\"leave-room\"]");
}

static void send_signal(struct play *t, unsigned i)
{
    struct person *to = &t->p[pick(t, PEOPLE)];
    char text[192];
    if (to == &t->p[i] || to->room != t->p[i].room)
        return;
    snprintf(text, sizeof text, "2[\"signal\",{\"to\":\"%s\",\"data\":%d}]", to->sid, (int)++to->sent);
    says(t, i, text);
}

/* Those whose time is over have left. */
static void pass_time(struct play *t)
{
    t->h.now += pick(t, 8) ? pick(t, 200) : pick(t, SHORT_GRACE_MS);
    for (unsigned i = 0; i < PEOPLE; i++)
        if (!t->p[i].online && t->p[i].room >= 0 && is_too_late(t, &t->p[i]))
            t->p[i].room = -1;
    happens(t, (struct core_event){.type = CORE_TIME});
    answer_pings(t);
    for (unsigned i = 0; i < PEOPLE; i++)
        if (t->p[i].online && t->p[i].deaf)
            lose(t, i); /* or the daemon would give it up by itself, at a time that the model does not tell */
}

static int was_in[PEOPLE];

/* Nobody is in a room until it is back; who is back in time is where it was. */
static void crash(struct play *t)
{
    core_free(t->h.core);
    t->h.core = core_new(&t->h.settings, &t->h.rng);
    assert_non_null(t->h.core);
    t->restarted_at = t->h.now;
    for (unsigned i = 0; i < PEOPLE; i++) {
        struct person *p = &t->p[i];
        was_in[i] = p->online || !is_too_late(t, p) ? p->room : -1;
        p->online = false;
        p->room = -1;
        p->sent = p->heard; /* what was held is gone */
    }
    happens(t, (struct core_event){.type = CORE_TIME});
    for (unsigned i = 0; i < PEOPLE; i++) {
        if (was_in[i] < 0 || pick(t, 3) == 0)
            continue;
        char sid[PEER_ID_MAX + 1];
        snprintf(sid, sizeof sid, "%s", t->p[i].sid);
        t->p[i].room = was_in[i];
        t->p[i].away_at = t->h.now;
        come(t, i);
        assert_string_equal(sid, t->p[i].sid);
        t->kept_over_restart++;
        holds(t);
    }
    for (unsigned i = 0; i < PEOPLE; i++)
        if (!t->p[i].online)
            *t->p[i].pid = *t->p[i].offset = '\0'; /* somebody new: the model keeps no seats of an earlier life */
}

static void do_something(struct play *t)
{
    unsigned i = pick(t, PEOPLE), what = pick(t, 100);
    struct person *p = &t->p[i];
    if (what < 2)
        crash(t);
    else if (what < 15)
        pass_time(t);
    else if (!p->online)
        come(t, i);
    else if (p->deaf || what < 25)
        lose(t, i);
    else if (what < 30)
        p->deaf = true;
    else if (what < 33)
        leave_for_good(t, i);
    else if (p->room < 0)
        enter_a_room(t, i);
    else if (what < 38)
        leave_its_room(t, i);
    else
        send_signal(t, i);
    holds(t);
}

static void test_histories(void **state)
{
    (void)state;
    unsigned recovered = 0, returned = 0, kept = 0;
    for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
        struct play t = {.recovered = 0};
        print_message("seed %u\n", (unsigned)seed);
        struct core_settings set = with_seats();
        set.resume_grace_ms = SHORT_GRACE_MS;
        set.ping_interval_ms = 300;
        set.ping_timeout_ms = 200;
        start(&t.h, set);
        rng_seeded_init(&t.h.seed, seed);
        for (unsigned i = 0; i < PEOPLE; i++)
            t.p[i].room = -1;
        for (unsigned n = 0; n < STEPS; n++)
            do_something(&t);
        recovered += t.recovered;
        returned += t.returned;
        kept += t.kept_over_restart;
        stop(&t.h);
    }
    assert_true(recovered > HISTORIES * 10 && returned > recovered + HISTORIES && kept > HISTORIES * 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_histories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
