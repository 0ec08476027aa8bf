-- SPDX-License-Identifier: MIT
local all = answer('ok')
for _, id in ipairs(call('SRANDMEMBER', P .. 'names:' .. ARGV[3], ARGV[4])) do
    all[#all + 1] = id
end
return all
