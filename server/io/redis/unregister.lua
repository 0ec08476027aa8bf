-- SPDX-License-Identifier: MIT
call('DEL', P .. 'node:' .. self)
return answer('ok')
