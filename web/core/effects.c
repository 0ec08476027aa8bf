/* SPDX-License-Identifier: MIT
 *
 * Each effect is a call of the host. What bytes an effect owns it still owns after that.
 */
#include <math.h>

#include "peer/core/peer.h"
#include "web/core/face.h"
#include "web/core/host.h"

static double number(uint64_t n)
{
    return (double)n;
}

static void tell_log(const struct log_record *record)
{
    struct buf line;
    buf_init(&line, LOG_LINE_MAX);
    buf_text(&line, record->message);
    for (unsigned i = 0; i < record->count; i++)
        buf_printf(&line, "%s%s", i == 0 ? ": " : ", ", record->fields[i].value);
    if (!line.failed)
        host_log((unsigned)record->level, line.p, line.len);
    buf_done(&line);
}

static void rtc_effect(const struct peer_effect *e)
{
    double rtc = number(e->rtc);
    switch (e->type) {
    case PEER_FX_RTC_NEW:
        host_rtc_new(rtc);
        break;
    case PEER_FX_RTC_OFFER:
        host_rtc_offer(rtc, e->restart);
        break;
    case PEER_FX_RTC_REMOTE:
        host_rtc_remote(
            rtc, e->description.type, strlen(e->description.type), e->description.sdp.p, e->description.sdp.n);
        break;
    case PEER_FX_RTC_CANDIDATE:
        host_rtc_candidate(rtc, e->candidate.p, e->candidate.n);
        break;
    case PEER_FX_RTC_SEND:
        host_rtc_send(
            rtc, e->message.channel, e->message.binary, e->message.spare, e->message.bytes.p, e->message.bytes.n);
        break;
    case PEER_FX_RTC_CHANNEL:
        host_rtc_channel(rtc, e->label, strlen(e->label));
        break;
    default:
        host_rtc_free(rtc);
        break;
    }
}

static void file_effect(const struct peer_effect *e)
{
    switch (e->type) {
    case PEER_FX_FILE_OPEN:
        host_file_open(number(e->open_file.file), e->open_file.path, strlen(e->open_file.path));
        break;
    case PEER_FX_FILE_GIVE:
        host_file_give(number(e->rtc), e->give.channel, number(e->give.file), number(e->give.ticket), e->give.id,
            strlen(e->give.id), e->give.block, e->give.offset, e->give.n);
        break;
    case PEER_FX_FILE_READ:
        host_file_read(number(e->read_file.file), number(e->read_file.ticket), e->read_file.block, e->read_file.offset,
            e->read_file.n);
        break;
    case PEER_FX_FILE_CLOSE:
        host_file_close(number(e->close_file.file), e->close_file.keep);
        break;
    case PEER_FX_PART_OPEN:
        host_part_open(number(e->open_part.file), number(e->open_part.size), e->open_part.folder,
            strlen(e->open_part.folder), e->open_part.name, strlen(e->open_part.name), e->open_part.root, HASH_BYTES,
            e->open_part.tree);
        break;
    case PEER_FX_PART_HASHES:
        host_part_hashes(number(e->part_hashes.file), e->part_hashes.hashes.p, e->part_hashes.hashes.n);
        break;
    case PEER_FX_PART_WRITE:
        host_part_write(number(e->part_write.file), e->part_write.block, e->part_write.offset, e->part_write.bytes.p,
            e->part_write.bytes.n);
        break;
    case PEER_FX_PART_VERIFIED:
        host_part_verified(number(e->part_verified.file), e->part_verified.block);
        break;
    default:
        host_part_finish(number(e->part_finish.file));
        break;
    }
}

static void store_effect(const struct peer_effect *e)
{
    switch (e->type) {
    case PEER_FX_PUT:
        host_put(e->put.table, e->put.key, strlen(e->put.key), e->put.value.p, e->put.value.n);
        break;
    case PEER_FX_DELETE:
        host_delete(e->delete.table, e->delete.key, strlen(e->delete.key));
        break;
    case PEER_FX_LOAD:
        host_load(number(e->load.ticket), e->load.table, e->load.from, strlen(e->load.from), e->load.to,
            strlen(e->load.to), e->load.limit, e->load.last_first);
        break;
    default:
        host_commit(number(e->commit.ticket));
        break;
    }
}

void face_effect(const struct peer_effect *e)
{
    switch (e->type) {
    case PEER_FX_NONE:
        break;
    case PEER_FX_CONNECT:
        host_connect(e->server);
        break;
    case PEER_FX_DISCONNECT:
        host_disconnect();
        break;
    case PEER_FX_PROBE:
        host_probe(e->probe.server, e->probe.samples);
        break;
    case PEER_FX_SIGNAL:
        host_signal(e->frame.p, e->frame.n);
        break;
    case PEER_FX_ICE_SERVERS:
        host_ice_servers(e->ice_servers.p, e->ice_servers.n);
        break;
    case PEER_FX_DEADLINE:
        host_deadline(e->deadline == UINT64_MAX ? (double)INFINITY : number(e->deadline));
        break;
    case PEER_FX_REMEMBER:
        host_remember(e->remember.name, strlen(e->remember.name), e->remember.id, strlen(e->remember.id));
        break;
    case PEER_FX_PUT:
    case PEER_FX_DELETE:
    case PEER_FX_COMMIT:
    case PEER_FX_LOAD:
        store_effect(e);
        break;
    case PEER_FX_FILE_OPEN:
    case PEER_FX_FILE_GIVE:
    case PEER_FX_FILE_READ:
    case PEER_FX_FILE_CLOSE:
    case PEER_FX_PART_OPEN:
    case PEER_FX_PART_HASHES:
    case PEER_FX_PART_WRITE:
    case PEER_FX_PART_VERIFIED:
    case PEER_FX_PART_FINISH:
        file_effect(e);
        break;
    case PEER_FX_NOTICE:
        face_notice(e->notice);
        break;
    case PEER_FX_LOG:
        tell_log(e->log);
        break;
    default:
        rtc_effect(e);
        break;
    }
}
