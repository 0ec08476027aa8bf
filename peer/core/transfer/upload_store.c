/* SPDX-License-Identifier: MIT
 *
 * The value is JSON: `room`, and `all` if it is for everybody there; the path, size and root hash that were offered; `paused`; `to`: who was
 * offered it, and 1 if that has ended. Names and hashes are read anew from the file, and compared with the root.
 */
#include "peer/core/state.h"
#include "peer/core/port/storage.h"
#include "peer/core/transfer/upload.h"
#include "peer/core/transfer/upload_store.h"
#include "protocol/write.h"

void upload_store_write(struct peer *p, const struct upload *u)
{
    char root[BASE64_LEN(HASH_BYTES) + 1];
    const struct upload_reader *r;
    struct buf row;
    if (!p->settings.keep_offers || !u->open || u->attached)
        return;
    base64_encode(u->root, HASH_BYTES, root);
    buf_init(&row, PEER_MESSAGE_MAX);
    buf_byte(&row, '{');
    write_member_u64(&row, "all", u->room);
    write_member_string(&row, "path", span_of(u->path));
    write_member_u64(&row, "paused", u->paused);
    write_member_string(&row, "room", span_of(p->settings.room));
    write_member_string(&row, "root", span_of(root));
    write_member_u64(&row, "size", u->size);
    write_name(&row, "to");
    buf_byte(&row, '{');
    for (r = u->readers; r; r = r->next) {
        if (r != u->readers)
            buf_byte(&row, ',');
        write_string(&row, span_of(r->who));
        buf_text(&row, r->state == READER_ENDED ? ":1" : ":0");
    }
    buf_text(&row, "}}");
    if (!row.failed)
        storage_put(p, TABLE_OFFER, span_of(u->id), buf_view(&row));
    buf_done(&row);
}

void upload_store_delete(struct peer *p, const struct upload *u)
{
    if (p->settings.keep_offers)
        storage_delete(p, TABLE_OFFER, span_of(u->id));
}
