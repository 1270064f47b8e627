-- renew: token -> same token, longer lease.
--
-- KEYS  lock key, companion
-- ARGV  token; lease in ms, from now
-- Gives {'renewed'}
--       {'gone', 'absent' | 'value' | 'token'}: what is there in place of the token
--       {'other-type'}
--
-- Guards invariants 2 and 11 (docs/protocol.md): only a token that is still there, and exactly
-- that one, is given more time; a lease that ran out is not brought back.
local lock, companion = KEYS[1], KEYS[2]
local token, lease_ms = ARGV[1], ARGV[2]

local held = redis.pcall('GET', lock)
if type(held) == 'table' then
  if string.find(held.err, 'WRONGTYPE', 1, true) then return {'other-type'} end
  return held
end
if held ~= token then
  if not held then return {'gone', 'absent'} end
  return {'gone', string.sub(held, 1, 9) == 'forelock:' and 'token' or 'value'}
end

redis.call('PEXPIRE', companion, lease_ms)
redis.call('PEXPIRE', lock, lease_ms)
return {'renewed'}
