-- yield: token -> absent. Gives a delegation back to Redis, used or not.
--
-- KEYS  lock key, companion
-- ARGV  token
-- Gives {'yielded'}
--       {'gone', 'absent' | 'value' | 'token'}: what is there in place of the token
--       {'other-type'}
--
-- Guards invariant 11 (docs/protocol.md): exactly the token of this delegation is taken away, so
-- a yield that comes late finds nothing that it could harm.
local lock, companion = KEYS[1], KEYS[2]
local token = ARGV[1]

local held = redis.pcall('GET', lock)
if type(held) == 'table' then
  if string.find(held.err, 'WRONGTYPE', 1, true) then return {'other-type'} end
  return held
end
if held ~= token then
  if not held then return {'gone', 'absent'} end
  return {'gone', string.sub(held, 1, 9) == 'forelock:' and 'token' or 'value'}
end

redis.call('DEL', lock, companion)
return {'yielded'}
