-- recover: the token of an earlier run -> the holder's value, with what is left of its TTL; or absent.
-- After a restart, where the journal proves what was granted from that token.
--
-- KEYS  lock key, companion
-- ARGV  token; the holder's value; the holder's remaining TTL in ms, or 0 where nobody has the lock
-- Gives {'materialized'}
--       {'freed'}
--       {'gone', 'absent' | 'value' | 'token'}: what is there in place of the token
--       {'other-type'}
--
-- Guards invariants 1, 7 and 11 (docs/protocol.md): a holder that only a dead process knew of keeps
-- its lock, and what nobody holds is free at once; both only in place of the exact token, so that
-- running it twice does no harm.
-- Tickets in the companion stay, and their proxies ask again.
local lock, companion = KEYS[1], KEYS[2]
local token, value, left_ms = ARGV[1], ARGV[2], tonumber(ARGV[3])

local held = redis.pcall('GET', lock)
if type(held) == 'table' then
  if string.find(held.err, 'WRONGTYPE', 1, true) then return {'other-type'} end
  return held
end
if held ~= token then
  if not held then return {'gone', 'absent'} end
  return {'gone', string.sub(held, 1, 9) == 'forelock:' and 'token' or 'value'}
end

local text = redis.pcall('GET', companion)
local readable, record = pcall(cjson.decode, type(text) == 'string' and text or '')
if not readable or type(record) ~= 'table' or not record.tickets then
  redis.call('DEL', companion)
end
-- The lock key is written last: a script that an error cuts short has not moved the lock.
if left_ms > 0 then
  redis.call('SET', lock, value, 'PX', left_ms)
  return {'materialized'}
end
redis.call('DEL', lock)
return {'freed'}
