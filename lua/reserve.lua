-- reserve: absent -> token + lease. A delegation made ahead of a forecast request.
--
-- KEYS  lock key, companion, fence counter
-- ARGV  token; lease in ms; proxy id; size of the fence block;
--       the client's value that the proxy believes to be in the key, or '' for none
-- Gives {'reserved', first fence of the block, ms for which the fleet has kept the key}
--       {'held', 1 if the value is the believed one, else 0}
--       {'delegated', PTTL, token of another delegation}
--       {'other-type'}
--
-- Guards invariant 1 (docs/protocol.md): a token is written over nothing, never over a holder.
-- The lock key is written last: a script that an error cuts short has not moved the lock.
local lock, companion, fence = KEYS[1], KEYS[2], KEYS[3]
local token, lease_ms, proxy, block, believed = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]

local held = redis.pcall('GET', lock)
if type(held) == 'table' then
  if string.find(held.err, 'WRONGTYPE', 1, true) then return {'other-type'} end
  return held
end
if held then
  if string.sub(held, 1, 9) == 'forelock:' then
    return {'delegated', redis.call('PTTL', lock), held}
  end
  return {'held', held == believed and 1 or 0}
end

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
if counter > first then
  first = counter
  redis.call('SET', fence, string.format('%.0f', first + block))
end

-- The companion outlives a lock key that somebody deleted: the tenure goes on then.
local now_ms = math.floor((time[1] * 1000000 + time[2]) / 1000)
local since_ms = now_ms
local before = redis.pcall('GET', companion)
if type(before) == 'string' then
  local readable, record = pcall(cjson.decode, before)
  if readable and type(record) == 'table' and type(record.since) == 'number' then
    since_ms = math.min(record.since, now_ms)
  end
end
redis.call('SET', companion,
  cjson.encode({owner = proxy, since = since_ms}), 'PX', lease_ms)
redis.call('SET', lock, token, 'PX', lease_ms)
return {'reserved', first, now_ms - since_ms}
