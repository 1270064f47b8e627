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
local freed = 'yielded'

-- include parts/tickets.lua
-- include parts/giving-back.lua

local found = redis.call('MGET', lock, companion)
local held, text = found[1], found[2]
local tickets = text and string.find(text, '"tickets"', 1, true)
if held == token then
  if tickets or how == 'breath' then return give_back(text or '') end
  leave(text)
  return {freed}
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
