/* SPDX-License-Identifier: MIT
 *
 * Every bound of the wire in one place. What an operator may change has its default here and its option in
 * server/config.c; what is part of the protocol is fixed.
 */
#ifndef PROTOCOL_LIMITS_H
#define PROTOCOL_LIMITS_H

enum {
    /* Signaling, fixed. Lengths are bytes of the decoded string unless said otherwise. */
    FRAME_DEPTH_MAX = 32,       /* nesting of a frame: bounds the scanner's stack */
    FRAME_FRAGMENTS_MAX = 1024, /* WebSocket fragments of one message: a 64 KiB frame in MTU-sized pieces needs 60 */
    ROOM_ID_MAX = 64,           /* A-Za-z0-9_- */
    DISPLAY_NAME_MAX = 128,
    METADATA_MAX = 1024,    /* bytes of its JSON text as sent */
    METADATA_DEPTH_MAX = 8, /* so that `peers` stays under FRAME_DEPTH_MAX */
    PASSWORD_MAX = 256,
    TOKEN_MAX = 8192,
    RESUME_TOKEN_MAX = 4096,
    CLUSTER_ID_MAX = 64, /* what `welcome` calls the cluster; any text */
    REF_MAX = 64,
    LINK_MAX = 64,
    TOPIC_MAX = 256,        /* of y-webrtc; any text */
    TOPICS_MAX = 32,        /* of one connection */
    CHOSEN_KEY_MAX = 64,    /* of peerjs: the name space that a client chose its id in, */
    CHOSEN_ID_MAX = 128,    /* that id, */
    CHOSEN_SECRET_MAX = 64, /* and what shows that it is the same client */
    ATTACHMENTS_MAX = 10,   /* binary messages that belong to one of Socket.IO's */
    NODE_MAX = 32,          /* A-Za-z0-9_- */
    PEER_ID_MAX = NODE_MAX + 1 + 26,
    CLOSE_REASON_MAX = 123, /* RFC 6455 section 5.5: 125 bytes less the code */

    /* Signaling, defaults of [limits] and [server]. */
    FRAME_MAX_DEFAULT = 64 * 1024,
    FRAME_MAX_CEILING = 1024 * 1024, /* what max_frame = 0 means */
    QUEUE_MAX_DEFAULT = 256 * 1024,
    ROOM_MEMBERS_DEFAULT = 64,
    MESSAGE_RATE_DEFAULT = 100,
    MESSAGE_BURST_DEFAULT = 1000,
    CONNECTION_RATE_DEFAULT = 50,
    CONNECTION_BURST_DEFAULT = 500,
    JOIN_BURST_SECONDS = 10, /* what an address may save up of join_rate */
    PING_INTERVAL_DEFAULT_MS = 25000,
    PING_TIMEOUT_DEFAULT_MS = 20000,
    JOIN_TIMEOUT_DEFAULT_MS = 10000,
    RESUME_GRACE_DEFAULT_MS = 30000,
    DRAIN_TIMEOUT_DEFAULT_MS = 10000,
    BAD_FRAMES_MAX = 20, /* bad frames within BAD_FRAMES_WINDOW_MS that cost the connection */
    BAD_FRAMES_WINDOW_MS = 10000,

    /* Peer to peer, fixed. */
    PEER_MESSAGE_MAX = 256 * 1024, /* a=max-message-size we offer; one JSON envelope or one file frame */
    PEER_TEXT_MAX = 64 * 1024,     /* content.text */
    PEER_DEPTH_MAX = 16,
    PEER_CANDIDATES_MAX = 64, /* remote candidates taken for one attempt */
    PEER_CHANNELS_MAX = 16,   /* data channels a remote may open on one link */
    CHANNEL_LABEL_MAX = 128,
    SDP_MAX = 16 * 1024,
    SDP_LINES_MAX = 512,

    /* Files, fixed. */
    FILE_BLOCK_BYTES = 1024 * 1024, /* what one hash is of; the last block of a file may be shorter */
    FILE_BLOCKS_MAX = 256 * 1024,   /* 256 GiB: the list of their hashes is 8 MiB */
    FILE_HASH_BYTES = 32,           /* SHA-256 */

    /* The list of a folder that is sent (protocol/file_tree.h). */
    FILE_TREE_MAX = 16 * 1024 * 1024, /* bytes: both sides hold it in memory */
    FILE_TREE_ENTRIES_MAX = 100 * 1000,
    FILE_TREE_DEPTH_MAX = 64,
    FILE_TREE_PATH_MAX = 4096, /* bytes, as Linux's PATH_MAX */
    FILE_TREE_NAME_MAX = 255,  /* bytes of one name of a path */
};

#endif
