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

local function record_of(text)
  local readable, record = pcall(cjson.decode, text)
  return readable and type(record) == 'table' and record or {}
end

-- Who waits, in order of arrival; what nobody of ours wrote is left out.
local function live_tickets(record, now_ms)
  local live, last_ms = {}, 0
  for _, ticket in ipairs(type(record.tickets) == 'table' and record.tickets or {}) do
    if type(ticket) == 'table' and type(ticket.token) == 'string'
        and type(ticket.untilMs) == 'number' and type(ticket.leaseMs) == 'number'
        and ticket.untilMs > now_ms then
      table.insert(live, ticket)
      last_ms = math.max(last_ms, ticket.untilMs - now_ms)
    end
  end
  return live, last_ms
end

-- To the first in line, whose proxy is told. The lock key is written last: a script that an error
-- cuts short has not moved the lock.
local function pass(record, live, last_ms, kept_ms, now_us)
  -- A block of fences begins at the server's time in microseconds, or at the counter where that is
  -- ahead: so a counter that was lost repeats nothing. Without one, each grant asks Redis.
  local first, size = now_us, block
  local counter = redis.pcall('SET', fence, string.format('%.0f', first + size), 'GET')
  if type(counter) == 'table' then
    first, size = 0, 0
  elseif counter and tonumber(counter) and tonumber(counter) > first then
    first = tonumber(counter)
    redis.call('SET', fence, string.format('%.0f', first + size))
  end
  local chosen = table.remove(live, 1)
  local left = #live
  record.owner = string.match(chosen.token, '^forelock:([^:]+):') or ''
  record.since = math.floor(now_us / 1000) - kept_ms
  record.tickets = left > 0 and live or nil
  record.freeUntilMs = nil
  redis.call('SET', companion, cjson.encode(record), 'PX', math.max(chosen.leaseMs, last_ms))
  redis.pcall('PUBLISH', 'forelock:proxy:' .. record.owner, table.concat({'transfer', database,
    chosen.token, string.format('%.0f', first), size, kept_ms, left, lock}, ' '))
  redis.call('SET', lock, chosen.token, 'PX', chosen.leaseMs)
  return {'passed', chosen.token, first, size, kept_ms, left}
end

local function give_back(text)
  local record = record_of(text)
  local time = redis.call('TIME')
  local now_us = time[1] * 1000000 + time[2]
  local now_ms = math.floor(now_us / 1000)
  local live, last_ms = live_tickets(record, now_ms)
  local since = type(record.since) == 'number' and record.since or now_ms
  local kept_ms = math.max(0, now_ms - since)
  local free_until_ms = type(record.freeUntilMs) == 'number' and record.freeUntilMs or 0
  -- Past the tenure the key is left to Redis: others, straight on Redis, get their turn.
  if how == 'breath' or (limit_ms > 0 and kept_ms >= limit_ms) then
    free_until_ms = now_ms + breath_ms
  end
  if free_until_ms <= now_ms and how ~= 'leave' and #live > 0 then
    return pass(record, live, last_ms, kept_ms, now_us)
  end
  last_ms = math.max(last_ms, free_until_ms - now_ms)
  if last_ms <= 0 then
    redis.call('PEXPIRE', companion, breath_ms)
    redis.call('DEL', lock)
  else
    local breathes = free_until_ms > now_ms
    redis.call('SET', companion, cjson.encode({
      tickets = #live > 0 and live or nil,
      since = not breathes and record.since or nil,
      freeUntilMs = breathes and free_until_ms or nil,
    }), 'PX', last_ms)
    redis.call('DEL', lock)
  end
  return {'released'}
end

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
