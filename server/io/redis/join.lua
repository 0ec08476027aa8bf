-- SPDX-License-Identifier: MIT
local id, peer, entry, terms, life = ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local capacity, incarnation, create = ARGV[8], ARGV[9], ARGV[10] == '1'
local room = room_open(id, life, terms, create)
if not room then
    return {'no-room'}
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
