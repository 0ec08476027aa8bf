-- SPDX-License-Identifier: MIT
local node, of = name_value(ARGV[3], ARGV[4])
if node and current(node, of) and call('PUBLISH', P .. 'to:' .. node, ARGV[5]) > 0 then
    return answer('ok')
end
return {'no-name'}
