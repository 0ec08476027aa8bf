/* SPDX-License-Identifier: MIT
 *
 * Stories of rooms that were made or closed over HTTP.
 */
#include "tests/sim/actor.h"
#include "tests/sim/ports.h"
#include "tests/sim/stories.h"

enum {
    PATIENCE_MS = 8000
};

struct answer {
    unsigned status;
    char owner[PORTS_TOKEN_MAX];
};

static void on_answer(void *who, uint64_t arg, unsigned status, struct span body)
{
    struct answer *a = who;
    json_t *said = json_loadb(body.p, body.n, 0, NULL);
    const char *owner = json_string_value(json_object_get(said, "ownerToken"));
    (void)arg;
    a->status = status;
    snprintf(a->owner, sizeof a->owner, "%s", owner ? owner : "");
    json_decref(said);
}

static struct answer ask(
    struct run *r, enum core_request_type type, const char *room, const char *token, const char *body)
{
    static struct answer a; /* outlives a late answer */
    a = (struct answer){0};
    daemon_request(r->daemons[0],
        &(struct core_request){.type = type, .room = span_of(room), .token = span_of(token), .body = span_of(body)},
        PATIENCE_MS, on_answer, &a, 0);
    for (unsigned i = 0; a.status == 0 && i < PATIENCE_MS; i++)
        run_for(r, 1);
    return a;
}

static void open_inn(struct run *r, const struct world_options *options, struct actor *ann)
{
    struct core_settings s = daemon_settings();
    run_init(r, options);
    run_add_daemon(r, &s);
    actor_init(ann, r);
    actor_connect(ann);
}

static struct answer make_locked(struct run *r)
{
    struct answer made = ask(r, REQUEST_CREATE, "", "", "{\"name\":\"inn\",\"password\":\"open\"}");
    world_check(r->w, made.status == 201 && *made.owner, "the room is not made: %u", made.status);
    return made;
}

static void expect(struct run *r, const struct actor *a, const char *type, const char *code)
{
    const char *said = actor_text(a, "code");
    world_check(r->w, strcmp(actor_text(a, "type"), type) == 0 && (!code || (said && strcmp(said, code) == 0)),
        "%s %s and not %s", actor_text(a, "type"), said ? said : "", code ? code : type);
}

/* A restart opens no locked room: members have their seats again, others need the password. */
void story_locked_over_restart(struct run *r, const struct world_options *options)
{
    struct actor ann, bob;
    open_inn(r, options, &ann);
    make_locked(r);
    actor_ask_join(&ann, "inn", "open", NULL);
    expect(r, &ann, "peers", NULL);
    daemon_crash(r->daemons[0], false);
    run_for(r, 500);
    daemon_start(r->daemons[0]);
    actor_init(&bob, r);
    actor_connect(&bob);
    actor_ask_join(&bob, "inn", NULL, NULL);
    expect(r, &bob, "error", "room-locked");
    actor_ask_join(&bob, "inn", "opne", NULL);
    expect(r, &bob, "error", "room-locked");
    actor_resume(&ann);
    actor_ask_join(&bob, "inn", "open", NULL);
    expect(r, &bob, "peers", NULL);
    actor_done(&ann);
    actor_done(&bob);
}

/* A room that its owner closed does not come back, not by a restart and not by a token of a seat in it. */
void story_closed_stays_closed(struct run *r, const struct world_options *options)
{
    struct actor ann;
    char token[RESUME_TOKEN_MAX + 1];
    open_inn(r, options, &ann);
    struct answer made = make_locked(r);
    actor_ask_join(&ann, "inn", "open", NULL);
    memcpy(token, ann.token, sizeof token);
    world_check(r->w, ask(r, REQUEST_CLOSE, "inn", made.owner, "").status == 204, "its owner may not close it");
    daemon_crash(r->daemons[0], false);
    run_for(r, 500);
    daemon_start(r->daemons[0]);
    world_check(r->w, ask(r, REQUEST_ROOM, "inn", "", "").status == 404, "the restart brought it back");
    actor_connect(&ann);
    actor_ask_resume(&ann, token);
    expect(r, &ann, "error", "resume-failed");
    actor_done(&ann);
}

/* Who resumes while the password of his join is looked at hears what came of the join. */
void story_resume_beside_join(struct run *r, const struct world_options *options)
{
    struct actor ann;
    char token[RESUME_TOKEN_MAX + 1];
    open_inn(r, options, &ann);
    make_locked(r);
    actor_join(&ann, "room");
    memcpy(token, ann.token, sizeof token);
    wire_break(ann.wire);
    run_for(r, 1000);
    actor_connect(&ann);
    actor_say(&ann, SPAN("{\"type\":\"join-room\",\"roomId\":\"inn\",\"password\":\"open\"}"));
    actor_ask_resume(&ann, token);
    expect(r, &ann, "resumed", NULL);
    run_for(r, PATIENCE_MS);
    expect(r, &ann, "error", "bad-message");
    actor_done(&ann);
}

/* Nothing is to be written for it, so nothing is waited for. */
void story_admin_closes(struct run *r, const struct world_options *options)
{
    struct actor ann;
    char token[PORTS_TOKEN_MAX];
    open_inn(r, options, &ann);
    actor_join(&ann, "room");
    ports_token(token, "", "", UINT64_MAX, true);
    world_check(r->w, ask(r, REQUEST_CLOSE, "room", token, "").status == 204, "an admin is not answered");
    run_for(r, 1000);
    expect(r, &ann, "room-closed", NULL);
    actor_done(&ann);
}
