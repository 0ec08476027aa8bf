-- SPDX-License-Identifier: MIT
local id, previous, peer, entry, terms, life = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local capacity, incarnation, generation, create = ARGV[9], ARGV[10], tonumber(ARGV[11]), ARGV[12] == '1'
local room = room_open(id, life, terms, create)
if not room then
    return {'no-room'}
end
if incarnation ~= incarnation_of(room.at) then
    return {'no-seat'}
end
local old, seat = previous, call('HGET', room.key, previous)
if not seat then
    local fields = call('HGETALL', room.key)
    for i = 1, #fields, 2 do
        if node_of(fields[i]) and previous_of(fields[i + 1]) == previous then
            old, seat = fields[i], fields[i + 1]
        end
    end
end
if seat then
    if generation_of(seat) > generation then
        return {'no-seat'}
    end
    call('HDEL', room.key, old)
elseif room_full(room, capacity) then
    return answer('full', room.at)
end
room_sit(room, peer, entry)
announce(room, 'M', 0, peer, old, entry, node_of(old))
return whole('ok', room, seat and 1 or 0, old)
