-- SPDX-License-Identifier: MIT
call('HSET', P .. 'topic:' .. ARGV[3], self, epoch)
call('SADD', has(self, epoch), 't' .. ARGV[3])
return answer('ok')
