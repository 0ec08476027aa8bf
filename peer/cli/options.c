/* SPDX-License-Identifier: MIT
 *
 * getopt_long with its own complaints off: each of ours is one line that says what was expected. A flag that may be
 * repeated replaces what the environment says as soon as it is given once.
 */
#include "peer/cli/options.h"

#include <getopt.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_MAX_BYTES = 128, /* as usher.h has it, and these */
    PASSWORD_MAX_BYTES = 256,
    ROOM_PEERS_MAX = 1000000000,
    ROOM_MAX = 64
};

/* What stands behind a command. */
enum words {
    NO_WORDS,
    A_ROOM,
    FILES,
    PERHAPS_A_CODE
};
#define COMMAND_LIST "chat ROOM, pipe ROOM, send FILE..., receive CODE, rooms, exercise or id"

static const struct {
    const char *name;
    enum command command;
    enum words words;
} COMMANDS[] = {
    {"chat", COMMAND_CHAT, A_ROOM},
    {"pipe", COMMAND_PIPE, A_ROOM},
    {"send", COMMAND_SEND, FILES},
    {"receive", COMMAND_RECEIVE, PERHAPS_A_CODE},
    {"id", COMMAND_ID, NO_WORDS},
    {"exercise", COMMAND_EXERCISE, NO_WORDS},
};

/* Flags without a short name, and those of one command only. */
enum {
    FLAG_ROOM = 256,
    FLAG_TO,
    FLAG_CODE,
    FLAG_NEW_CODE,
    FLAG_DIR,
    FLAG_ONCE
};

/* `rooms` alone is its list. */
static const struct {
    const char *name;
    enum rooms_command command;
    bool wants_room;
} ROOMS_COMMANDS[] = {
    {"list", ROOMS_LIST, false},
    {"create", ROOMS_CREATE, false},
    {"delete", ROOMS_DELETE, true},
};

static const struct option FLAGS[] = {
    {"server", required_argument, NULL, 's'},
    {"state", required_argument, NULL, 'd'},
    {"name", required_argument, NULL, 'n'},
    {"password", required_argument, NULL, 'p'},
    {"token", required_argument, NULL, 't'},
    {"ice-address", required_argument, NULL, 'i'},
    {"relay-only", no_argument, NULL, 'r'},
    {"room", required_argument, NULL, FLAG_ROOM},
    {"to", required_argument, NULL, FLAG_TO},
    {"code", required_argument, NULL, FLAG_CODE},
    {"new-code", no_argument, NULL, FLAG_NEW_CODE},
    {"dir", required_argument, NULL, FLAG_DIR},
    {"once", no_argument, NULL, FLAG_ONCE},
    {"max-peers", required_argument, NULL, 'm'},
    {"listed", no_argument, NULL, 'l'},
    {"unlisted", no_argument, NULL, 'u'},
    {"owner-token", required_argument, NULL, 'o'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'v'},
    {NULL, 0, NULL, 0},
};

