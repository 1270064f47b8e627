-- want: absent, or a token that the call names as its own -> the requester's value and TTL. The
-- grant that goes through Redis. Where another proxy was first, or has the key in delegation, a
-- ticket with a new token instead, if one is offered; where a client holds the lock, that is told.
--
-- KEYS  lock key, companion, fence counter
-- ARGV  value; TTL in ms; the proxy's own token, in this key or in its ticket, or '' for none;
--       the client's value that the proxy believes to be in the key, or '' for none;
--       proxy id; database; size of the fence block; how long the fleet may keep the key, in ms, or
--       0 for no limit; ms of a breath; '1' where retriers wait for the lock, else '0';
--       the ticket's token, or '' for no ticket; its TTL in ms; the lease that comes with it, in ms;
--       '1' where somebody does not wait, and asks whether the lock is held, else '0'
-- Gives {'yours', fence, 'absent' | 'own'}: what the value was written over; the ticket is over
--       {'held', 1 if the value is the believed one, else 0, PTTL}: a ticket where retriers wait
--       {'asked', PTTL, token of another proxy}: its owner is told, and there is a ticket
--       {'delegated', PTTL, token of this proxy}: none that the call names
--       {'other-type'}
--
-- Guards invariants 1 and 4 (docs/protocol.md): the lock is taken where it is idle and nobody was
-- before, and refused only where somebody has it. An equal value in the key is another request,
-- not this one. A proxy has one ticket at most, which keeps its place when it is replaced.
-- The lock key is written last: a script that an error cuts short has not moved the lock.
local lock, companion, fence = KEYS[1], KEYS[2], KEYS[3]
local value, ttl_ms, own, believed = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local proxy, database, block = ARGV[5], ARGV[6], tonumber(ARGV[7])
local limit_ms, breath_ms, waits = tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10] == '1'
local token, ticket_ms, lease_ms = ARGV[11], tonumber(ARGV[12]), tonumber(ARGV[13])
local asks = ARGV[14] == '1'
local own_prefix = 'forelock:' .. proxy .. ':'

-- include parts/tickets.lua

local found = redis.call('MGET', lock, companion)
local held, text = found[1], found[2]
local record = text and string.find(text, '"tickets"', 1, true) and record_of(text) or nil

local time, now_us, now_ms
local function look_at_clock()
  if time then return end
  time = redis.call('TIME')
  now_us = time[1] * 1000000 + time[2]
  now_ms = math.floor(now_us / 1000)
end

local function is_mine(ticket)
  return string.sub(ticket.token, 1, #own_prefix) == own_prefix
end

-- This proxy's ticket becomes `mine`, in its place or at the end; nil: there is none any more.
local function replace_ticket(live, mine)
  local kept, placed = {}, mine == nil
  for _, ticket in ipairs(live) do
    if not is_mine(ticket) then
      table.insert(kept, ticket)
    elseif not placed then
      table.insert(kept, mine)
      placed = true
    end
  end
  if not placed then table.insert(kept, mine) end
  return kept
end

local function write_tickets(live, at_least_ms)
  record = record or (text and record_of(text)) or {}
  record.tickets = #live > 0 and live or nil
  local last_ms = at_least_ms
  for _, ticket in ipairs(live) do last_ms = math.max(last_ms, ticket.untilMs - now_ms) end
  if type(record.freeUntilMs) == 'number' then
    last_ms = math.max(last_ms, record.freeUntilMs - now_ms)
  end
  if next(record) and last_ms > 0 then
    redis.call('SET', companion, cjson.encode(record), 'PX', last_ms)
  else
    redis.call('DEL', companion)
  end
end

local function new_ticket()
  return {token = token, untilMs = now_ms + ticket_ms, leaseMs = lease_ms, waits = waits or nil}
end

if held and (own == '' or held ~= own) then
  local pttl = redis.call('PTTL', lock)
  local is_token = string.sub(held, 1, 9) == 'forelock:'
  if is_token and string.sub(held, 1, #own_prefix) == own_prefix then
    return {'delegated', pttl, held}
  end
  local mine = nil
  if token ~= '' and (is_token or waits) then
    look_at_clock()
    mine = new_ticket()
  end
  if mine or record then
    look_at_clock()
    local live = live_tickets(record or {}, now_ms)
    write_tickets(replace_ticket(live, mine), pttl)
  end
  if not is_token then return {'held', held == believed and 1 or 0, pttl} end
  local owner = string.match(held, '^forelock:([^:]+):') or ''
  redis.pcall('PUBLISH', 'forelock:proxy:' .. owner,
    table.concat({'recall', database, held, asks and 0 or 1, lock}, ' '))
  return {'asked', pttl, held}
end

look_at_clock()
if record then
  local live, last_ms = live_tickets(record, now_ms)
  local kept_ms = type(record.since) == 'number' and math.max(0, now_ms - record.since) or 0
  local breathes = type(record.freeUntilMs) == 'number' and record.freeUntilMs > now_ms
  -- Who came earlier goes first, save in a breath, which is open to all.
  if not held and not breathes and live[1] and not is_mine(live[1]) then
    if limit_ms > 0 and kept_ms >= limit_ms then
      record.freeUntilMs = now_ms + breath_ms
      record.since, record.owner = nil, nil
    else
      local mine = nil
      if token ~= '' then mine = new_ticket() end
      live = replace_ticket(live, mine)
      if mine then last_ms = math.max(last_ms, ticket_ms) end
      local passed = pass(record, live, last_ms, kept_ms, now_us)
      return {'asked', redis.call('PTTL', lock), passed[2]}
    end
  end
  write_tickets(replace_ticket(live, nil), redis.call('PTTL', companion))
end

-- One number, at the server's time in microseconds or at the counter where that is ahead.
local number = now_us
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

if held then
  redis.call('SET', lock, value, 'PX', ttl_ms)
elseif not redis.call('SET', lock, value, 'PX', ttl_ms, 'NX') then
  -- MGET sees nothing in a key of another type.
  return {'other-type'}
end
-- Where others wait here, Redis is to tell when the key goes: it tells of keys that were read.
if waits then redis.call('GET', lock) end
return {'yours', number, held and 'own' or 'absent'}
