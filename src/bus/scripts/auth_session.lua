-- Whose session it is, by the account as it is now; keeps the session from being idle.
-- KEYS: session, users
-- ARGV: idle ms
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
local left = tonumber(session[3]) - (t[1] * 1000 + math.floor(t[2] / 1000))
redis.call('PEXPIRE', KEYS[1], math.min(tonumber(ARGV[1]), left))
return {session[1], account}
