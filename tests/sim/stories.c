/* SPDX-License-Identifier: MIT
 *
 * Their table.
 */
#include "tests/sim/stories.h"

const struct story STORIES[] = {
    {"one-full-room", story_one_full_room},
    {"crowd-is-cut-off", story_crowd_is_cut_off},
    {"drain", story_drain},
    {"daemon-of-no-limits", story_daemon_of_no_limits},
    {"crash-with-twenty", story_crash_with_twenty},
    {"drain-with-returns", story_drain_with_returns},
    {"return-too-late", story_return_too_late},
    {"token-replayed", story_token_replayed},
    {"half-open", story_half_open},
    {"held-overflow", story_held_overflow},
    {"held-for-all", story_held_for_all},
    {"late-pong", story_late_pong},
    {"locked-over-restart", story_locked_over_restart},
    {"closed-stays-closed", story_closed_stays_closed},
    {"resume-beside-join", story_resume_beside_join},
    {"admin-closes", story_admin_closes},
    {"two-meet", story_two_meet},
    {"eight-meet", story_eight_meet},
    {"daemon-returns", story_daemon_returns},
    {"people-keep-their-seats", story_people_keep_their_seats},
    {"partition-heals", story_partition_heals},
    {"address-changes", story_address_changes},
    {"peer-returns", story_peer_returns},
    {"swapped-keys", story_swapped_keys},
    {"swapped-fingerprint", story_swapped_fingerprint},
    {"middleman", story_middleman},
    {"leave", story_leave},
    {"clock-jumps", story_clock_jumps},
    {"clock-back-and-restart", story_clock_back_and_restart},
    {"stranger-is-called", story_stranger_is_called},
    {"stranger-calls", story_stranger_calls},
    {NULL, NULL},
};
