-- Keeps a login that somebody goes to the provider for. Anybody can begin one, so there is a bound.
-- KEYS: login, count of those begun lately
-- ARGV: what is kept of it, kept ms, how many at most, counted over ms
-- Returns 1 when it is kept, 0 when there were too many
local count = redis.call('INCR', KEYS[2])
if count == 1 then redis.call('PEXPIRE', KEYS[2], ARGV[4]) end
if count > tonumber(ARGV[3]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
