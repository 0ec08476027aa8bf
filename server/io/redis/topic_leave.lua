-- SPDX-License-Identifier: MIT
call('HDEL', P .. 'topic:' .. ARGV[3], self)
call('SREM', has(self, epoch), 't' .. ARGV[3])
return answer('ok')
