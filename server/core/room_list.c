/* SPDX-License-Identifier: MIT
 *
 * The list is made when somebody asks for it after something in it has changed, and then shared by all who ask: its
 * length is others' choice, who name their rooms, and asking costs nothing. What is dear of a room's text, the escaped
 * name, was written when the room was made. At most ROOMS_LISTED_MAX are shown, the oldest first and those made over
 * HTTP before those that join-room made: which are looked at and no others.
 */
#include "server/core/room_list.h"

#include <assert.h>

#include "server/core/room.h"
#include "server/core/say.h"

void room_list_write(const struct core *c, struct buf *out, const struct room *room)
{
    assert(room->made || room->kind == ROOM_JOINED);
    const struct made *made = room->made;
    struct buf names;
    buf_init(&names, ROOM_NAMES_MAX);
    if (!made)
        room_names_write(&names, (struct span){room->id, room->id_n}, (struct span){NULL, 0});
    room_view_write(out, &(struct room_view){
                             .names = made ? (struct span){made->names, made->names_n} : buf_view(&names),
                             .peers = room->count,
                             .max_peers = room_capacity(c, room),
                             .created_ms = room->created_ms,
                             .locked = made && made->terms.locked,
                         });
    out->failed = out->failed || names.failed;
    buf_done(&names);
}

static size_t write_kind(const struct core *c, struct buf *out, enum room_kind kind, size_t n)
{
    for (const struct room *room = c->rooms[kind]; room && n < ROOMS_LISTED_MAX; room = room->next) {
        buf_text(out, n++ ? "," : "");
        room_list_write(c, out, room);
    }
    return n;
}

struct frame *room_list_get(struct core *c)
{
    if (!c->room_list) {
        struct buf *text = say_text(c);
        buf_text(text, "{\"rooms\":[");
        size_t n = write_kind(c, text, ROOM_LISTED, 0);
        if (c->settings.list_joined)
            write_kind(c, text, ROOM_JOINED, n);
        buf_text(text, "]}\n");
        c->room_list = say_body(c);
    }
    return c->room_list ? frame_ref(c->room_list) : NULL;
}

void room_list_changes(struct core *c, const struct room *room)
{
    if (room->kind == ROOM_LISTED || (room->kind == ROOM_JOINED && c->settings.list_joined))
        room_list_forget(c);
}

void room_list_forget(struct core *c)
{
    frame_unref(c->room_list);
    c->room_list = NULL;
}
