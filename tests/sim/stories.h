/* SPDX-License-Identifier: MIT
 *
 * The named stories: each is one history with an asserted end, and most of them a bug that must not come back.
 */
#ifndef SIM_STORIES_H
#define SIM_STORIES_H

#include "tests/sim/run.h"

scenario story_one_full_room;       /* a room at its limit, nothing lost */
scenario story_crowd_is_cut_off;    /* silent members are gone after interval and timeout */
scenario story_drain;               /* ends in time though one client is unreachable */
scenario story_daemon_of_no_limits; /* every limit 0 */
scenario story_clock_of_the_server; /* back and forth again: whoever was told meanwhile is told anew */

scenario story_crash_with_twenty;  /* kill -9, and everybody has his seat again */
scenario story_drain_with_returns; /* SIGTERM, and so they have */
scenario story_return_too_late;    /* ... within the grace */
scenario story_token_replayed;     /* good until its successor was used */
scenario story_half_open;          /* a seat moves from a connection that looks alive */
scenario story_held_overflow;      /* what is lost is said to be */
scenario story_held_of_one_address;
scenario story_late_pong; /* proves what was before its own ping */
scenario story_duel;      /* for a seat is slow, and heard by nobody else */

scenario story_locked_over_restart; /* a restart opens no locked room */
scenario story_closed_stays_closed; /* ... and brings no closed one back */
scenario story_resume_beside_join;  /* each is answered */
scenario story_admin_closes;        /* a room that no file has */

scenario story_pages_come_and_go; /* of Socket.IO: nobody is told that nothing is lost when something is */

scenario story_all_vanish_at_once; /* a batch at a time, and the others are served in between */
scenario story_flood_of_controls;  /* pings and pongs are read as fast as messages may come */
scenario story_unasked_pongs;      /* ... and prove nothing */
scenario story_no_frames;          /* RFC 6455 is broken, and nothing is lost but the connection */

scenario story_two_meet;                /* ready to message within a second */
scenario story_eight_meet;              /* a full mesh, everybody hears everybody */
scenario story_daemon_returns;          /* links stay, no peer notice twice */
scenario story_first_of_two_servers;    /* it dies and returns: everybody goes to the other and comes back */
scenario story_people_keep_their_seats; /* a socket breaks, the daemon restarts: nobody joins again */
scenario story_partition_heals;         /* down, up again, nothing lost */
scenario story_address_changes;         /* an ICE restart mends it */
scenario story_peer_returns;            /* crash and return under the same identity */
scenario story_swapped_keys;            /* a lying daemon swaps keys: nobody is taken for another */
scenario story_swapped_fingerprint;     /* a lying daemon swaps certificates: nothing is sent */
scenario story_middleman;               /* ... and reads along: the introductions give him away */
scenario story_leave;                   /* good-bye is prompt and final */
scenario story_clock_jumps;             /* the wall clock decides nothing */
scenario story_clock_back_and_restart;  /* ... not even for a process that begins again */
scenario story_clock_back_and_relay;    /* ... nor for who hears of it from others */
scenario story_stranger_is_called;      /* a plain peer is met, marked unverified and kept */
scenario story_stranger_calls;          /* ... and may call first */

scenario story_sender_crashes;     /* between commit and send, and around it */
scenario story_reader_crashes;     /* between store and acknowledgement */
scenario story_one_link_left;      /* with the daemon dead the others come back through it */
scenario story_through_three;      /* relayed where links are forbidden */
scenario story_gap_through_others; /* what was lost through others is asked for through them */
scenario story_custody;            /* delivered while the sender is gone, then forgotten */
scenario story_custodians_asleep;  /* ... or not, if they slept for longer than it lives */
scenario story_newcomer;           /* starts in the middle */
scenario story_newcomer_in_order;  /* ... and hears nothing before what it depends on */
scenario story_newcomer_behind;    /* ... who was away when it was said */
scenario story_newcomer_expected;  /* ... for whom something waits that is not the last */
scenario story_newcomer_too_late;  /* ... for whom it was reported failed */
scenario story_two_hours_away;     /* failed by name, and then on as before */
scenario story_an_hour_is_an_hour; /* ... by clocks that are years apart */
scenario story_small_messages;     /* a reader takes no large ones: no link carries any, each fails by name */

scenario story_members_change;      /* ... while a message travels the tree */
scenario story_accepted_then_crash; /* before anything was sent */
scenario story_friend_in_common;    /* with the daemon dead two are linked through a third */
scenario story_back_through_others; /* and has at once what was tried in vain */
scenario story_both_sides_talk;     /* of a partition; then everybody has everything */
scenario story_circle_after_rain;   /* goes when packets are not lost any more */
scenario story_clocks_of_hours;     /* jump while a custodian keeps something */
scenario story_custodian_crashes;   /* about when it says that it keeps a copy */
scenario story_given_up_for_good;   /* over a crash, and whoever comes with it */
scenario story_more_than_fits;      /* windows and custodians have caps */
scenario story_seen_lately;         /* hours of presence count, not the hour of arrival */

scenario story_room_of_64;     /* what a message costs there, and how deep it travels */
scenario story_twelve_at_once; /* ... when all speak at once */
scenario story_all_at_once;
scenario story_storm; /* ... and are killed meanwhile */

scenario story_numbers_anew;           /* an author's state is lost: no number stands for a message */
scenario story_reader_anew;            /* ... a reader's: it is a newcomer, and others know it for one */
scenario story_older_copy;             /* ... or an older one is put back */
scenario story_copies_of_lost_numbers; /* ... and custodians hold what it said then */
scenario story_identity_twice;         /* a state directory lives twice: the second rests */

#endif
