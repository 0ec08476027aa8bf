-- SPDX-License-Identifier: MIT
call('PEXPIRE', P .. 'node:' .. self, ARGV[3])
local lapsed
for _, registration in ipairs(call('SMEMBERS', P .. 'nodes')) do
    local node, of = registration:match('^(%S+) (%x+)$')
    if not node then
        call('SREM', P .. 'nodes', registration)
    elseif node == self then
        if of ~= epoch then lapsed = registration end
    elseif call('EXISTS', P .. 'node:' .. node) == 0 then
        lapsed = registration
    end
    if lapsed then break end
end
return answer('ok', nil, 0, call('HGET', P .. 'sent', self), lapsed)
