-- SPDX-License-Identifier: MIT
local id, terms, life, again, linger, ttl = ARGV[3], ARGV[4], ARGV[5], ARGV[6] == '1', ARGV[7], ARGV[8]
local room = room_get(id)
if again and call('EXISTS', P .. 'gone:' .. hex(terms:sub(1, 8))) == 1 then
    return {'gone'}
end
if room.at then
    if again and incarnation_of(room.at) == terms:sub(1, 8) then
        room.at = life_of(room.at) .. terms
        call('HSET', room.key, '@', room.at)
        return answer('ok')
    end
    if not again or is_made(room.at) then
        return {'exists'}
    end
    room_close(room)
end
room_make(room, life, terms)
room_keep(room, linger, ttl)
return answer('ok')
