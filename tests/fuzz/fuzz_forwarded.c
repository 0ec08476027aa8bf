/* SPDX-License-Identifier: MIT
 *
 * The first line is a list of networks with spaces between, the rest an X-Forwarded-For. The client that comes out is an
 * address of its own right: not one that is trusted, unless nothing stands left of it; and trusting nobody, it is the
 * last one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/io/cidr.h"

enum {
    NETWORKS_MAX = 8,
    NETWORK_BYTES = 64
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_networks(struct span line, struct cidr_list *list)
{
    static char texts[NETWORKS_MAX][NETWORK_BYTES];
    const char *entries[NETWORKS_MAX];
    size_t n = 0;
    struct err e;
    while (line.n > 0 && n < NETWORKS_MAX) {
        const char *space = memchr(line.p, ' ', line.n);
        size_t len = space ? (size_t)(space - line.p) : line.n, kept = len < NETWORK_BYTES ? len : NETWORK_BYTES - 1;
        memcpy(texts[n], line.p, kept);
        texts[n][kept] = '\0';
        entries[n] = texts[n];
        n++;
        line = space ? (struct span){space + 1, line.n - len - 1} : (struct span){line.p, 0};
    }
    if (!cidr_list_parse(entries, n, list, &e))
        *list = (struct cidr_list){.n = 0};
    for (size_t i = 0; i < list->n; i++) {
        static const struct address NOWHERE; /* `::`, which no network holds */
        const struct address *own = &list->v[i].network;
        bool found = memcmp(own, &NOWHERE, sizeof *own) == 0 || cidr_list_has(list, own);
        if (list->v[i].bits > 128 || !found)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *line = size ? memchr(text, '\n', size) : NULL;
    size_t n = line ? (size_t)(line - text) : 0;
    struct cidr_list trusted, nobody = {.n = 0};
    read_networks((struct span){text, n}, &trusted);
    struct span header = line ? (struct span){line + 1, size - n - 1} : (struct span){text, size};
    struct address client, last;
    bool named = forwarded_client(header, &trusted, &client);
    bool ended = forwarded_client(header, &nobody, &last);
    if (named && !ended)
        abort();
    if (named && !cidr_list_has(&trusted, &last) && memcmp(&client, &last, sizeof client) != 0)
        abort();
    if (named && cidr_list_has(&trusted, &client) && !cidr_list_has(&trusted, &last))
        abort();
    return 0;
}
