-- Makes a session for somebody whom the provider vouches for, if the account still is what was read.
-- KEYS: session, sessions of the user, users
-- ARGV: user, the account as it was read, its generation, idle ms, absolute ms, digest, what keys of sessions begin with,
-- sessions of a user, origin, address, agent
-- Returns 1 when it is made, 0 when the account is another by now
if redis.call('HGET', KEYS[3], ARGV[1]) ~= ARGV[2] then return 0 end
local t = redis.call('TIME')
make_session(KEYS[1], KEYS[2], t[1] * 1000 + math.floor(t[2] / 1000), {user = ARGV[1], generation = ARGV[3],
  idle = ARGV[4], absolute = ARGV[5], digest = ARGV[6], prefix = ARGV[7], most = ARGV[8], origin = ARGV[9],
  address = ARGV[10], agent = ARGV[11]})
return 1
