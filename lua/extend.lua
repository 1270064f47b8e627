-- extend: the holder's value -> the same value, with the TTL asked for.
--
-- KEYS  lock key
-- ARGV  the holder's value; TTL in ms, from now
-- Gives {'extended'}
--       {'not-owner'}
--       {'other-type'}
--
-- Guards invariant 1 (docs/protocol.md): only who holds the lock holds it longer; one that has
-- run out is not brought back.
local lock = KEYS[1]
local value, ttl_ms = ARGV[1], ARGV[2]

local held = redis.pcall('GET', lock)
if type(held) == 'table' then
  if string.find(held.err, 'WRONGTYPE', 1, true) then return {'other-type'} end
  return held
end
if held ~= value then return {'not-owner'} end

redis.call('PEXPIRE', lock, ttl_ms)
return {'extended'}
