/* SPDX-License-Identifier: MIT
 *
 * How much and how long: every bound of the peer's core, with its reason.
 */
#ifndef PEER_CORE_BOUNDS_H
#define PEER_CORE_BOUNDS_H

#include "peer/core/peer.h"
#include "protocol/body.h"

enum {
    PEOPLE_MAX = 2048,            /* people known at once, absent ones too: a room of 1,024 that changed once */
    ENTRIES_MAX = 2 * PEOPLE_MAX, /* after a reconnect a person sits twice until the daemon notices */
    NAMES_MAX = 4096,             /* remembered display names */
    CONVERSATIONS_MAX = 1024,     /* in all */
    OWN_CONVERSATIONS = 64,       /* of them kept for those that we begin; of the rest one person may take a quarter of
                                      what the others left: so there is room for the next, however many lie */
    QUEUE_READER_MAX = 16384,     /* messages waiting for one reader */
    QUEUE_MAX = 65536,            /* deliveries waiting in all */
    QUEUE_BYTES_MAX = 64 * 1024 * 1024,
    SEEN_MAX = QUEUE_READER_MAX,    /* a returning sender may repeat as many as may wait for us */
    FLIGHT_MAX = 256,               /* unacknowledged on one link: what one acknowledgement can name */
    FLIGHT_BYTES_MAX = 1024 * 1024, /* likewise, in bytes: what io holds for a connection is bounded too */
    DONE_MAX = 1024,                /* delivered messages of one reader that may still be read by a person */
    REQUESTS_HEARD_MAX = 64,        /* connection requests of one person: a connection has fewer in flight at once */
    REFS_MAX = 4096,                /* idempotency keys */
    ICE_SERVERS_MAX = 64 * 1024,
    TEXT_JSON_MAX =
        2 * PEER_TEXT_MAX,            /* a text as a JSON string: sealed and in base64 it is 171 KiB, which leaves 85 of
                                          PEER_MESSAGE_MAX for readers' keys and the clock */
    AFTER_COMMITS_MAX = 65536,        /* that wait for a commit: io lets no more than that wait for its disk */
    RELAYS_MAX = 3,                   /* third peers on a message's way */
    RELAY_FLIGHT_MAX = 64,            /* unacknowledged on a way through others, who lend it */
    GOSSIP_PUSHED_MAX = 2,            /* links over which presence goes on whole, in a large room */
    DIGEST_MAX = 1024,                /* people in one digest: a room */
    LINKS_TOLD_MAX = BODY_LINKS_MAX,  /* links of one person that its presence lists */
    MARKS_MAX = 64,                   /* newest messages of one person whose content is remembered, a power of two */
    CLOCK_WHOLE_MAX = 256,            /* authors of a room whose whole clock still fits a message beside 1,024 keys */
    MISSING_MAX = BODY_STRETCHES_MAX, /* stretches of one conversation that were given up; the oldest are forgotten */
    UPLOADS_MAX = 256,                /* files that we offer at once */
    DRAFTS_MAX = 64,                  /* messages that wait for their attachments to be read */
    DOWNLOADS_MAX = 1024,             /* that are offered to us, and those that ended lately */
    OFFERS_OF_ONE_MAX = 256,          /* of one person, and not at their end */
    WANTED_MAX = 64,                  /* stretches of files that one person may wait for */
    SERVED_MAX = 2,                   /* of them that io has in hand on one link: while one is sent the next is read */
    FETCH_MAX = 8,                    /* blocks that we await of one person: 8 MiB, 160 MB/s at a round trip of 50 ms */
    FETCH_SHARED_MAX = 4,             /* of a sender, when others of the room have some too */
    FETCHES_MAX = 20,      /* of all, those included that wait for the disk: less than io takes before it waits */
    FETCH_RELAYED_MAX = 2, /* of one person through others */
    RELAYED_STRETCH =
        64 * 1024,          /* bytes of a block that are asked for at once through others: what may be lost there */
    RELAYED_TRIES_MAX = 5,  /* for one stretch */
    HASHES_AT_ONCE = 4096,  /* of a file's blocks, that one request brings */
    RARE_SEEN_MAX = 32,     /* blocks among which the rarest is looked for */
    WRONG_MAX = 3,          /* blocks that a sender may give wrong */
    HISTORY_ROWS_MAX = 256, /* messages in one answer */
    HISTORY_BYTES_MAX = 1024 * 1024,
    HISTORY_AUTHORS_MAX = BODY_WANTS_MAX, /* whose gaps one request fills; the rest with the next */
    LOADS_MAX = 1024,                     /* asked of the store and not answered */
    COMPARED_MAX = 64,                    /* conversations compared on a new link, the newest first */
    CUSTODIANS_MAX = 2,
    COPIES_GIVER_MAX = 256, /* copies that one giver may leave with us */
    COPIES_BYTES_MAX = 16 * 1024 * 1024,
    COPIES_GIVER_PART = 4, /* and so much of what the others left: there is room for the next, however many give */
    HISTORY_SHOWN_MAX = 4 * 1024 * 1024, /* bytes of one answer to the application */
    LOG_MAX = 100000,                    /* messages of the record that `history` shows; the oldest go */
    AUTHOR_ROWS_MAX = 10000,             /* messages of one author in the room that we keep for others */

