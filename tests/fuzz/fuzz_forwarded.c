/* SPDX-License-Identifier: MIT
 *
 * The first line is a list of networks with spaces between, the rest an X-Forwarded-For, perhaps with more header lines
 * below it. The client that is read from the head is compared with that of a slow reader, which joins all such lines
 * into one list first (RFC 9110 section 5.3) and cuts it from the left: the last address that is not trusted, if there
 * are only addresses behind it; the first of all, if all are trusted addresses.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "server/io/forwarded.h"

enum {
    NETWORKS_MAX = 8,
    NETWORK_BYTES = 64
};

#define START "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: "

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_forwarded: %s\n", what);
        abort();
    }
}

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
        must(list->v[i].bits <= 128 && found, "a network without its own address");
    }
}

/* All lines of the list with commas between, to be freed; NULL if there is none. Values have no NUL. */
static char *slow_join(const struct request_head *h)
{
    static const char NAME[] = "x-forwarded-for";
    char *all = NULL;
    size_t n = 0;
    for (size_t i = 0; i < h->headers_count; i++) {
        const struct header *line = &h->headers[i];
        if (line->name.n != sizeof NAME - 1 || strncasecmp(line->name.p, NAME, sizeof NAME - 1) != 0)
            continue;
        char *longer = realloc(all, n + line->value.n + 3);
        must(longer != NULL, "out of memory");
        n += (size_t)sprintf(longer + n, "%s%.*s", all ? ", " : "", (int)line->value.n, line->value.p);
        all = longer;
    }
    return all;
}

static bool slow_client(const struct request_head *h, const struct cidr_list *trusted, struct address *client)
{
    char *all = slow_join(h), *rest = all, *element;
    bool known = false;
    if (!all)
        return false;
    for (unsigned i = 0; (element = strsep(&rest, ",")); i++) {
        struct address a;
        element += strspn(element, " \t");
        size_t n = strlen(element);
        while (n > 0 && (element[n - 1] == ' ' || element[n - 1] == '\t'))
            n--;
        if (!address_parse((struct span){element, n}, &a)) {
            known = false;
        } else if (i == 0 || !cidr_list_has(trusted, &a)) {
            *client = a;
            known = true;
        }
    }
    free(all);
    return known;
}

/* Each value is a header by itself as well: what libwebsockets hands over. */
static void check_value(struct span value, const struct cidr_list *trusted)
{
    const struct cidr_list nobody = {.n = 0};
    struct address client, last;
    bool named = forwarded_client(value, trusted, &client), ended = forwarded_client(value, &nobody, &last);
    if (!named)
        return;
    must(ended, "a client behind what is no address");
    must(cidr_list_has(trusted, &last) || memcmp(&client, &last, sizeof client) == 0, "a stranger was passed over");
    must(!cidr_list_has(trusted, &client) || cidr_list_has(trusted, &last), "trust came from nowhere");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct request_head h;
    const char *text = (const char *)data, *line = size ? memchr(text, '\n', size) : NULL;
    size_t n = line ? (size_t)(line - text) : 0, skipped = line ? n + 1 : 0, behind = size - skipped;
    struct cidr_list trusted;
    struct address client, slow;
    read_networks((struct span){text, n}, &trusted);
    char *head = malloc(sizeof START + behind + 4);
    must(head != NULL, "out of memory");
    memcpy(head, START, sizeof START - 1);
    memcpy(head + sizeof START - 1, text + skipped, behind);
    memcpy(head + sizeof START - 1 + behind, "\r\n\r\n", 4);
    if (request_head_read((struct span){head, sizeof START - 1 + behind + 4}, 0, &h) == HEAD_WHOLE) {
        bool named = forwarded_client_of(&h, &trusted, &client);
        must(named == slow_client(&h, &trusted, &slow), "a client, or none");
        must(!named || memcmp(&client, &slow, sizeof client) == 0, "another client");
        must(!named || forwarded_named(&h), "a client that nothing names");
        for (size_t i = 0; i < h.headers_count; i++)
            check_value(h.headers[i].value, &trusted);
    }
    free(head);
    return 0;
}
