/* SPDX-License-Identifier: MIT
 *
 * SCTP's checksum with the processor's instruction: distributions build usrsctp without optimisation, and its table
 * cost a sixth of the throughput. Where there is no SSE 4.2, usrsctp's own function does the work.
 */
#include <string.h>
#include <usrsctp.h>

#include "peer/io/rtc_internal.h"

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc_sse42(const unsigned char *p, size_t n)
{
    uint64_t crc = UINT32_MAX;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        crc = __builtin_ia32_crc32di(crc, word);
    }
    uint32_t rest = (uint32_t)crc;
    for (; n; p++, n--)
        rest = __builtin_ia32_crc32qi(rest, *p);
    return ~rest; /* the low byte first: this machine's order */
}
#endif

uint32_t rtc_crc32c(void *bytes, size_t n)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2"))
        return crc_sse42(bytes, n);
#endif
    return usrsctp_crc32c(bytes, n);
}
