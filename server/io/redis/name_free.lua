-- SPDX-License-Identifier: MIT
local key, id = ARGV[3], ARGV[4]
local node, of = name_value(key, id)
call('SREM', has(self, epoch), 'n' .. key .. ' ' .. id)
if node == self and of == epoch then
    call('DEL', P .. 'name:' .. key .. ' ' .. id)
    call('SREM', P .. 'names:' .. key, id)
end
return answer('ok')
