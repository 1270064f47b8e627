-- tickets: who of the fleet waits for a lock key, and how the key is passed on to the first of them.
-- A part of the scripts that say 'include': it stands in each of them.
--
-- Needs lock, companion, fence of the KEYS; database, block (size of the fence block) of the ARGV.
-- Gives record_of(text), live_tickets(record, now_ms), pass(record, live, last_ms, kept_ms, now_us);
--       pass gives {'passed', token, first fence, size of its block, ms kept by the fleet, tickets left}
--
-- Guards invariants 1 and 4 (docs/protocol.md): the lock goes to who has waited for longest, with
-- numbers of its own.
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
