-- Answers a message to the auth manager.
-- KEYS and ARGV: those of auth_take
-- Returns done, late, or lost where it was another's to answer
reply(ARGV[6])
return late and 'late' or 'done'
