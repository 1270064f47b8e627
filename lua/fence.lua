-- fence: the number of a grant that is in Redis, told to who knows its value.
--
-- KEYS  lock key, fence counter
-- ARGV  the holder's value; the number that the proxy knows this grant by, or 0 for none
-- Gives {'fence', number}
--       {'not-owner'}
--       {'other-type'}
--
-- Guards invariant 1 (docs/protocol.md), where a clock stood still: what a holder writes elsewhere
-- carries the number, and what carries a smaller one is refused there. A number taken now is
-- greater than those of all grants of this key before, and smaller than those of all to come,
-- since each was or will be taken from the counter while its own value or token was in the key.
local lock, fence = KEYS[1], KEYS[2]
local value, known = ARGV[1], tonumber(ARGV[2])

local held = redis.pcall('GET', lock)
if type(held) == 'table' then
  if string.find(held.err, 'WRONGTYPE', 1, true) then return {'other-type'} end
  return held
end
if held ~= value then return {'not-owner'} end
if known > 0 then return {'fence', known} end

-- One number, at the server's time in microseconds or at the counter where that is ahead.
local time = redis.call('TIME')
local number = time[1] * 1000000 + time[2]
local counter = redis.pcall('SET', fence, string.format('%.0f', number + 1), 'GET')
if type(counter) == 'table' then
  if string.find(counter.err, 'WRONGTYPE', 1, true) then return {'other-type'} end
  return counter
end
counter = counter and tonumber(counter) or 0
if counter > number then
  number = counter
  redis.call('SET', fence, string.format('%.0f', number + 1))
end
return {'fence', number}
