/* SPDX-License-Identifier: MIT */
#include "server/core/member.h"

#include <assert.h>
#include <stdlib.h>

uint32_t member_hash(const void *item)
{
    return hash_random(((const struct member *)item)->id);
}

static bool has_id(const void *item, const void *id)
{
    return memcmp(((const struct member *)item)->id, id, ID_CHARS) == 0;
}

struct member *member_find(const struct core *c, struct span peer_id)
{
    if (!member_id_is_ours(c, peer_id))
        return NULL;
    const char *id = peer_id.p + c->prefix_n;
    return table_find(&c->members, hash_random(id), has_id, id);
}

struct member *member_new(struct core *c, const char *id)
{
    assert(!table_find(&c->members, hash_random(id), has_id, id));
    struct member *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    memcpy(m->id, id, ID_CHARS);
    if (table_add(&c->members, m))
        return m;
    free(m);
    return NULL;
}

struct member *member_new_random(struct core *c)
{
    char text[ID_CHARS + 1];
    id_random(c->rng, text);
    return member_new(c, text);
}

void member_free(struct core *c, struct member *m)
{
    if (!m)
        return;
    assert(!m->room && !m->introduction);
    table_remove(&c->members, m);
    free(m);
}

void member_connect(struct member *m, struct session *s)
{
    assert(m->place != PLACE_SESSION && !s->member);
    m->place = PLACE_SESSION;
    m->session = s;
    m->dialect = s->dialect & 7U;
    s->member = m;
    m->unheld = false;
    m->relayed = m->proved = m->pinged = 0;
}

void member_disconnect(struct member *m)
{
    assert(m->place == PLACE_SESSION && m->session->member == m);
    m->place = m->room ? PLACE_AWAY : PLACE_NONE;
    m->session->member = NULL;
    m->session = NULL;
    m->held = NULL;
    m->away = (struct wait){NULL, NULL, 0};
}

bool member_introduce(struct member *m, const struct introduction *i)
{
    return member_introduce_moved(m, i, (struct span){NULL, 0});
}

bool member_introduce_moved(struct member *m, const struct introduction *i, struct span previous)
{
    size_t name_n = i->display_name.n, metadata_n = i->metadata.n, behind = previous.n ? previous.n + 1 : 0;
    assert(!m->introduction && name_n <= UINT16_MAX && metadata_n <= UINT16_MAX && previous.n <= PEER_ID_MAX);
    if (name_n + metadata_n + behind == 0)
        return true;
    m->introduction = malloc(name_n + metadata_n + behind);
    if (!m->introduction)
        return false;
    if (behind) {
        m->introduction[name_n + metadata_n] = (char)previous.n;
        memcpy(m->introduction + name_n + metadata_n + 1, previous.p, previous.n);
        m->moved = true;
    }
    if (name_n)
        memcpy(m->introduction, i->display_name.p, name_n);
    if (metadata_n)
        memcpy(m->introduction + name_n, i->metadata.p, metadata_n);
    m->display_name_n = (uint16_t)name_n;
    m->metadata_n = (uint16_t)metadata_n;
    return true;
}

void member_forget_introduction(struct member *m)
{
    free(m->introduction);
    m->introduction = NULL;
    m->display_name_n = m->metadata_n = 0;
    m->moved = false;
}

struct span member_previous(const struct member *m)
{
    const char *behind = m->moved ? m->introduction + m->display_name_n + m->metadata_n : NULL;
    return behind ? (struct span){behind + 1, (uint8_t)*behind} : (struct span){NULL, 0};
}

struct introduction member_introduction(const struct member *m)
{
    if (!m->introduction)
        return (struct introduction){{NULL, 0}, {NULL, 0}};
    return (struct introduction){
        {m->introduction, m->display_name_n}, {m->introduction + m->display_name_n, m->metadata_n}};
}
