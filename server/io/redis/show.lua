-- SPDX-License-Identifier: MIT
local room = room_get(ARGV[3])
if not room.at then
    return {'no-room'}
end
return answer('ok', room.at, 0, room_members(room))
