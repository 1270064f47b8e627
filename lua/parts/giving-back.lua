-- giving-back: a lock key that is free is passed on, or left absent. A part, as tickets.lua, behind it.
--
-- Needs lock, companion of the KEYS; limit_ms (how long the fleet may keep the key, 0 for no limit),
--       breath_ms, how ('pass', 'breath', 'end' or 'leave', see release.lua) of the ARGV; freed: the
--       answer where the key is absent then.
-- Gives leave(text), give_back(text)
--
-- Guards invariant 7 (docs/protocol.md): past the tenure the key is left to Redis.
-- Absent. How long the fleet has kept the key is remembered for a breath: one who takes it within
-- that time goes on with the same tenure. A companion that tells of a breath ends with it already.
local function leave(text)
  if how == 'pass' and limit_ms > 0 and text then
    if not string.find(text, '"freeUntilMs"', 1, true) then
      redis.call('PEXPIRE', companion, breath_ms)
    end
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
  return {freed}
end
