-- SPDX-License-Identifier: MIT
local other, former, count, why, linger, ttl = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7], ARGV[8]
if other ~= self and call('EXISTS', P .. 'node:' .. other) == 1 then
    return answer('ok')
end
local theirs, ours = has(other, former), has(self, epoch)
local all = answer('ok')
local function clear_room(what)
    local id, peer = what:match('^(%S+) (%S+)$')
    local room = id and room_get(id)
    local entry = room and room.at and room_lift(room, peer, why, linger, ttl)
    if entry then
        all[#all + 1] = id
        all[#all + 1] = peer
        all[#all + 1] = entry
    end
end
local function clear_name(what)
    local key, id = what:match('^(%S+) (.+)$')
    local node, of = name_value(key, id)
    if node == other and of == former then
        call('DEL', P .. 'name:' .. key .. ' ' .. id)
        call('SREM', P .. 'names:' .. key, id)
    end
end
local taken = call('SPOP', theirs, count)
table.sort(taken)
for _, what in ipairs(taken) do
    local kind, rest = what:sub(1, 1), what:sub(2)
    if other == self and call('SISMEMBER', ours, what) == 1 then
        kind = nil
    end
    if kind == 'r' then
        clear_room(rest)
    elseif kind == 'n' then
        clear_name(rest)
    elseif kind == 't' and call('HGET', P .. 'topic:' .. rest, other) == former then
        call('HDEL', P .. 'topic:' .. rest, other)
    end
end
if call('EXISTS', theirs) == 1 then
    all[4] = 1
else
    call('SREM', P .. 'nodes', other .. ' ' .. former)
end
return all
