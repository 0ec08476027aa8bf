/* SPDX-License-Identifier: MIT
 *
 * The tables of what is run by a name.
 */
#include "tests/sim/stories.h"

#include <string.h>

const struct story STORIES[] = {
    {"one-full-room", story_one_full_room, false},
    {"crowd-is-cut-off", story_crowd_is_cut_off, false},
    {"drain", story_drain, false},
    {"daemon-of-no-limits", story_daemon_of_no_limits, false},
    {"clock-of-the-server", story_clock_of_the_server, false},
    {"crash-with-twenty", story_crash_with_twenty, false},
    {"drain-with-returns", story_drain_with_returns, false},
    {"return-too-late", story_return_too_late, false},
    {"token-replayed", story_token_replayed, false},
    {"half-open", story_half_open, false},
    {"held-overflow", story_held_overflow, false},
    {"held-of-one-address", story_held_of_one_address, false},
    {"late-pong", story_late_pong, false},
    {"duel", story_duel, false},
    {"locked-over-restart", story_locked_over_restart, false},
    {"closed-stays-closed", story_closed_stays_closed, false},
    {"resume-beside-join", story_resume_beside_join, false},
    {"admin-closes", story_admin_closes, false},
    {"pages-come-and-go", story_pages_come_and_go, false},
    {"all-vanish-at-once", story_all_vanish_at_once, false},
    {"flood-of-controls", story_flood_of_controls, false},
    {"unasked-pongs", story_unasked_pongs, false},
    {"no-frames", story_no_frames, false},
    {"two-meet", story_two_meet, false},
    {"eight-meet", story_eight_meet, false},
    {"daemon-returns", story_daemon_returns, false},
    {"first-of-two-servers", story_first_of_two_servers, false},
    {"people-keep-their-seats", story_people_keep_their_seats, false},
    {"partition-heals", story_partition_heals, false},
    {"address-changes", story_address_changes, false},
    {"peer-returns", story_peer_returns, false},
    {"swapped-keys", story_swapped_keys, false},
    {"swapped-fingerprint", story_swapped_fingerprint, false},
    {"middleman", story_middleman, false},
    {"leave", story_leave, false},
    {"clock-jumps", story_clock_jumps, false},
    {"clock-back-and-restart", story_clock_back_and_restart, false},
    {"clock-back-and-relay", story_clock_back_and_relay, false},
    {"stranger-is-called", story_stranger_is_called, false},
    {"stranger-calls", story_stranger_calls, false},
    {"sender-crashes", story_sender_crashes, false},
    {"reader-crashes", story_reader_crashes, false},
    {"one-link-left", story_one_link_left, false},
    {"through-three", story_through_three, false},
    {"gap-through-others", story_gap_through_others, false},
    {"custody", story_custody, false},
    {"custodians-asleep", story_custodians_asleep, false},
    {"newcomer", story_newcomer, false},
    {"newcomer-in-order", story_newcomer_in_order, false},
    {"newcomer-behind", story_newcomer_behind, false},
    {"newcomer-expected", story_newcomer_expected, false},
    {"newcomer-too-late", story_newcomer_too_late, false},
    {"two-hours-away", story_two_hours_away, false},
    {"an-hour-is-an-hour", story_an_hour_is_an_hour, false},
    {"members-change", story_members_change, false},
    {"accepted-then-crash", story_accepted_then_crash, false},
    {"friend-in-common", story_friend_in_common, false},
    {"back-through-others", story_back_through_others, false},
    {"both-sides-talk", story_both_sides_talk, false},
    {"circle-after-rain", story_circle_after_rain, false},
    {"clocks-of-hours", story_clocks_of_hours, false},
    {"custodian-crashes", story_custodian_crashes, false},
    {"given-up-for-good", story_given_up_for_good, false},
    {"more-than-fits", story_more_than_fits, false},
    {"seen-lately", story_seen_lately, false},
    {"room-of-64", story_room_of_64, true},
    {"twelve-at-once", story_twelve_at_once, false},
    {"all-at-once", story_all_at_once, true},
    {"storm", story_storm, false},
    {"small-messages", story_small_messages, false},
    {"numbers-anew", story_numbers_anew, false},
    {"reader-anew", story_reader_anew, false},
    {"older-copy", story_older_copy, false},
    {"copies-of-lost-numbers", story_copies_of_lost_numbers, false},
    {"identity-twice", story_identity_twice, false},
    {NULL, NULL, false},
};

const struct story SEEDED[] = {
    {"server", seed_server, false},
    {"peers", seed_peers, false},
    {"apart", seed_apart, false},
    {"losses", seed_losses, false},
    {"storms", seed_storms, false},
    {"files", seed_files, false},
    {"short-memory", seed_short_memory, false},
    {NULL, NULL, false},
};

const struct story *story_find(const struct story *among, const char *name)
{
    while (among->name && strcmp(among->name, name) != 0)
        among++;
    return among->name ? among : NULL;
}