void options_help(void)
{
    fputs("usage: usher [options] chat ROOM     talk with whoever is in the room\n"
          "       usher [options] pipe ROOM     the same for a program: JSON lines in and out\n"
          "       usher [options] send FILE...  send files and folders; prints a code for the other side\n"
          "       usher [options] receive CODE  receive them; without a code, from people who are known\n"
          "       usher [options] rooms [list | create | delete ROOM]\n"
          "                                     show the rooms that a server lists, make one, close one\n"
          "       usher [options] exercise      try everything against a server, and say what works\n"
          "       usher [options] id            print who you are\n"
          "\n"
          "  --server URL        ws://host:port or wss://host; of several the first that works (" OPTIONS_SERVER ")\n"
          "  --name NAME         how others see you; of rooms create, the room's name\n"
          "  --state DIR         where your identity is kept (~/.local/state/usher)\n"
          "  --password P        the room's password\n"
          "  --token JWT         a token for servers that ask for one\n"
          "  --ice-address ADDR  use only this address of this machine for links; may be repeated\n"
          "  --relay-only        no direct links, only through the server's TURN servers; hides your addresses from "
          "peers\n"
          "  --code CODE         send: as before, to whoever was given this code\n"
          "  --new-code          send: not the code of a try that was interrupted\n"
          "  --room ROOM         send, receive: in a room, without a code\n"
          "  --to NAME           send: to this person only, who is known by this name; or to an identity\n"
          "  --dir DIR           receive: into this folder (the one you are in)\n"
          "  --once              receive: end after the first file\n"
          "  --max-peers N       rooms create: how many have place in it\n"
          "  --listed, --unlisted\n"
          "                      rooms create: whether the server lists it (it does not)\n"
          "  --owner-token T     rooms delete: the token that rooms create printed, if it is not kept here\n"
          "  --json              send, receive: for programs, one object a line; rooms: what the server answers\n"
          "  --version, --help\n"
          "\n"
          "USHER_SERVER and USHER_ICE_ADDRESS stand in for their flags, several separated by spaces.\n"
          "Exit status: 0 done, 1 failed, 2 usage, 3 cannot connect. More in usher(1).\n",
        stdout);
}

static bool usage(const char *format, ...) G_GNUC_PRINTF(1, 2);
static bool usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("usher: ", stderr);
    vfprintf(stderr, format, args);
    fputs(" (usher --help lists all)\n", stderr);
    va_end(args);
    return false;
}

static GPtrArray *from_environment(const char *name)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    const char *value = g_getenv(name);
    gchar **parts = g_strsplit_set(value ? value : "", " ,", -1);
    for (gchar **p = parts; *p; p++)
        if (**p)
            g_ptr_array_add(list, g_strdup(*p));
    g_strfreev(parts);
    return list;
}

static void add(GPtrArray *list, bool *given, const char *value)
{
    if (!*given)
        g_ptr_array_set_size(list, 0);
    *given = true;
    g_ptr_array_add(list, g_strdup(value));
}

static bool check_room(const char *room)
{
    size_t n = strspn(room, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return (n > 0 && n <= ROOM_MAX && room[n] == '\0') ||
           usage("ROOM is 1 to %d of A-Z, a-z, 0-9, - and _, not \"%s\"", ROOM_MAX, room);
}

static bool check_code(const char *code)
{
    char err[512];
    return usher_code_check(code, NULL, 0, err, sizeof err) || usage("%s", err);
}

/* With no word, send makes a code itself, and receive wants one, or a room. */
static bool parse_meeting(struct options *o, int count, char **words)
{
    bool sends = o->command == COMMAND_SEND;
    if (sends && count == 0)
        return usage("send wants files or folders: usher send FILE...");
    if (sends) {
        o->files = words;
        o->file_count = count;
    } else if (count > 0) {
        gchar *code = g_strjoinv(" ", words); /* the words of a code may be so many arguments */
        g_ptr_array_add(o->texts, code);
        o->usher.code = code;
    }
    if (o->usher.room && o->usher.code)
        return usage("a code has a room of its own: give one of the two");
    if (o->to && o->usher.code)
        return usage("--to and --code: a code is for whoever was given it; give one of the two");
    return (!o->usher.code || check_code(o->usher.code)) && (!o->usher.room || check_room(o->usher.room));
}

static bool check_flags(const struct options *o, const char *command)
{
    bool sends = o->command == COMMAND_SEND, receives = o->command == COMMAND_RECEIVE;
    const struct {
        const char *name;
        bool given, fits;
    } flags[] = {
        {"--room", o->usher.room, sends || receives},
        {"--code", o->usher.code, sends},
        {"--new-code", o->new_code, sends},
        {"--to", o->to, sends},
        {"--dir", o->dir, receives},
        {"--once", o->once, receives},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++)
        if (flags[i].given && !flags[i].fits)
            return usage("%s does not go with %s", flags[i].name, command);
    return true;
}

/* The words behind `rooms`. */
static bool parse_rooms(struct options *o, int count, char **words)
{
    o->command = COMMAND_ROOMS;
    if (count == 0)
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS(ROOMS_COMMANDS); i++) {
        if (strcmp(words[0], ROOMS_COMMANDS[i].name) != 0)
            continue;
        o->rooms.command = ROOMS_COMMANDS[i].command;
        int wanted = ROOMS_COMMANDS[i].wants_room ? 2 : 1;
        if (count < wanted)
            return usage("rooms %s wants a room: usher rooms %s ROOM", words[0], words[0]);
        if (count > wanted)
            return usage("unexpected \"%s\" after %s", words[wanted], words[wanted - 1]);
        o->rooms.room = words[1];
        return !ROOMS_COMMANDS[i].wants_room || check_room(words[1]);
    }
    return usage("rooms is followed by list, create or delete ROOM, not \"%s\"", words[0]);
}

