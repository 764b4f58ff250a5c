-- Makes a session for somebody whom the provider vouches for, if the account still is what was read.
-- KEYS: session, users
-- ARGV: user, the account as it was read, its generation, idle ms, absolute ms
-- Returns 1 when it is made, 0 when the account is another by now
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
local t = redis.call('TIME')
local absolute = tonumber(ARGV[5])
local ends = t[1] * 1000 + math.floor(t[2] / 1000) + absolute
redis.call('HSET', KEYS[1], 'user', ARGV[1], 'generation', ARGV[3], 'until', ends)
redis.call('PEXPIRE', KEYS[1], math.min(tonumber(ARGV[4]), absolute))
return 1
