-- SPDX-License-Identifier: MIT
local former, lease = ARGV[3], ARGV[4]
local there = call('GET', P .. 'node:' .. self)
if there and there ~= former and there ~= epoch and there ~= '-' then
    return {'taken'}
end
call('SET', P .. 'node:' .. self, epoch, 'PX', lease)
call('SADD', P .. 'nodes', self .. ' ' .. epoch)
return answer('ok', nil, 0, call('HGET', P .. 'sent', self))
