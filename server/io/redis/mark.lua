-- SPDX-License-Identifier: MIT
local id, peer, entry = ARGV[3], ARGV[4], ARGV[5]
local room = room_get(id)
if not room.at or call('HEXISTS', room.key, peer) == 0 then
    return {'no-seat'}
end
call('HSET', room.key, peer, entry)
announce(room, is_away(entry) and 'A' or 'B', 0, peer, '', entry)
return answer('ok')
