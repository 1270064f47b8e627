-- reserve: absent, and nobody of the fleet waits for it -> token + lease. A delegation made ahead of
-- a forecast request.
--
-- KEYS  lock key, companion, fence counter
-- ARGV  token; lease in ms; proxy id; size of the fence block;
--       the client's value that the proxy believes to be in the key, or '' for none
-- Gives {'reserved', first fence of the block, ms for which the fleet has kept the key}
--       {'held', 1 if the value is the believed one, else 0}
--       {'delegated', PTTL, token of another delegation}
--       {'wanted'}: a proxy has a ticket, or the key is left to Redis for a breath
--       {'other-type'}
--
-- Guards invariants 1 and 7 (docs/protocol.md): a token is written over nothing, never over a
-- holder, and a forecast takes nothing from those who have asked already.
-- The lock key is written last: a script that an error cuts short has not moved the lock.
local lock, companion, fence = KEYS[1], KEYS[2], KEYS[3]
local token, lease_ms, proxy, block, believed = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]

local found = redis.call('MGET', lock, companion)
local held = found[1]
if held then
  if string.sub(held, 1, 9) == 'forelock:' then
    return {'delegated', redis.call('PTTL', lock), held}
  end
  return {'held', held == believed and 1 or 0}
end

local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now_ms = math.floor(now_us / 1000)

-- The companion outlives a lock key that somebody deleted: the tenure goes on then.
local since_ms = now_ms
if found[2] then
  local readable, record = pcall(cjson.decode, found[2])
  if readable and type(record) == 'table' then
    for _, ticket in ipairs(type(record.tickets) == 'table' and record.tickets or {}) do
      if type(ticket) == 'table' and type(ticket.untilMs) == 'number'
          and ticket.untilMs > now_ms then
        return {'wanted'}
      end
    end
    if type(record.freeUntilMs) == 'number' and record.freeUntilMs > now_ms then
      return {'wanted'}
    end
    if type(record.since) == 'number' then since_ms = math.min(record.since, now_ms) end
  end
end

-- A block begins at the server's time in microseconds, or at the counter where that is ahead:
-- so a counter that was lost repeats nothing.
local first = now_us
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

redis.call('SET', companion, cjson.encode({owner = proxy, since = since_ms}), 'PX', lease_ms)
-- MGET sees nothing in a key of another type.
if not redis.call('SET', lock, token, 'PX', lease_ms, 'NX') then
  redis.call('DEL', companion)
  return {'other-type'}
end
return {'reserved', first, now_ms - since_ms}