static bool parse_command(struct options *o, int count, char **words)
{
    if (count == 0)
        return usage("expected a command: " COMMAND_LIST);
    if (strcmp(words[0], "rooms") == 0)
        return check_flags(o, words[0]) && parse_rooms(o, count - 1, words + 1);
    for (size_t i = 0; i < G_N_ELEMENTS(COMMANDS); i++) {
        if (strcmp(words[0], COMMANDS[i].name) != 0)
            continue;
        o->command = COMMANDS[i].command;
        if (!check_flags(o, words[0]))
            return false;
        if (COMMANDS[i].words == FILES || COMMANDS[i].words == PERHAPS_A_CODE)
            return parse_meeting(o, count - 1, words + 1);
        int wanted = COMMANDS[i].words == A_ROOM ? 2 : 1;
        if (count < wanted)
            return usage("%s wants a room: usher %s ROOM", words[0], words[0]);
        if (count > wanted)
            return usage("unexpected \"%s\" after %s", words[wanted], words[wanted - 1]);
        if (COMMANDS[i].words == NO_WORDS)
            return true;
        o->usher.room = words[1];
        return check_room(words[1]);
    }
    return usage("\"%s\" is no command: " COMMAND_LIST " was expected", words[0]);
}

/* Options that would have no effect are a mistake: a room would be made that is not what was meant. */
static bool check_rooms(const struct options *o)
{
    const struct rooms_options *r = &o->rooms;
    bool rooms = o->command == COMMAND_ROOMS;
    bool create = rooms && r->command == ROOMS_CREATE, delete = rooms && r->command == ROOMS_DELETE;
    if (!create && (r->terms.max_peers || r->listed || r->unlisted))
        return usage("%s is for rooms create", r->terms.max_peers ? "--max-peers"
                                               : r->listed        ? "--listed"
                                                                  : "--unlisted");
    if (r->listed && r->unlisted)
        return usage("--listed and --unlisted: expected one of them");
    if (!delete &&r->owner_token)
        return usage("--owner-token is for rooms delete");
    if (o->json && !(o->command == COMMAND_SEND || o->command == COMMAND_RECEIVE || (rooms && !delete)))
        return usage("--json is for send, receive, rooms list and rooms create");
    if (create && o->usher.name && !*o->usher.name)
        return usage("--name wants 1 to %d bytes of UTF-8", NAME_MAX_BYTES);
    if (create && o->usher.password && (!*o->usher.password || strlen(o->usher.password) > PASSWORD_MAX_BYTES))
        return usage("--password wants 1 to %d bytes", PASSWORD_MAX_BYTES);
    return true;
}

