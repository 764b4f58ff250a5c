-- Answers a message to the auth manager, and takes it, with what is secret in it, out of Redis.
-- Whoever acknowledges the entry answers it.
-- KEYS: stream, reply
-- ARGV: group, entry, deadline ms, answer that it is late, kept ms, answer
-- Returns done, late, or lost where it was another's to answer
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
-- the group is gone after a FLUSHALL: then nobody else can have the entry
if not pending.err then
  if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 'lost' end
end
redis.call('XDEL', KEYS[1], ARGV[2])
local late = now >= tonumber(ARGV[3])
-- no answer where its key holds something else
if type(redis.pcall('RPUSH', KEYS[2], late and ARGV[4] or ARGV[6])) == 'number' then
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
end
return late and 'late' or 'done'
