/* SPDX-License-Identifier: MIT
 *
 * What the module imports: the host's functions (web/host/core.js), one for each effect of the core. They do nothing at once
 * that the core could hear of: what effects give rise to comes later, as calls of the module (face.c). Bytes are borrowed
 * for the call. Numbers of connections, files, tickets and times are doubles: they count up from 1 and stay below 2^53.
 */
#ifndef WEB_CORE_HOST_H
#define WEB_CORE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST(name) __attribute__((import_module("host"), import_name(#name))) void host_##name

/* Ends the program with this sentence. */
HOST(panic)(const char *text, size_t n);
HOST(random)(void *out, size_t n);

HOST(connect)(unsigned server);
HOST(disconnect)(void);
HOST(probe)(unsigned server, unsigned samples); /* answered by web_probed, once */
HOST(signal)(const char *frame, size_t n);
HOST(ice_servers)(const char *list, size_t n);
HOST(deadline)(double at); /* infinite: none */

HOST(rtc_new)(double rtc);
HOST(rtc_offer)(double rtc, bool restart);
HOST(rtc_remote)(double rtc, const char *type, size_t type_n, const char *sdp, size_t n);
HOST(rtc_candidate)(double rtc, const char *candidate, size_t n);
HOST(rtc_send)(double rtc, unsigned channel, bool binary, bool spare, const char *bytes, size_t n);
HOST(rtc_channel)(double rtc, const char *label, size_t n);
HOST(rtc_free)(double rtc);

HOST(put)(unsigned table, const char *key, size_t key_n, const char *value, size_t n);
HOST(delete)(unsigned table, const char *key, size_t n);
HOST(commit)(double ticket);
HOST(load)
(double ticket, unsigned table, const char *from, size_t from_n, const char *to, size_t to_n, unsigned limit,
    bool last_first);
HOST(remember)(const char *name, size_t name_n, const char *id, size_t n);

HOST(file_open)(double file, const char *path, size_t n);
HOST(file_give)
(double rtc, unsigned channel, double file, double ticket, const char *id, size_t id_n, unsigned block, unsigned offset,
    unsigned n);
HOST(file_read)(double file, double ticket, unsigned block, unsigned offset, unsigned n);
HOST(file_close)(double file, bool keep);
HOST(part_open)
(double file, double size, const char *folder, size_t folder_n, const char *name, size_t name_n, const uint8_t *root,
    size_t root_n, bool tree);
HOST(part_hashes)(double file, const char *hashes, size_t n);
HOST(part_write)(double file, unsigned block, unsigned offset, const char *bytes, size_t n);
HOST(part_verified)(double file, unsigned block);
HOST(part_finish)(double file);

HOST(notice)(const char *json, size_t n); /* as face.h has it */
HOST(log)(unsigned level, const char *line, size_t n);

#endif
