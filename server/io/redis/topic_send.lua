-- SPDX-License-Identifier: MIT
for _, node in ipairs(call('HKEYS', P .. 'topic:' .. ARGV[3])) do
    if node ~= self then
        call('PUBLISH', P .. 'to:' .. node, ARGV[4])
    end
end
return answer('ok')
