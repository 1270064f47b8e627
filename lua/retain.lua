-- retain: the holder's value -> a new token + lease. The release of a grant that is in Redis,
-- where a further request is forecast. Where the first ticket is another proxy's, or the key is left
-- to Redis for a breath, as release.
--
-- KEYS  lock key, companion, fence counter
-- ARGV  the holder's value; new token; lease in ms; proxy id; size of the fence block;
--       ms for which the fleet has kept the key already; database; how long the fleet may keep it,
--       in ms, or 0 for no limit; ms of a breath
-- Gives {'retained', first fence of the block, tickets left}
--       {'released'}: absent
--       {'passed', token, first fence, size of its block, ms kept by the fleet, tickets left}
--       {'not-owner'}
--       {'other-type'}
--
-- Guards invariants 1, 7 and 11 (docs/protocol.md): only who holds the lock gives it up, by exact
-- value; a forecast takes nothing from those who wait; the token is new, so that no script sent
-- earlier can take it for its own.
-- The lock key is written last: a script that an error cuts short has not moved the lock.
local lock, companion, fence = KEYS[1], KEYS[2], KEYS[3]
local value, token, lease_ms = ARGV[1], ARGV[2], ARGV[3]
local proxy, block, known_kept_ms = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local database, limit_ms, breath_ms, how = ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9]), 'pass'
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

-- A block begins at the server's time in microseconds, or at the counter where that is ahead:
-- so a counter that was lost repeats nothing.
local time = redis.call('TIME')
local first = time[1] * 1000000 + time[2]
local now_ms = math.floor(first / 1000)
local since_ms, live, last_ms = now_ms - known_kept_ms, {}, 0
if text then
  local record = record_of(text)
  local free_until_ms = type(record.freeUntilMs) == 'number' and record.freeUntilMs or 0
  if type(record.since) == 'number' then since_ms = math.min(since_ms, record.since) end
  live, last_ms = live_tickets(record, now_ms)
  -- Whoever is first in line at this very proxy is served by it all the same.
  local own_prefix = 'forelock:' .. proxy .. ':'
  local is_ours = live[1] and string.sub(live[1].token, 1, #own_prefix) == own_prefix
  if (live[1] and not is_ours) or free_until_ms > now_ms then return give_back(text) end
  table.remove(live, 1)
end
local counter = redis.pcall('SET', fence, string.format('%.0f', first + block), 'GET')
if type(counter) == 'table' then
  if string.find(counter.err, 'WRONGTYPE', 1, true) then return {'other-type'} end
  return counter
end
counter = counter and tonumber(counter) or 0
if counter > first then
  first = counter
  redis.call('SET', fence, string.format('%.0f', first + block))
end

redis.call('SET', companion, cjson.encode({
  owner = proxy,
  since = since_ms,
  tickets = #live > 0 and live or nil,
}), 'PX', math.max(lease_ms, last_ms))
redis.call('SET', lock, token, 'PX', lease_ms)
return {'retained', first, #live}
