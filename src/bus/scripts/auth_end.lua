-- Ends a session.
-- KEYS: session
-- ARGV: digest of the session, what keys of users' sessions begin with
-- Returns 1 when it ended, 0 where there was none
local user = redis.call('HMGET', KEYS[1], 'user')[1]
if user then redis.call('ZREM', ARGV[2] .. user, ARGV[1]) end
return redis.call('DEL', KEYS[1])
