-- retain: the holder's value -> a new token + lease. The release of a grant that is in Redis,
-- where a further request is forecast.
--
-- KEYS  lock key, companion, fence counter
-- ARGV  the holder's value; new token; lease in ms; proxy id; size of the fence block;
--       ms for which the fleet has kept the key already
-- Gives {'retained', first fence of the block}
--       {'not-owner'}
--       {'other-type'}
--
-- Guards invariants 1 and 11 (docs/protocol.md): only who holds the lock gives it up, by exact
-- value; the token is new, so that no script sent earlier can take it for its own.
-- The lock key is written last: a script that an error cuts short has not moved the lock.
local lock, companion, fence = KEYS[1], KEYS[2], KEYS[3]
local value, token, lease_ms = ARGV[1], ARGV[2], ARGV[3]
local proxy, block, kept_ms = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])

local held = redis.pcall('GET', lock)
if type(held) == 'table' then
  if string.find(held.err, 'WRONGTYPE', 1, true) then return {'other-type'} end
  return held
end
if held ~= value then return {'not-owner'} end

-- A block begins at the server's time in microseconds, or at the counter where that is ahead:
-- so a counter that was lost repeats nothing.
local time = redis.call('TIME')
local first = time[1] * 1000000 + time[2]
local counter = redis.pcall('SET', fence, string.format('%.0f', first + block), 'GET')
if type(counter) == 'table' then
  if string.find(counter.err, 'WRONGTYPE', 1, true) then return {'other-type'} end
  return counter
end
counter = counter and tonumber(counter) or 0
local since_ms = math.floor(first / 1000) - kept_ms
if counter > first then
  first = counter
  redis.call('SET', fence, string.format('%.0f', first + block))
end

redis.call('SET', companion,
  cjson.encode({owner = proxy, since = since_ms}), 'PX', lease_ms)
redis.call('SET', lock, token, 'PX', lease_ms)
return {'retained', first}
