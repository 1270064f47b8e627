-- materialize: token -> the holder's value, with what is left of the holder's TTL.
--
-- KEYS  lock key; its companion, where the key is settled or was asked for (optional)
-- ARGV  token; the holder's value; the holder's remaining TTL in ms; with a companion: database;
--       'settle', or 'tell' where its tenure goes on
-- Gives {'materialized'}
--       {'gone', 'absent' | 'value' | 'token'}: what is there in place of the token
--       {'other-type'}
--
-- Guards invariants 1, 4 and 11 (docs/protocol.md): a holder known only to the proxy's memory
-- becomes the key's value, and only in place of the token that this grant was made from; who asked
-- for the lock is told that it is held; the tickets of those who wait for it stay.
-- Without a companion it stays, since the key is kept from others by the same tenure; where the key
-- is settled it is left to Redis for good, and all but the tickets goes.
local lock, companion = KEYS[1], KEYS[2]
local token, value, left_ms, database, how = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local held = redis.pcall('GET', lock)
if type(held) == 'table' then
  if string.find(held.err, 'WRONGTYPE', 1, true) then return {'other-type'} end
  return held
end
if held ~= token then
  if not held then return {'gone', 'absent'} end
  return {'gone', string.sub(held, 1, 9) == 'forelock:' and 'token' or 'value'}
end

if companion then
  local text = redis.pcall('GET', companion)
  local readable, record = pcall(cjson.decode, type(text) == 'string' and text or '')
  if not readable or type(record) ~= 'table' then record = {} end
  local waiting = {}
  for _, ticket in ipairs(type(record.tickets) == 'table' and record.tickets or {}) do
    if type(ticket) == 'table' and type(ticket.token) == 'string' then
      if ticket.waits then table.insert(waiting, ticket) end
      local proxy = string.match(ticket.token, '^forelock:([^:]+):') or ''
      redis.pcall('PUBLISH', 'forelock:proxy:' .. proxy,
        table.concat({'held', database, ticket.token, left_ms, lock}, ' '))
    end
  end
  record.tickets = #waiting > 0 and waiting or nil
  if how == 'settle' then record.owner, record.since = nil, nil end
  if next(record) then
    redis.call('SET', companion, cjson.encode(record), 'KEEPTTL')
  else
    redis.call('DEL', companion)
  end
end
redis.call('SET', lock, value, 'PX', left_ms)
return {'materialized'}
