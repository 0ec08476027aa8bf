-- SPDX-License-Identifier: MIT
local all = answer('ok')
for _, id in ipairs(call('ZRANGE', P .. 'listed', 0, tonumber(ARGV[3]) - 1)) do
    local room = room_get(id)
    if room.at then
        all[#all + 1] = id
        all[#all + 1] = room.at
        all[#all + 1] = room_members(room)
    else
        call('ZREM', P .. 'listed', id)
    end
end
return all
