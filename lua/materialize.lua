-- materialize: token -> the holder's value, with what is left of the holder's TTL.
--
-- KEYS  lock key; its companion, where the key is settled (optional)
-- ARGV  token; the holder's value; the holder's remaining TTL in ms
-- Gives {'materialized'}
--       {'gone', 'absent' | 'value' | 'token'}: what is there in place of the token
--       {'other-type'}
--
-- Guards invariants 1 and 11 (docs/protocol.md): a holder known only to the proxy's memory becomes
-- the key's value, and only in place of the token that this grant was made from.
-- The companion stays, since the key is kept from others by the same tenure; where the key is
-- settled it is left to Redis for good, and the companion goes.
local lock = KEYS[1]
local token, value, left_ms = ARGV[1], ARGV[2], ARGV[3]

local held = redis.pcall('GET', lock)
if type(held) == 'table' then
  if string.find(held.err, 'WRONGTYPE', 1, true) then return {'other-type'} end
  return held
end
if held ~= token then
  if not held then return {'gone', 'absent'} end
  return {'gone', string.sub(held, 1, 9) == 'forelock:' and 'token' or 'value'}
end

if KEYS[2] then redis.call('DEL', KEYS[2]) end
redis.call('SET', lock, value, 'PX', left_ms)
return {'materialized'}