static bool check_values(struct options *o)
{
    char err[256];
    for (size_t i = 0; i < o->usher.server_count; i++)
        if (!usher_check_server(o->usher.servers[i], err, sizeof err))
            return usage("%s", err);
    for (size_t i = 0; i < o->usher.ice_address_count; i++)
        if (!g_hostname_is_ip_address(o->usher.ice_addresses[i]))
            return usage("--ice-address wants a numeric address, not \"%s\"", o->usher.ice_addresses[i]);
    if (o->to && !*o->to)
        return usage("--to wants the name of somebody who is known, or the identity that \"usher id\" prints there");
    if (o->usher.name && (strlen(o->usher.name) > NAME_MAX_BYTES || !g_utf8_validate(o->usher.name, -1, NULL)))
        return usage("--name wants at most %d bytes of UTF-8", NAME_MAX_BYTES);
    return check_rooms(o);
}

static bool take_max_peers(struct options *o)
{
    guint64 n = 0;
    if (!g_ascii_string_to_unsigned(optarg, 10, 1, ROOM_PEERS_MAX, &n, NULL))
        return usage("--max-peers wants a number from 1 to %d, not \"%s\"", ROOM_PEERS_MAX, optarg);
    o->rooms.terms.max_peers = (uint32_t)n;
    return true;
}

/* One flag that getopt found. */
static bool take_flag(struct options *o, int flag, bool *server_given, bool *address_given, char **argv)
{
    switch (flag) {
    case 's':
        add(o->servers, server_given, optarg);
        return true;
    case 'i':
        add(o->addresses, address_given, optarg);
        return true;
    case 'd':
        o->usher.state_dir = optarg;
        return *optarg || usage("--state wants a directory");
    case 'n':
        o->usher.name = optarg;
        return true;
    case 'p':
        o->usher.password = optarg;
        return true;
    case 't':
        o->usher.token = optarg;
        return true;
    case 'r':
        o->usher.relay_only = true;
        return true;
    case FLAG_ROOM:
        o->usher.room = optarg;
        return true;
    case FLAG_CODE:
        o->usher.code = optarg;
        return true;
    case FLAG_NEW_CODE:
        o->new_code = true;
        return true;
    case FLAG_TO:
        o->to = optarg;
        return true;
    case FLAG_DIR:
        o->dir = optarg;
        return *optarg || usage("--dir wants a folder");
    case FLAG_ONCE:
        o->once = true;
        return true;
    case 'm':
        return take_max_peers(o);
    case 'l':
        o->rooms.listed = o->rooms.terms.listed = true;
        return true;
    case 'u':
        o->rooms.unlisted = true;
        return true;
    case 'o':
        o->rooms.owner_token = optarg;
        return true;
    case 'j':
        o->json = true;
        return true;
    case ':':
        return usage("%s wants a value", argv[optind - 1]);
    default:
        return usage("\"%s\" is no option", argv[optind - 1]);
    }
}

bool options_parse(struct options *o, int argc, char **argv)
{
    memset(o, 0, sizeof *o);
    GPtrArray *servers = from_environment("USHER_SERVER"), *addresses = from_environment("USHER_ICE_ADDRESS");
    o->servers = servers;
    o->addresses = addresses;
    o->texts = g_ptr_array_new_with_free_func(g_free);
    bool server_given = false, address_given = false;
    int flag;
    opterr = 0;
    while ((flag = getopt_long(argc, argv, ":hv", FLAGS, NULL)) != -1) {
        if (flag == 'h' || flag == 'v') {
            o->command = flag == 'h' ? COMMAND_HELP : COMMAND_VERSION;
            return true;
        }
        if (!take_flag(o, flag, &server_given, &address_given, argv))
            return false;
    }
    o->usher.servers = (const char *const *)servers->pdata;
    o->usher.server_count = servers->len;
    o->usher.ice_addresses = (const char *const *)addresses->pdata;
    o->usher.ice_address_count = addresses->len;
    return parse_command(o, argc - optind, argv + optind) && check_values(o);
}

void options_done(struct options *o)
{
    g_ptr_array_unref(o->servers);
    g_ptr_array_unref(o->addresses);
    g_ptr_array_unref(o->texts);
}
