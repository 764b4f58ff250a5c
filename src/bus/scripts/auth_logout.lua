-- Ends a session and answers in one step, if there is still time for that.
-- KEYS: those of auth_take, session
-- ARGV: those of auth_take, answer where there is no such session, digest of the session, what keys of users' sessions begin
-- with
-- Returns done, late, or lost where it was another's to answer
local user = redis.call('HMGET', KEYS[3], 'user')[1]
local ended = not late and redis.call('DEL', KEYS[3]) == 1
if ended and user then redis.call('ZREM', ARGV[9] .. user, ARGV[8]) end
reply(ended and ARGV[6] or ARGV[7])
return late and 'late' or 'done'
