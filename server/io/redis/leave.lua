-- SPDX-License-Identifier: MIT
local id, peer, why, linger, ttl = ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7]
local room = room_get(id)
call('SREM', has(self, epoch), 'r' .. id .. ' ' .. peer)
if not room.at or not room_lift(room, peer, why, linger, ttl) then
    return {'no-seat'}
end
return answer('ok')
