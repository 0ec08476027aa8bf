-- SPDX-License-Identifier: MIT
-- What stands before each script: server/core/bus.h says what is kept, what is announced and what each operation answers.
-- ARGV: self, epoch, and then the operation's own (server/io/bus_script.c). Answer: outcome, terms, version, number, text,
-- seats one behind the other.
local P = 'usher:1:'
local self, epoch = ARGV[1], ARGV[2]

-- What somebody else put in the place of one of our keys goes. All nodes count as having missed something, so that they read
-- their rooms again, and register what is not there any more.
local remove_damaged
local function call(command, key, ...)
    local result = redis.pcall(command, key, ...)
    if type(result) ~= 'table' or not result.err then
        return result
    end
    if not result.err:find('WRONGTYPE', 1, true) then
        error(result)
    end
    remove_damaged(key)
    return redis.call(command, key, ...)
end
remove_damaged = function(key)
    redis.call('DEL', key)
    for _, registration in ipairs(call('SMEMBERS', P .. 'nodes')) do
        call('HINCRBY', P .. 'sent', registration:match('^%S*'), 1)
    end
end

local function current(node, of)
    return call('GET', P .. 'node:' .. node) == of
end
local function has(node, of)
    return P .. 'has:' .. node .. ':' .. of
end
local function hex(bytes)
    return (bytes:gsub('.', function(c) return string.format('%02x', c:byte()) end))
end
local function node_of(peer)
    return peer:match('^([^.]*)%.')
end
local function answer(outcome, terms, version, number, text)
    return {outcome, terms or '', tonumber(version) or 0, tonumber(number) or 0, text or ''}
end

-- ---- terms: of `@`, which has the room's life before them ----
local function life_of(at) return at:sub(1, 8) end
local function incarnation_of(at) return at:sub(9, 16) end
local function created_of(at) return struct.unpack('>I8', at:sub(17, 24)) end
local function max_of(at) return struct.unpack('>I4', at:sub(25, 28)) end
local function is_listed(at) return at:byte(29) % 2 >= 1 end
local function is_locked(at) return at:byte(29) % 4 >= 2 end
local function is_made(at) return at:byte(29) % 8 >= 4 end
local function keeper_of(at) return at:sub(31, 30 + at:byte(30)) end

-- ---- entries ----
local function is_away(entry) return entry:byte(1) % 2 == 1 end
local function generation_of(entry) return #entry < 7 and 0 or struct.unpack('>I4', entry:sub(3, 6)) end
local function previous_of(entry) return #entry < 7 and '' or entry:sub(8, 7 + entry:byte(7)) end

-- ---- a room: key, id, `@` ----
local function room_get(id)
    local key = P .. 'room:' .. id
    local at = call('HGET', key, '@')
    if at and (#at < 30 or #at < 30 + at:byte(30)) then
        remove_damaged(key)
        at = false
    end
    return {id = id, key = key, at = at}
end
local function room_make(room, life, terms)
    room.at = life .. terms
    call('HSET', room.key, '@', room.at, '#', 0)
    if is_listed(room.at) then
        call('ZADD', P .. 'listed', created_of(room.at), room.id)
    end
end
-- The room, made if it is not there and `create`; nil: there is none.
local function room_open(id, life, terms, create)
    local room = room_get(id)
    if not room.at then
        if not create then
            return nil
        end
        room_make(room, life, terms)
    end
    return room
end
local function room_members(room)
    return call('HLEN', room.key) - 2
end
local function room_full(room, capacity)
    local most, own = tonumber(capacity), max_of(room.at)
    if most == 0 or (own > 0 and own < most) then
        most = own
    end
    return most > 0 and room_members(room) >= most
end
local function room_sit(room, peer, entry)
    call('HSET', room.key, peer, entry)
    call('PERSIST', room.key)
    call('SADD', has(self, epoch), 'r' .. room.id .. ' ' .. peer)
end

-- Tells a change to all nodes that have members there, to `also` and to the keeper.
local function announce(room, change, why, peer, previous, entry, also)
    local nodes = {}
    for _, field in ipairs(call('HKEYS', room.key)) do
        local node = node_of(field)
        if node then nodes[node] = true end
    end
    if also then nodes[also] = true end
    local keeper = keeper_of(room.at)
    if keeper ~= '' then nodes[keeper] = true end
    local version = call('HINCRBY', room.key, '#', 1)
    local rest = life_of(room.at) .. struct.pack('>I8', version) .. change .. string.char(why) ..
        string.char(#room.id) .. room.id .. string.char(#peer) .. peer .. string.char(#previous) .. previous .. entry
    for node in pairs(nodes) do
        local sent = call('HINCRBY', P .. 'sent', node, 1)
        local body = '\1A' .. struct.pack('>I8', sent) .. rest
        call('PUBLISH', P .. 'to:' .. node, struct.pack('>I4', #body) .. body)
    end
end

-- OK, whole.
local function whole(outcome, room, number, text)
    local fields = call('HGETALL', room.key)
    local all = answer(outcome, room.at, 0, number, text)
    for i = 1, #fields, 2 do
        if fields[i] == '#' then
            all[3] = tonumber(fields[i + 1])
        elseif fields[i] ~= '@' then
            all[#all + 1] = fields[i]
            all[#all + 1] = fields[i + 1]
        end
    end
    return all
end

-- A room without members lapses.
local function room_keep(room, linger, ttl)
    if room_members(room) > 0 then
        return
    end
    if is_made(room.at) then
        if tonumber(ttl) > 0 then call('PEXPIRE', room.key, ttl) end
    elseif tonumber(linger) > 0 then
        call('PEXPIRE', room.key, linger)
    else
        call('DEL', room.key)
        if is_listed(room.at) then call('ZREM', P .. 'listed', room.id) end
    end
end
local function room_close(room)
    announce(room, 'C', 0, '', '', '')
    call('DEL', room.key)
    call('ZREM', P .. 'listed', room.id)
    if is_made(room.at) then
        call('SET', P .. 'gone:' .. hex(incarnation_of(room.at)), '1', 'PX', 604800000)
    end
end
local function room_lift(room, peer, why, linger, ttl)
    local entry = call('HGET', room.key, peer)
    if not entry then
        return false
    end
    call('HDEL', room.key, peer)
    announce(room, 'L', why, peer, '', '', node_of(peer))
    room_keep(room, linger, ttl)
    return entry
end

-- ---- names ----
local function name_value(key, id)
    local value = call('GET', P .. 'name:' .. key .. ' ' .. id)
    if not value then
        return nil
    end
    return value:match('^(%S+) (%x+) (.*)$')
end
