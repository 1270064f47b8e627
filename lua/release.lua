-- release: the holder's value -> absent.
--
-- KEYS  lock key, companion
-- ARGV  the holder's value
-- Gives {'released'}
--       {'not-owner'}
--       {'other-type'}
--
-- Guards invariant 1 (docs/protocol.md): nobody's lock but the caller's is freed.
local lock, companion = KEYS[1], KEYS[2]
local value = ARGV[1]

local held = redis.pcall('GET', lock)
if type(held) == 'table' then
  if string.find(held.err, 'WRONGTYPE', 1, true) then return {'other-type'} end
  return held
end
if held ~= value then return {'not-owner'} end

redis.call('DEL', lock, companion)
return {'released'}
