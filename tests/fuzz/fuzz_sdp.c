/* SPDX-License-Identifier: MIT
 *
 * Whatever is parsed can be written, and what was written says the same.
 */
#include <stdint.h>
#include <stdlib.h>

#include "protocol/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sdp s, again;
    struct err err;
    if (!sdp_parse((struct span){(const char *)data, size}, &s, &err))
        return 0;
    struct buf out;
    buf_init(&out, 2 * SDP_MAX);
    require(sdp_build(&s, &out));
    if (out.len <= SDP_MAX) {
        require(sdp_parse(buf_view(&out), &again, &err));
        require(span_eq(s.ufrag, again.ufrag) && span_eq(s.pwd, again.pwd));
        require(strcmp(s.fingerprint, again.fingerprint) == 0);
        require(s.setup == again.setup && s.sctp_port == again.sctp_port);
        require(s.max_message_size == again.max_message_size);
        require(s.media_count == again.media_count && s.data == again.data);
        require(s.candidate_count == again.candidate_count);
        for (size_t i = 0; i < s.candidate_count; i++)
            require(span_eq(s.candidates[i], again.candidates[i]));
    }
    buf_done(&out);
    return 0;
}
