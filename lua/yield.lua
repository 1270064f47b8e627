-- yield: token -> the token of the first live ticket, and its proxy is told; else absent. Gives a
-- delegation back, used or not. A ticket with that token is withdrawn as well.
--
-- KEYS  lock key, companion, fence counter
-- ARGV  token; database; size of the fence block; how long the fleet may keep the key, in ms, or 0
--       for no limit; ms of a breath; how it is given back:
--       'pass', 'breath' (its tenure is over here), 'end' (as 'pass', but nothing is remembered of
--       how long it was kept) or 'leave' (absent, whoever waits)
-- Gives {'yielded'}: absent
--       {'passed', token, first fence, size of its block, ms kept by the fleet, tickets left}
--       {'gone', 'absent' | 'value' | 'token'}: what is there in place of the token
--       {'other-type'}
--
-- Guards invariants 7 and 11 (docs/protocol.md): exactly the token of this delegation is taken
-- away, so a yield that comes late finds nothing that it could harm; and the lock goes to who has
-- waited for longest.
local lock, companion, fence = KEYS[1], KEYS[2], KEYS[3]
local token, database, block = ARGV[1], ARGV[2], tonumber(ARGV[3])
local limit_ms, breath_ms, how = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]

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

-- Absent. How long the fleet has kept the key is remembered for a breath: one who takes it within
-- that time goes on with the same tenure.
local function leave(text)
  if how == 'pass' and limit_ms > 0 and text then
    redis.call('PEXPIRE', companion, breath_ms)
    redis.call('DEL', lock)
  else
    redis.call('DEL', lock, companion)
  end
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
    leave(text)
  else
    local breathes = free_until_ms > now_ms
    redis.call('SET', companion, cjson.encode({
      tickets = #live > 0 and live or nil,
      since = not breathes and record.since or nil,
      freeUntilMs = breathes and free_until_ms or nil,
    }), 'PX', last_ms)
    redis.call('DEL', lock)
  end
  return {'yielded'}
end

local found = redis.call('MGET', lock, companion)
local held, text = found[1], found[2]
local tickets = text and string.find(text, '"tickets"', 1, true)
if held == token then
  if tickets or how == 'breath' then return give_back(text or '') end
  leave(text)
  return {'yielded'}
end

if tickets then
  local record, kept = record_of(text), {}
  for _, ticket in ipairs(type(record.tickets) == 'table' and record.tickets or {}) do
    if type(ticket) == 'table' and ticket.token ~= token then table.insert(kept, ticket) end
  end
  record.tickets = #kept > 0 and kept or nil
  if next(record) then
    redis.call('SET', companion, cjson.encode(record), 'KEEPTTL')
  else
    redis.call('DEL', companion)
  end
end
if not held then
  -- MGET sees nothing in a key of another type.
  local other = redis.pcall('GET', lock)
  if type(other) == 'table' then
    if string.find(other.err, 'WRONGTYPE', 1, true) then return {'other-type'} end
    return other
  end
  return {'gone', 'absent'}
end
return {'gone', string.sub(held, 1, 9) == 'forelock:' and 'token' or 'value'}
