/* SPDX-License-Identifier: MIT */
#include "peer/cli/record.h"

#include <glib.h>

struct record {
    GQueue messages;  /* of json_t, oldest first */
    GHashTable *byid; /* id → its GList in messages */
    size_t bytes;
};

static size_t text_bytes(const json_t *message)
{
    return json_string_length(json_object_get(message, "text"));
}

static const char *id_of(const json_t *message)
{
    return json_string_value(json_object_get(message, "id"));
}

struct record *record_new(void)
{
    struct record *r = g_new0(struct record, 1);
    g_queue_init(&r->messages);
    r->byid = g_hash_table_new(g_str_hash, g_str_equal);
    return r;
}

static void forget_oldest(struct record *r)
{
    json_t *oldest = g_queue_pop_head(&r->messages);
    g_hash_table_remove(r->byid, id_of(oldest));
    r->bytes -= text_bytes(oldest);
    json_decref(oldest);
}

void record_free(struct record *r)
{
    if (!r)
        return;
    while (r->messages.length > 0)
        forget_oldest(r);
    g_hash_table_unref(r->byid);
    g_free(r);
}

void record_add(struct record *r, json_t *message)
{
    if (!id_of(message) || g_hash_table_contains(r->byid, id_of(message))) {
        json_decref(message);
        return;
    }
    g_queue_push_tail(&r->messages, message);
    g_hash_table_insert(r->byid, (gpointer)id_of(message), r->messages.tail);
    r->bytes += text_bytes(message);
    while (r->messages.length > RECORD_MESSAGES_MAX || r->bytes > RECORD_BYTES_MAX)
        forget_oldest(r);
}

json_t *record_list(struct record *r, const char *after, size_t limit)
{
    GList *at = after ? g_hash_table_lookup(r->byid, after) : NULL;
    if (after && !at)
        return NULL;
    if (at)
        at = at->next;
    else
        at = g_queue_peek_nth_link(&r->messages, r->messages.length > limit ? r->messages.length - (guint)limit : 0);
    json_t *list = json_array();
    for (; at && json_array_size(list) < limit; at = at->next)
        json_array_append(list, at->data);
    return list;
}
