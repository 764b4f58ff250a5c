-- Ends a session and answers in one step, if there is still time for that.
-- KEYS: those of auth_take, session
-- ARGV: those of auth_take, answer where there is no such session
-- Returns done, late, or lost where it was another's to answer
local ended = not late and redis.call('DEL', KEYS[3]) == 1
reply(ended and ARGV[6] or ARGV[7])
return late and 'late' or 'done'
