-- SPDX-License-Identifier: MIT
local key, id, secret, bytes = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local node, of, theirs = name_value(key, id)
local alive = node and current(node, of)
if alive and theirs ~= secret then
    return {'taken'}
end
call('SET', P .. 'name:' .. key .. ' ' .. id, self .. ' ' .. epoch .. ' ' .. secret)
call('SADD', has(self, epoch), 'n' .. key .. ' ' .. id)
call('SADD', P .. 'names:' .. key, id)
if alive and node ~= self then
    call('PUBLISH', P .. 'to:' .. node, bytes)
end
return answer('ok')