    /* Times in milliseconds. */
    RETRY_FIRST_MS = 1000,
    RETRY_LAST_MS = 30000, /* of links, after 1, 2 and 4 s; of the signaling session, after doubling */
    FRIENDS_MS = 2500,     /* for our presence to reach whom we only know through others: twice what they wait */
    PATIENCE_MS = 3000,    /* whose turn it is to call may take so long; then we call */
    OVERTAKEN_MS = 60000,  /* what comes so much later than what was said after it belongs to no connection any more */
    GLARE_MS = 1000,       /* offers that cross while they go through others do so within this time */
    CONNECT_MS = 15000,    /* a link that is not up by then is reported and tried again */
    RESTART_MS = 5000,     /* for an ICE restart to bring the link back */
    PING_MS = 2000,
    PINGS_MAX = 3,   /* unanswered */
    PROBE_MS = 1500, /* for an answer of who is said to sit elsewhere, or it is another process; more than OFFERS_MS */
    DEAD_MS = PINGS_MAX * PING_MS,
    OFFERS_MS = 1000,   /* one new connection a person in this time, whoever offers how often */
    REFUSED_MS = 30000, /* a roster entry whose introduction was wrong is not talked to */
    ACK_DELAY_MS = 10,  /* deliveries acknowledged together */
    GROUP_ACK_DELAY_MS = 200,
    RELAY_AFTER_MS = 1000,   /* a link that is begun may take so long before others are asked */
    COPIES_AFTER_MS = 2000,  /* likewise before copies are given */
    PAUSED_RETRY_MS = 30000, /* what was given up is tried again when nothing else has changed */
    ASK_DELAY_MS = 50,       /* what is missing may just be slower */
    ASKS_MAX = 3,
    ASK_AGAIN_MS = 2000,       /* and whoever was asked may not have it */
    PASSED_MS = 3000,          /* for an answer whether they have what their clock is past */
    OTHERS_ASKED_MS = 10000,   /* later if somebody is just to answer: TREE_PATIENCE_MS */
    GOSSIP_DELAY_MS = 1000,    /* changes of our links, sent together */
    GOSSIP_PEOPLE_MAX = 100,   /* and later by the square of how many hear it, up to these */
    GOSSIP_DIGEST_MS = 200,    /* what we heard of others, sent together */
    GOSSIP_COMPARE_MS = 30000, /* somebody is sent all that we have */
    GOSSIP_ASK_MS = 1000,      /* whoever was asked for presence may not have it */
    GOSSIP_ANSWER_MS = 5,      /* one presence of those asked for is sent in this time, after DIGEST_MAX at once */
    REQUESTS_MS = 20,          /* one history request of a person in this time is answered ... */
    REQUESTS_BURST = 100,      /* ... after so many at once */
    STRANGERS_MS = 1000,       /* likewise of people that nobody but this link has named ... */
    STRANGERS_BURST = PEOPLE_MAX / 2, /* ... after a room of them */
    READS_MS = 100,                   /* likewise a message of ours that they read and that is long delivered ... */
    REGAIN_MS = 3600000,              /* likewise sequences of ours that we do not remember ... */
    REGAIN_BURST = 16,                /* ... in so many conversations */
    REGAIN_MAX = 1024 * 1024,         /* at once */
    READS_BURST = DONE_MAX,           /* ... after so many */
    LINGER_MS = 60000,                /* a link that the overlay does not want and nobody uses */
    SEEN_AGAIN_MS = 300000,           /* who is still here is noted again */
    CLOCK_SLACK_MS = 30000,           /* what is said on a link is no older: a clock that moved further was set */
    CLOCK_STEP_MS = 1000,             /* likewise of our own, which is read here */
    CLOCK_ALLOWANCE_MS = 300000,      /* how far clocks may be apart whose owners we never heard */
    CLOCK_AHEAD_MS = 86400000,        /* what comes from further in its author's future may be of any age */
    ACK_TIMEOUT_MS = 5000,
    TRIES_MAX = 3,              /* on one link */
    TWIN_DOUBT_MS = 1500,       /* for a claim of another process with our key to come */
    TWIN_REST_MS = 60000,       /* and the later of two looks again whether the other has gone */
    TWIN_CLAIM_MS = 1000,       /* one claim in this time is judged ... */
    TWIN_CLAIMS_BURST = 8,      /* ... after so many at once */
    OPEN_MS = 15000,            /* for the WebSocket to open */
    ANSWER_MS = 10000,          /* for the daemon to answer: welcome, peers, pong */
    RETRY_AFTER_MAX_MS = 60000, /* what a daemon may ask us to wait */
    HEDGE_PROBE_MS = 1500,      /* a server that was not through to its welcome by then: the others are probed ... */
    HEDGE_MS = 3000,            /* ... and one that is well is taken instead */
    PROBE_AGAIN_MS = 10000,     /* while none works */
    PROBE_LOST_MS = 15000,      /* an answer to a probe that has not come */
    HEALTH_FRESH_MS = 60000,    /* what is known of a server's health */
    SETTLE_MS = 5000,           /* in the room, before other servers are looked at: calls go first */
    EARLIER_MS = 30000,         /* servers that come before ours in the order given are probed again */
    MEASURE_MS = 600000,        /* so are those of our cluster, for their distance ... */
    MEASURE_LACKING_MS = 60000, /* ... sooner if one of them did not answer */
    MEASURE_SAMPLES = 3,        /* of the time that /health takes; the shortest counts */
    NEARER_MS = 10,             /* another server of our cluster is nearer if it is by more than this ... */
    NEARER_PART = 5,            /* ... and by more than this part of the way to ours */
    MOVE_MS = 5000,             /* for a server that was well to take us, while another has our seat */
    MOVE_AGAIN_MS = 30000,      /* after a move that failed, doubled each time ... */
    MOVE_AGAIN_DOUBLINGS = 4,   /* ... up to 8 minutes */
    DRAIN_AVOID_MS = 30000,     /* a server that drains is not gone to if there is another */
    FICKLE_MAX = 3,             /* changes of a server's cluster, after which it counts as being in none */
    LOG_REFUSED_MS = 1000,
    BLOCK_PATIENCE_MS = 3000, /* for others to get a block that they asked its sender for, while nothing moves */
    OTHERS_SOON_MS = 2000,    /* for those of a room who accept a file to hear of each other */
    BAD_OFFERS_MS = 1000,     /* one offer of a person that cannot be taken is told, and answered, in this time ... */
    BAD_OFFERS_BURST = 8,     /* ... after so many at once */
    PROGRESS_MS = 250,        /* of one file, told to the application */
    STUCK_MS = 15000, /* for somebody to send more of what it was asked for, while its link is up: it is asked again */
    STALLED_MS = 20000,          /* and when that helped nothing the application hears of it ... */
    STALL_END_MS = 60000,        /* ... and nothing more is waited for ... */
    STALL_RELAYED_MS = 180000,   /* ... later through others, where a stretch is asked for after 2, 4, 8 and 16 s */
    RELAY_FILES_AFTER_MS = 3000, /* for a link to come up before files go through others */
    RELAYED_AGAIN_MS = 2000,     /* for a stretch to come through others, doubled with each try */
    RELAYED_FRAME_MS = 1,        /* one frame of a file of one person is passed on in this time, so 16 MB/s ... */
    RELAYED_FRAMES_BURST = 256,  /* ... after so many at once: what one who asks can have under way is less */
    SAY_AGAIN_MS = 1000,         /* what of files could not be said on a link that is up */
    ASK_FILE_AGAIN_MS = 5000,    /* of somebody who refused, or was stuck */
};

#endif
