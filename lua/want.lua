-- want: absent, or the token that the call names as its own -> the requester's value and TTL.
-- The grant that goes through Redis.
--
-- KEYS  lock key, fence counter
-- ARGV  value; TTL in ms; the proxy's own token in this key, or '' for none;
--       the client's value that the proxy believes to be in the key, or '' for none
-- Gives {'yours', fence, 'absent' | 'own'}: what the value was written over
--       {'held', 1 if the value is the believed one, else 0; PTTL}
--       {'delegated', PTTL, token of another delegation}
--       {'other-type'}
--
-- Guards invariants 1 and 4 (docs/protocol.md): the lock is taken where it is idle, and refused
-- only where somebody has it. An equal value in the key is another request, not this one.
-- The lock key is written last: a script that an error cuts short has not moved the lock.
local lock, fence = KEYS[1], KEYS[2]
local value, ttl_ms, own, believed = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local held = redis.pcall('GET', lock)
if type(held) == 'table' then
  if string.find(held.err, 'WRONGTYPE', 1, true) then return {'other-type'} end
  return held
end
if held and (own == '' or held ~= own) then
  if string.sub(held, 1, 9) == 'forelock:' then
    return {'delegated', redis.call('PTTL', lock), held}
  end
  return {'held', held == believed and 1 or 0, redis.call('PTTL', lock)}
end

-- One number, at the server's time in microseconds or at the counter where that is ahead.
local time = redis.call('TIME')
local number = time[1] * 1000000 + time[2]
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

redis.call('SET', lock, value, 'PX', ttl_ms)
return {'yours', number, held and 'own' or 'absent'}
