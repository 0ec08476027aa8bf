-- SPDX-License-Identifier: MIT
local id, incarnation, only_empty = ARGV[3], ARGV[4], ARGV[5] == '1'
local room = room_get(id)
if not room.at or (incarnation ~= '\0\0\0\0\0\0\0\0' and incarnation ~= incarnation_of(room.at)) then
    return {'no-room'}
end
if only_empty and room_members(room) > 0 then
    return {'exists'}
end
room_close(room)
return answer('ok')
