-- SPDX-License-Identifier: MIT
local id, terms, life, capacity = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local room = room_open(id, life, terms, #ARGV >= 7)
if not room then
    return {'no-room'}
end
if is_locked(room.at) and terms:sub(1, 8) ~= incarnation_of(room.at) then
    return whole('locked', room)
end
local there, moved = {}, {}
local fields = call('HGETALL', room.key)
for i = 1, #fields, 2 do
    if node_of(fields[i]) then
        there[fields[i]] = fields[i + 1]
        moved[previous_of(fields[i + 1])] = true
    end
end
-- Whether it went on under another id meanwhile.
local function has_moved(peer, entry)
    local previous = previous_of(entry)
    return moved[peer] or (previous ~= '' and (moved[previous] or there[previous]))
end
for i = 7, #ARGV, 2 do
    local peer, entry = ARGV[i], ARGV[i + 1]
    if there[peer] then
        room_sit(room, peer, entry)
        if there[peer] ~= entry then
            announce(room, is_away(entry) and 'A' or 'B', 0, peer, '', entry)
        end
    elseif not has_moved(peer, entry) and not room_full(room, capacity) then
        room_sit(room, peer, entry)
        announce(room, 'J', 0, peer, '', entry)
        there[peer], moved[previous_of(entry)] = entry, true
    end
end
return whole('ok', room)
