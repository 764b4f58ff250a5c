-- Whose API token it is, by the account as it is now; notes that the token is used.
-- KEYS: tokens, users, tokens used
-- ARGV: digest of the token
-- Returns {user, account, token, 1 if it is the first use of this day (UTC)}, or nothing where the token does not count
local token = redis.call('HGET', KEYS[1], ARGV[1])
local read, record = pcall(cjson.decode, token or '')
if not read then return nil end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if record.expires and record.expires <= now then return nil end
local account = redis.call('HGET', KEYS[2], record.user)
local known, user = pcall(cjson.decode, account or '')
if not known or user.disabled then return nil end
local day, used = 86400000, redis.call('HGET', KEYS[3], ARGV[1])
redis.call('HSET', KEYS[3], ARGV[1], now)
return {record.user, account, token, (not used or math.floor(used / day) ~= math.floor(now / day)) and 1 or 0}
