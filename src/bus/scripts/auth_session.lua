-- Whose session it is, by the account as it is now; keeps the session from being idle, and notes in the list of its user's
-- sessions when it was used, to within 5 s.
-- KEYS: session, users
-- ARGV: idle ms, digest of the session, what keys of users' sessions begin with
-- Returns {user, account}, or nothing where there is no such session any more
local session = redis.call('HMGET', KEYS[1], 'user', 'generation', 'until')
if not session[1] then return nil end
local account = redis.call('HGET', KEYS[2], session[1])
local read, now = pcall(cjson.decode, account or '')
if not read or now.disabled or now.generation ~= tonumber(session[2]) then
  redis.call('DEL', KEYS[1])
  return nil
end
local t = redis.call('TIME')
local clock = t[1] * 1000 + math.floor(t[2] / 1000)
local left = math.min(tonumber(ARGV[1]), tonumber(session[3]) - clock)
redis.call('PEXPIRE', KEYS[1], left)
local listed = ARGV[3] .. session[1]
local used = tonumber(redis.call('ZSCORE', listed, ARGV[2]) or 0)
if clock - used >= 5000 then
  redis.call('ZADD', listed, clock, ARGV[2])
  redis.call('PEXPIRE', listed, math.max(redis.call('PTTL', listed), left))
end
return {session[1], account}
