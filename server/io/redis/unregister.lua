-- SPDX-License-Identifier: MIT
call('SET', P .. 'node:' .. self, '-', 'PX', ARGV[3])
return answer('ok')
