-- release: the holder's value -> the token of the first live ticket, and its proxy is told; else
-- absent.
--
-- KEYS  lock key, companion, fence counter
-- ARGV  the holder's value; database; size of the fence block; how long the fleet may keep the key,
--       in ms, or 0 for no limit; ms of a breath; how it is given back:
--       'pass', 'breath' (its tenure is over here), 'end' (as 'pass', but nothing is remembered of
--       how long it was kept) or 'leave' (absent, whoever waits)
-- Gives {'released'}: absent
--       {'passed', token, first fence, size of its block, ms kept by the fleet, tickets left}
--       {'not-owner'}
--       {'other-type'}
--
-- Guards invariants 1 and 4 (docs/protocol.md): nobody's lock but the caller's is freed, and it goes
-- to who has waited for longest.
local lock, companion, fence = KEYS[1], KEYS[2], KEYS[3]
local value, database, block = ARGV[1], ARGV[2], tonumber(ARGV[3])
local limit_ms, breath_ms, how = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local freed = 'released'

-- include parts/tickets.lua
-- include parts/giving-back.lua

local found = redis.call('MGET', lock, companion)
local held, text = found[1], found[2]
if not held then
  -- MGET sees nothing in a key of another type.
  local other = redis.pcall('GET', lock)
  if type(other) == 'table' then
    if string.find(other.err, 'WRONGTYPE', 1, true) then return {'other-type'} end
    return other
  end
end
if held ~= value then return {'not-owner'} end
if how == 'breath' or (text and string.find(text, '"tickets"', 1, true)) then
  return give_back(text or '')
end
leave(text)
return {freed}
