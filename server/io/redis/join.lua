-- SPDX-License-Identifier: MIT
local id, peer, entry, terms, life = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local capacity, incarnation, create = ARGV[8], ARGV[9], ARGV[10] == '1'
local room = room_get(id)
if not room.at then
    if not create then
        return {'no-room'}
    end
    room_make(room, life, terms)
end
if is_locked(room.at) and incarnation ~= incarnation_of(room.at) then
    return answer('locked', room.at)
end
if room_full(room, capacity) then
    return answer('full', room.at)
end
room_sit(room, peer, entry)
announce(room, 'J', 0, peer, '', entry)
return whole('ok', room)
